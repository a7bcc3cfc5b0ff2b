"""Run an exported classifier with ai_edge_litert; no TensorFlow is loaded."""

import hashlib
import json
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from keras_derm.terminal import silenced

TFLITE_MARK = b"TFL3"
SIDECAR_KEYS = ("classes", "image_size", "mode", "sha256")


class ModelFileError(ValueError):
    """An exported model cannot be used; the message names the file and the cause.

    Example:
        >>> QuantizedModel("photograph.jpg")
        ModelFileError: A .tflite file is needed. Received: photograph.jpg
    """


class LiteRTNetwork:
    """Network of a TFLite file, as a function from one image to its probabilities.

    What goes in and comes out is float32, whatever the types inside.

    Args:
        content: The file, bytes.
        n_threads: Threads of the interpreter. Default: LiteRT's choice.

    Attributes:
        shapes: Shapes of the tensors that go in and out.

    Example:
        >>> network = LiteRTNetwork(Path("ensemble.tflite").read_bytes())
        >>> probabilities = network(image)
    """

    def __init__(self, content, n_threads=None):
        with silenced():
            interpreter = Interpreter(model_content=content, num_threads=n_threads)
            interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self.shapes = tuple(self._input["shape"]), tuple(self._output["shape"])

    def __call__(self, image):
        """Probabilities (n_classes,) of an image (height, width, 3) in [0, 255]."""
        batch = _quantized(image[np.newaxis], self._input)
        self._interpreter.set_tensor(self._input["index"], batch)
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._output["index"])[0]
        return _dequantized(found, self._output)


class QuantizedModel:
    """Classifier read from a .tflite file and the .json written beside it.

    Args:
        path: The .tflite file that `export_tflite` wrote.
        n_threads: Threads of the interpreter. Default: LiteRT's choice.

    Attributes:
        classes: Class names, in the order of the probabilities.
        image_size: `(height, width)` of the images in pixels.
        mode: How the model was quantised, such as `int8`.
        description: All that the .json says, a dict.

    Raises:
        FileNotFoundError: If the .tflite or its .json is missing.
        ModelFileError: If a file is damaged, of another kind, or does not belong to
            the other.
        ValueError: If `n_threads` is not a positive whole number.

    Example:
        >>> model = QuantizedModel("ensemble.tflite", n_threads=2)
        >>> model.predict(images).argmax(axis=1)
    """

    def __init__(self, path, n_threads=None):
        check_n_threads(n_threads)
        self.path = Path(path)
        content = _read_model(self.path)
        self.description = _read_sidecar(self.path, content)
        self.classes = tuple(self.description["classes"])
        self.image_size = tuple(self.description["image_size"])
        self.mode = self.description["mode"]
        self._network = self._opened(content, n_threads)

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
        images = check_images(images, self.image_size)
        y_prob = np.empty((len(images), len(self.classes)), "float32")
        for row, image in zip(y_prob, images, strict=True):
            row[:] = self._network(image)
        # In int8 a softmax has steps of 1/256, so that its sum is off by some percent.
        return y_prob / np.maximum(y_prob.sum(axis=1, keepdims=True), 1e-6)

    def _opened(self, content, n_threads):
        try:
            network = LiteRTNetwork(content, n_threads)
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"LiteRT cannot load the model ({error}). Received: {self.path}"
            ) from error
        expected = (1, *self.image_size, 3), (1, len(self.classes))
        if network.shapes != expected:
            raise ModelFileError(
                f"{sidecar_path(self.path)} tells of tensors {expected}, the model "
                f"{self.path} has others. Received: {network.shapes}"
            )
        return network


def check_images(images, image_size):
    """Images as the array that `QuantizedModel.predict` takes, or a ValueError."""
    height, width = image_size
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise ValueError(
            f"`images` must be one array, all of one size. Received: {error}"
        ) from error
    if images.ndim != 4 or images.shape[1:] != (height, width, 3):
        raise ValueError(
            f"`images` must have the shape (n, {height}, {width}, 3). "
            f"Received: {images.shape}"
        )
    if images.dtype == "uint8" or len(images) == 0:
        return images
    if images.dtype.kind not in "uif":
        raise ValueError(f"`images` must be numbers. Received: {images.dtype}")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):
        raise ValueError(f"`images` must be RGB in [0, 255]. Received: {low} to {high}")
    if 0 < high <= 1 and (images % 1).any():
        raise ValueError(
            "`images` must be RGB in [0, 255], these seem to be scaled to [0, 1]. "
            f"Received: {low} to {high}"
        )
    return images


def check_n_threads(n_threads):
    """Raise `ValueError` unless `n_threads` is None or a positive whole number."""
    if n_threads is None:
        return
    if isinstance(n_threads, bool) or not isinstance(n_threads, int) or n_threads < 1:
        raise ValueError(
            f"`n_threads` must be a positive whole number. Received: {n_threads!r}"
        )


def sidecar_path(path):
    """Tell where the description of the model at `path` lies: `model.json`."""
    return Path(path).with_suffix(".json")


def read_description(path, keys):
    """Read the .json that describes a model, and check what every description has.

    Raises:
        ModelFileError: If it is damaged, lacks one of `keys`, or its `classes` or
            `image_size` cannot be right.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFileError(f"Not a JSON file ({error}). Received: {path}") from None
    if not isinstance(content, dict):
        raise ModelFileError(f"Not a JSON object. Received: {path}")
    missing = [key for key in keys if key not in content]
    if missing:
        raise ModelFileError(f"{path} lacks {missing}. Received: {list(content)}")
    classes, size = content["classes"], content["image_size"]
    if not _are_names(classes):
        raise ModelFileError(
            f"`classes` in {path} must be a list of different names. "
            f"Received: {classes!r}"
        )
    if not isinstance(size, list) or [type(side) for side in size] != [int, int]:
        raise ModelFileError(
            f"`image_size` in {path} must be [height, width]. Received: {size!r}"
        )
    return content


def _are_names(classes):
    return (
        isinstance(classes, list)
        and len(classes) > 0
        and all(isinstance(name, str) for name in classes)
        and len(set(classes)) == len(classes)
    )


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
    sidecar = read_description(beside, SIDECAR_KEYS)
    digest = hashlib.sha256(content).hexdigest()
    if sidecar["sha256"] != digest:
        raise ModelFileError(
            f"{path} is not the model that {beside} describes: damaged, changed, or "
            f"its export was interrupted. Export it again. Received: sha256 {digest}, "
            f"described {sidecar['sha256']}"
        )
    return sidecar


def _quantized(images, tensor):
    """Images as the model's input has them: in float, or in bytes of its own scale."""
    images = images.astype("float32")
    if tensor["dtype"] == np.float32:
        return images
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    levels = np.rint(images / scale + zero_point)
    return np.clip(levels, limits.min, limits.max).astype(tensor["dtype"])


def _dequantized(values, tensor):
    if tensor["dtype"] == np.float32:
        return values
    scale, zero_point = tensor["quantization"]
    return (values.astype("float32") - zero_point) * scale
