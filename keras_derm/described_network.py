"""A .tflite file with the .json that describes it, run by LiteRT alone."""

import functools
import hashlib
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pydantic

from keras_derm.files import DamagedFileError, read_json, shown
from keras_derm.terminal import silenced

SAVED_MODELS = Path(__file__).resolve().parents[1] / "saved_models"
"""Where the networks lie that come with the repository; a package alone has none."""

WAY_OUT = "copy it anew, or train the network again"


def read_description(path, kind, what):
    """Read the .json beside a .tflite, and check that it describes that file.

    Args:
        path: The .tflite file.
        kind: `pydantic.BaseModel` of what the .json must say; it has `sha256`.
        what: What the file is, with its article, for messages.

    Returns:
        Dict, all that the .json says.

    Raises:
        FileNotFoundError: The .tflite or its .json is missing.
        DamagedFileError: The .json says something else.
        ValueError: The .tflite is not the file that it describes.
    """
    path = Path(path)
    beside = path.with_suffix(".json")
    for file in (path, beside):
        if not file.is_file():
            raise FileNotFoundError(
                f"{what} is a .tflite file with its .json beside it. "
                f"Received: {file}, which is missing"
            )
    content = read_json(beside, (), WAY_OUT)
    try:
        told = kind.model_validate(content).model_dump()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise DamagedFileError(
            f"{beside} does not describe {what} ({place}: {said}): {WAY_OUT}. "
            f"Received: {shown(content.get(place.partition('.')[0]))}"
        ) from error
    if hashlib.sha256(path.read_bytes()).hexdigest() != told["sha256"]:
        raise ValueError(
            f"{path} is not the file that {beside} describes: damaged or changed. "
            "Train or copy it again"
        )
    return told


def learned_from(path, description, catalog):
    """Photographs that the csv of its split, beside a network, has in train or val.

    Args:
        path: The .tflite file.
        description: Content of its .json; without `split_file` nothing is known.
        catalog: `keras_derm.catalog.Catalog`.

    Returns:
        bool array (n,).

    Raises:
        FileNotFoundError: The file of the split is not there.
    """
    name = description.get("split_file")
    if name is None:
        return np.zeros(len(catalog), bool)
    split = Path(path).with_name(name)
    if not split.is_file():
        raise FileNotFoundError(
            "what a network learned from stands in the file of its split. "
            f"Received: {split}, which is missing"
        )
    rows = pd.read_csv(split, dtype="string")
    seen = rows.loc[rows["split"] != "test", "isic_id"]
    # In a joined catalog the name of its reader stands before an id.
    ids = catalog.table["isic_id"].str.rpartition(":")[2]
    return ids.isin(seen).to_numpy(bool)


@functools.lru_cache(maxsize=4)
def network(path):
    """Function of one image `(side, side, 3)`, float32 in [0, 255], to the output.

    The output is without its batch dimension. One thread: whoever has many images
    spreads them over processes, in each of which the interpreter is made anew.

    Args:
        path: The .tflite file, a str.
    """
    from ai_edge_litert.interpreter import Interpreter

    with silenced():
        interpreter = Interpreter(model_path=path, num_threads=1)
        interpreter.allocate_tensors()
    one_at_a_time = threading.Lock()
    (taken,), (given,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def run(image):
        with one_at_a_time:
            interpreter.set_tensor(taken["index"], image[np.newaxis])
            interpreter.invoke()
            return interpreter.get_tensor(given["index"])[0]

    return run
