"""A .tflite file with the .json that describes it, run by LiteRT alone."""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np


def read_description(path, needed, what):
    """Read the .json beside a .tflite, and check that it describes that file.

    Args:
        path: The .tflite file.
        needed: Keys that the .json must have, beside "sha256".
        what: What the file is, with its article, for messages.

    Returns:
        Dict, all that the .json says.

    Raises:
        FileNotFoundError: The .tflite or its .json is missing.
        ValueError: One is damaged, or does not belong to the other.
    """
    path = Path(path)
    beside = path.with_suffix(".json")
    for file in (path, beside):
        if not file.is_file():
            raise FileNotFoundError(
                f"{what} is a .tflite file with its .json beside it. "
                f"Received: {file}, which is missing"
            )
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        missing = [name for name in (*needed, "sha256") if name not in told]
    except (ValueError, TypeError) as error:
        raise ValueError(f"not a JSON object ({error}). Received: {beside}") from None
    if missing:
        raise ValueError(f"{beside} lacks {missing}. Received: {list(told)}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != told["sha256"]:
        raise ValueError(
            f"{path} is not the file that {beside} describes: damaged or changed. "
            "Train or copy it again"
        )
    return told


@functools.lru_cache(maxsize=4)
def network(path):
    """Function of one image `(side, side, 3)`, float32 in [0, 255], to the output.

    The output is without its batch dimension. One thread: whoever has many images
    spreads them over processes, in each of which the interpreter is made anew.

    Args:
        path: The .tflite file, a str.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def run(image):
        interpreter.set_tensor(taken["index"], image[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])[0]

    return run
