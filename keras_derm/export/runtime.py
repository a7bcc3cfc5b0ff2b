"""Run an exported classifier with ai_edge_litert; no TensorFlow is loaded."""

import hashlib
import json
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

TFLITE_MARK = b"TFL3"
SIDECAR_KEYS = ("classes", "image_size", "mode", "sha256")


class ModelFileError(ValueError):
    """An exported model cannot be used; the message names the file and the cause."""


class QuantizedModel:
    """Classifier read from a .tflite file and the .json written beside it.

    Args:
        path: The .tflite file that `export_int8` wrote.
        n_threads: Threads of the interpreter. Default: one per core, LiteRT's choice.

    Attributes:
        classes: Class names, in the order of the probabilities.
        image_size: `(height, width)` of the images in pixels.
        mode: How the model was quantised: `int8`, `dynamic` or `float16`.

    Raises:
        FileNotFoundError: If the .tflite or its .json is missing.
        ModelFileError: If a file is damaged, of another kind, or does not belong to
            the other.

    Example:
        >>> model = QuantizedModel("ensemble.tflite", n_threads=2)
        >>> model.predict(images).argmax(axis=1)
    """

    def __init__(self, path, n_threads=None):
        self.path = Path(path)
        content = _read_model(self.path)
        sidecar = _read_sidecar(self.path, content)
        self.classes = tuple(sidecar["classes"])
        self.image_size = tuple(sidecar["image_size"])
        self.mode = sidecar["mode"]
        self._interpreter = _interpreter(self.path, content, n_threads)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._check_tensors()

    def predict(self, images):
        """Give the class probabilities of images.

        Args:
            images: Array `(n, height, width, 3)` of `image_size`, RGB in [0, 255],
                uint8 or float.

        Returns:
            float32 array `(n, n_classes)`; each row sums to 1.

        Raises:
            ValueError: If the images have another size, type or range.
        """
        images = self._check_images(images)
        y_prob = np.empty((len(images), len(self.classes)), "float32")
        for row, image in zip(y_prob, images, strict=True):
            batch = image[np.newaxis].astype("float32")
            self._interpreter.set_tensor(self._input["index"], batch)
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output["index"])[0]
        # In int8 a softmax has steps of 1/256, so that its sum is off by some percent.
        return y_prob / np.maximum(y_prob.sum(axis=1, keepdims=True), 1e-6)

    def _check_tensors(self):
        found = tuple(self._input["shape"]), tuple(self._output["shape"])
        expected = (1, *self.image_size, 3), (1, len(self.classes))
        if found != expected:
            raise ModelFileError(
                f"{sidecar_path(self.path)} tells of tensors {expected}, the model "
                f"{self.path} has others. Received: {found}"
            )

    def _check_images(self, images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[1:] != (*self.image_size, 3):
            raise ValueError(
                f"`images` must have the shape (n, {self.image_size[0]}, "
                f"{self.image_size[1]}, 3). Received: {images.shape}"
            )
        if images.dtype == "uint8" or len(images) == 0:
            return images
        if not np.issubdtype(images.dtype, np.number):
            raise ValueError(f"`images` must be numbers. Received: {images.dtype}")
        low, high = images.min(), images.max()
        if not (low >= 0 and high <= 255):
            raise ValueError(
                f"`images` must be RGB in [0, 255]. Received: {low} to {high}"
            )
        return images


def sidecar_path(path):
    """Tell where the description of the model at `path` lies: `model.json`."""
    return Path(path).with_suffix(".json")


def _read_model(path):
    if path.suffix != ".tflite":
        raise ModelFileError(f"A .tflite file is needed. Received: {path}")
    if not path.is_file():
        raise FileNotFoundError(f"There is no such model file. Received: {path}")
    content = path.read_bytes()
    if content[4:8] != TFLITE_MARK:
        raise ModelFileError(
            "The file is damaged or no TFLite model: it lacks the mark "
            f"{TFLITE_MARK.decode()}. Received: {path}, {len(content)} bytes"
        )
    return content


def _read_sidecar(path, content):
    beside = sidecar_path(path)
    if not beside.is_file():
        raise FileNotFoundError(
            f"The description that belongs to {path} is missing; copy it along with "
            f"the model. Received: {beside}"
        )
    try:
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFileError(f"Not a JSON file ({error}). Received: {beside}") from None
    if not isinstance(sidecar, dict):
        raise ModelFileError(f"Not a JSON object. Received: {beside}")
    missing = [key for key in SIDECAR_KEYS if key not in sidecar]
    if missing:
        raise ModelFileError(f"{beside} lacks {missing}. Received: {list(sidecar)}")
    digest = hashlib.sha256(content).hexdigest()
    if sidecar["sha256"] != digest:
        raise ModelFileError(
            f"{path} is not the model that {beside} describes: damaged, changed, or "
            f"its export was interrupted. Export it again. Received: sha256 {digest}, "
            f"described {sidecar['sha256']}"
        )
    return sidecar


def _interpreter(path, content, n_threads):
    try:
        interpreter = Interpreter(model_content=content, num_threads=n_threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"LiteRT cannot load the model ({error}). Received: {path}"
        ) from error
    return interpreter
