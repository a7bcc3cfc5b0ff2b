"""Peak memory of running a model, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path


def peak_memory(path, batch_size=8):
    """Run a model on a batch in a new process and tell how much memory it took.

    Args:
        path: A .keras, an exported .tflite, or the folder of a `QuantizedEnsemble`.
        batch_size: Images in the batch.

    Returns:
        Dict of `peak_mb`, the most that the process held, and `libraries_mb`, what it
        held before it opened the model: the libraries. None where the system has no
        /proc.

    Raises:
        RuntimeError: If the process fails; the message is its own.
    """
    if not Path("/proc/self/status").is_file():
        return None
    command = [sys.executable, "-m", __name__, str(path), str(batch_size)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(
            f"the process that measures memory failed. Received: {found.stderr.strip()}"
        )
    return json.loads(found.stdout.splitlines()[-1])


def _measure(path, batch_size):
    import numpy as np

    if path.suffix == ".keras":
        from keras_derm.classifiers import load_classifier as load
    else:
        from keras_derm.export import QuantizedEnsemble as load

    libraries = peak_bytes()
    model = load(path)
    if path.suffix == ".keras":
        shape, run = model.input_shape[1:], model.predict_on_batch
    else:
        shape, run = (*model.image_size, 3), model.predict
    run(np.zeros((batch_size, *shape), "float32"))
    return {"peak_mb": peak_bytes() / 1e6, "libraries_mb": libraries / 1e6}


def peak_bytes():
    """Most that this process has held in memory so far, in bytes."""
    # Not resource.getrusage: its peak begins with that of the process that started us.
    status = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), int(sys.argv[2]))))
