"""Fine-tune a classifier for its quantised form with TF-MOT."""

import dataclasses
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from keras_derm.export.tf_keras.twin_description import describe_twin
from keras_derm.export.tflite import (
    check_settings,
    class_names,
    image_size_of,
    write_model,
)
from keras_derm.files import new_array
from keras_derm.settings import FineTuningSettings

OWN_SETTINGS = {"qat": (), "pruning": ("sparsity",), "clustering": ("n_clusters",)}
"""Settings that a method has for itself."""

PACKAGES = ("tensorflow_model_optimization", "tf_keras")
N_REPRESENTATIVE = 200


def quantization_aware(
    model,
    path,
    images,
    targets=None,
    settings=None,
    *,
    sample_weights=None,
    representative_images=None,
    image_size=None,
    n_views=1,
    classes=None,
    mode="int8",
    io="float",
):
    """Fine-tune a copy of a classifier with TF-MOT and write it as TFLite.

    TF-MOT works on Keras 2. So a process of its own builds a tf_keras twin with the
    same weights, checks that it gives the same probabilities, fine-tunes it with the
    cross-entropy, converts it, and checks that the file gives what the fine-tuned
    twin gives. `model` stays as it is. An ensemble is done member by member, which
    `export_ensemble` does; `image_size` and `n_views` make the file take what the
    ensemble takes.

    Args:
        model: Flat functional classifier, such as `build_classifier` gives.
        path: Where to write; ends in `.tflite`. A description goes beside it as .json.
        images: Training images of the model's own size, uint8 array
            `(n, height, width, 3)`, RGB; or a `tf.data.Dataset`, or anything else that
            gives batches `(images, targets)` or `(images, targets, sample weights)`,
            whose first `n_steps` are taken.
        targets: Array `(n, n_classes)`, one-hot or any distribution: the model's own
            probabilities make the copy imitate it. None with batches.
        settings: `FineTuningSettings`, the default ones if None. Its optimizer is Adam
            with cosine decay; batches have the size they have, and what is imitated is
            for `targets` to say. In `"qat"` weights and activations are rounded to int8
            while it learns; batch normalisations stay as they are. Layers that TF-MOT
            cannot quantise, and the classes where `io` is float, stay in float and are
            named.
        sample_weights: Array `(n,)`, or None for equal weights.
        representative_images: What sets ranges and is checked on, as the file takes
            them; by default 200 of `images`, where these have that size.
        image_size: Side in pixels of the images that the file takes: it resizes them
            for the model as `build_ensemble` does. By default the model's own.
        n_views: Over how many views of the image the file averages, as
            `build_ensemble` does.
        classes: Class names, in the order of the output. Default: `"0"`, `"1"`, ...
        mode: How to quantise after pruning or clustering, as in `export_tflite`; qat
            is int8.
        io: Type of image and probabilities, as in `export_tflite`.

    Returns:
        Dict, the content of the .json: what `export_tflite` gives, and `n_steps`,
        `learning_rate`, `seed`, the method's own setting, `compressed_bytes` (zlib),
        `twin_max_abs_difference` (of probabilities, before), and
        `tflite_mean_abs_difference` (after). `float_layers` names the layers that qat
        left in float.

    Raises:
        ImportError: The extra `quantization` is not installed.
        ValueError: An argument does not fit the model, or a layer has no counterpart.
        RuntimeError: The twin, or the file, gives other probabilities; or the process
            failed.

    Reference:
        Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference, CVPR. Zhu and Gupta 2017, To prune, or not
        to prune, arXiv:1710.01878. Han et al. 2016, Deep Compression, ICLR.
    """
    settings = settings or FineTuningSettings()
    check_packages()
    settings.check_modes(mode)
    check_settings(path, mode, io)
    own_size = image_size_of(model)
    image_size = (image_size, image_size) if image_size else own_size
    classes = class_names(model, classes)
    layers = describe_twin(model)
    start = time.perf_counter()
    chosen = ("n_steps", "learning_rate", "seed", *OWN_SETTINGS[settings.method])
    told = {"method": settings.method, "mode": mode, "io": io}
    told |= {name: getattr(settings, name) for name in chosen}
    with tempfile.TemporaryDirectory(prefix="keras_derm_") as folder:
        folder = Path(folder)
        if targets is None:
            arrays, batch_size = _from_dataset(images, settings.n_steps, model, folder)
            arrays["order"] = np.arange(len(arrays["images"]))
        else:
            shape, batch_size = ((*own_size, 3), len(classes)), settings.batch_size
            arrays = _from_arrays(images, targets, sample_weights, shape)
            n_needed = settings.n_steps * batch_size
            arrays["order"] = shuffled(len(images), n_needed, settings.seed)
        representative = _representative(
            representative_images, arrays, image_size, settings.seed
        )
        arrays["representative"] = representative
        arrays["probabilities"] = model.predict(
            resized(representative, own_size), verbose=0
        )
        job = {**told, "batch_size": batch_size, "n_views": n_views}
        _write_job(folder, layers, arrays, job)
        result = _run_worker(folder)
        content = (folder / "model.tflite").read_bytes()
    return write_model(
        path,
        content,
        ("keras", "tensorflow", "tensorflow_model_optimization", "keras_derm"),
        classes=classes,
        image_size=list(image_size),
        **told,
        **result,
        n_representative_images=len(representative),
        compressed_bytes=len(zlib.compress(content, 9)),
        seconds=round(time.perf_counter() - start, 1),
    )


def check_packages():
    """Raise ImportError unless the extra `quantization` is installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            "Quantisation-aware training, pruning and clustering need the extra "
            '`quantization`: pip install "keras_derm[quantization]". '
            f"Received: no {' and no '.join(missing)}"
        )


def resized(images, image_size):
    """Images as `build_ensemble` resizes them for a member, float32."""
    import keras

    images = np.asarray(images, "float32")
    if images.shape[1:3] == tuple(image_size):
        return images
    return np.asarray(keras.ops.image.resize(images, image_size))


def shuffled(n, n_needed, seed):
    """Positions `(n_needed,)`: all `n` in an order of chance, and again in another."""
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(n) for _ in range(-(-n_needed // n))]
    return np.concatenate(rounds)[:n_needed]


def _from_arrays(images, targets, sample_weights, shape):
    image_shape, n_classes = shape
    targets = np.asarray(targets, "float32")
    n = len(images)
    if sample_weights is None:
        sample_weights = np.ones(n)
    sample_weights = np.asarray(sample_weights, "float32")
    found = np.shape(images), targets.shape, sample_weights.shape
    if n == 0 or found != ((n, *image_shape), (n, n_classes), (n,)):
        raise ValueError(
            f"`images` must be (n, {', '.join(map(str, image_shape))}), `targets` "
            f"(n, {n_classes}), `sample_weights` (n,). Received: {found}"
        )
    return {"images": images, "targets": targets, "sample_weights": sample_weights}


def _from_dataset(dataset, n_steps, model, folder):
    """The first batches of a data set, the images in a file: they may be many."""
    parts, targets, weights, filled = None, [], [], 0
    for images, target, *weight in itertools.islice(dataset, n_steps):
        images = np.asarray(images)
        if parts is None:
            batch_size = len(images)
            shape = (n_steps * batch_size, *images.shape[1:])
            parts = new_array(folder / "images.npy", images.dtype, shape)
        parts[filled : filled + len(images)] = images
        filled += len(images)
        targets.append(target)
        weights.append(weight[0] if weight else np.ones(len(images)))
    if parts is None or filled != len(parts):
        raise ValueError(
            f"The data set must give {n_steps} batches of one size; let it repeat. "
            f"Received: {filled} images"
        )
    shape = tuple(model.input_shape[1:]), model.output_shape[-1]
    targets, weights = np.concatenate(targets), np.concatenate(weights)
    return _from_arrays(parts, targets, weights, shape), batch_size


def _representative(images, arrays, image_size, seed):
    if images is None:
        n = len(arrays["images"])
        rows = shuffled(n, min(n, N_REPRESENTATIVE), seed)
        images = arrays["images"][np.sort(rows)]
    shape = np.shape(images)
    if len(shape) != 4 or shape[0] == 0 or shape[1:] != (*image_size, 3):
        raise ValueError(
            "`representative_images` must be images as the file takes them, an array "
            f"(n, {image_size[0]}, {image_size[1]}, 3). Received: shape {shape}"
        )
    return np.asarray(images)


def _write_job(folder, layers, arrays, settings):
    described, weights = [], {}
    for layer in layers:
        names = [f"{layer.name}/{i}" for i in range(len(layer.weights))]
        weights.update(zip(names, layer.weights, strict=True))
        described.append({**dataclasses.asdict(layer), "weights": names})
    np.savez(folder / "weights.npz", **weights)
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        if not path.exists():
            np.save(path, array)
    job = {**settings, "layers": described, "arrays": list(arrays)}
    (folder / "job.json").write_text(json.dumps(job))


def _run_worker(folder):
    """Result of the worker, which prints its progress as it goes."""
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", "keras_derm.export.tf_keras.worker", str(folder)]
    status = subprocess.run(command, env=environment, check=False).returncode
    if status:
        raise RuntimeError(
            "The process that fine-tunes with TF-MOT failed; what it printed stands "
            f"above. Received: exit status {status}"
        )
    result = json.loads((folder / "result.json").read_text())
    if "error" in result:
        raise RuntimeError(result["error"])
    return result
