"""Fine-tune the tf_keras twin of a classifier with TF-MOT and write it as TFLite.

Run by `keras_derm.export.quantization_aware` in a process of its own, on a folder
with the job: importing TF-MOT turns `tf.keras` into Keras 2 for the whole process.

Usage: python -m keras_derm.export.tf_keras.worker FOLDER
"""

import json
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tf_keras

from keras_derm.export.tf_keras.conversion import convert, mean_difference
from keras_derm.export.tf_keras.fine_tuning import fit
from keras_derm.export.tf_keras.quantization import (
    calibrate,
    layers_left_in_float,
    quantization_aware_training,
)
from keras_derm.export.tf_keras.sparsity import clustering, pruning
from keras_derm.export.tf_keras.twin import (
    as_member,
    build_twin,
    resized,
)

MAX_DIFFERENCE = 1e-4
"""Of the probabilities of the twin and of the Keras 3 model: float32 rounding."""

MAX_DEVIATION = 0.05
"""Mean of the probabilities of the TFLite file from the network it was made of."""

METHODS = {
    "qat": quantization_aware_training,
    "pruning": pruning,
    "clustering": clustering,
}


class WorkerError(RuntimeError):
    """The job cannot be done; the message goes to who asked for it.

    Example:
        >>> raise WorkerError("The twin gives other probabilities. Received: 0.2")
    """


def main(folder):
    """Do the job that lies in `folder` and leave model.tflite and result.json there."""
    folder = Path(folder)
    try:
        result = work(folder, json.loads((folder / "job.json").read_text()))
    except WorkerError as error:
        result = {"error": str(error)}
    (folder / "result.json").write_text(json.dumps(result))


def work(folder, job):
    """Build the twin, check it, fine-tune it, convert it, check that.

    Returns:
        Dict: `float_layers`, `twin_max_abs_difference`, `tflite_mean_abs_difference`.

    Raises:
        WorkerError: If the twin, or the file, gives other probabilities.
    """
    tf_keras.utils.set_random_seed(job["seed"])
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in job["arrays"]
    }
    twin = build_twin(folder, job["layers"])
    own_images = resized(arrays["representative"], twin).numpy()
    y_prob = twin.predict(own_images, verbose=0)
    difference = float(np.abs(y_prob - arrays["probabilities"]).max())
    if not difference <= MAX_DIFFERENCE:
        raise WorkerError(
            "The tf_keras twin gives other probabilities than the Keras 3 model, "
            f"which may differ by {MAX_DIFFERENCE} at most. Received: a difference of "
            f"{difference:.2g}"
        )
    prepare, finish, callbacks = METHODS[job["method"]](job)
    model = prepare(twin)
    float_layers = []
    if job["method"] == "qat":
        calibrate(model, own_images)
    fit(model, arrays, job, callbacks)
    model = finish(model)
    member = as_member(model, job["n_views"])
    content = convert(model, member, arrays, job)
    if job["method"] == "qat":
        float_layers = layers_left_in_float(model, content)
        if float_layers:
            print(f"Left in float: {', '.join(float_layers)}", flush=True)
    deviation = mean_difference(member, content, arrays["representative"])
    if not deviation <= MAX_DEVIATION:
        raise WorkerError(
            "The TFLite file gives other probabilities than the network it was made "
            f"of, which may differ by {MAX_DEVIATION} in the mean. Received: a "
            f"difference of {deviation:.2g}"
        )
    (folder / "model.tflite").write_bytes(content)
    return {
        "float_layers": float_layers,
        "twin_max_abs_difference": difference,
        "tflite_mean_abs_difference": deviation,
    }


if __name__ == "__main__":
    main(sys.argv[1])
