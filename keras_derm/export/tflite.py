"""Write a classifier as one quantised .tflite file."""

import hashlib
import importlib.metadata
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_derm.export.conversion import (
    IO,
    MODES,
    check_quantizer,
    conversion_settings,
    weights_in_int8,
    without_chatter,
)
from keras_derm.export.runtime import sidecar_path
from keras_derm.export.selective_quantization import convert_int8
from keras_derm.files import atomic_path, write_json


def export_tflite(
    model,
    path,
    representative_images=None,
    mode="int8",
    classes=None,
    io="float",
    float_layers=(),
):
    """Write a classifier or an ensemble as one quantised TFLite file.

    The file takes one raw photograph `(1, height, width, 3)`, RGB in [0, 255], and
    gives probabilities `(1, n_classes)`: what the model does to the image (resizing,
    rescaling) is inside the file. A description, with the classes and a checksum, is
    written beside it as .json.

    Args:
        model: Functional model, RGB `(height, width, 3)` in [0, 255] in, class
            probabilities out.
        path: Where to write; ends in `.tflite`.
        representative_images: Array `(n, height, width, 3)`, RGB in [0, 255], from
            the training images: `"int8"` and `"selective"` set their ranges by them,
            about 100 to 300 suffice. The other modes do without.
        mode: `"int8"`: weights (per channel) and arithmetic in int8, the class scores
            and probabilities alone in float; `"selective"`: the same, but the part of
            the network that int8 harms most, found by measurement, stays in float as
            well;
            `"dynamic"`: weights in int8 but for small ones, activations quantised as
            they come, or float; `"weight_only"`: all weights in int8, per channel,
            arithmetic in float; `"float16"`: weights in float16, arithmetic in float.
            MobileNetV2's first layers lose most in int8: `"selective"` finds them,
            and it is as fast. Where `agreement` is still low there are `"dynamic"`,
            `"weight_only"`, `quantization_aware`, and for EfficientNetB0 the backbone
            EfficientNetLite0.
        classes: Class names, in the order of the output. Default: `"0"`, `"1"`, ...
        io: Type of image and probabilities. `"float"`; or, in mode `"int8"`, `"uint8"`
            (the bytes of the photograph as they are) or `"int8"` (128 less). A
            probability is `(value - zero_point) * scale`, with the tensor's numbers:
            it has 256 steps, and rare classes lose by that.
        float_layers: Tensors, as `sensitive_layers` names them, that mode `"int8"`
            leaves in float.

    Returns:
        Dict, the content of the .json: `classes`, `image_size`, `mode`, `io`,
        `method`, `float_layers`, `size_bytes`, `sha256`, `n_representative_images`,
        `conversion_seconds`, `versions`.

    Raises:
        ValueError: If an argument does not fit the model.
        ImportError: `"weight_only"` needs the extra `quantization`.
    """
    check_settings(path, mode, io)
    if float_layers and (mode != "int8" or io == "uint8"):
        raise ValueError(
            "Layers can stay in float in mode 'int8' with `io` 'float' or 'int8'. "
            f"Received: mode {mode!r}, `io` {io!r}"
        )
    if mode == "weight_only":
        check_quantizer()
    image_size = image_size_of(model)
    classes = class_names(model, classes)
    images = _check_images(representative_images, image_size, mode)
    start = time.perf_counter()
    with without_chatter():
        content, in_float = _convert(model, images, mode, io, float_layers)
    return write_model(
        path,
        content,
        classes=classes,
        image_size=list(image_size),
        mode=mode,
        io=io,
        method="post_training",
        float_layers=in_float,
        n_representative_images=len(images),
        conversion_seconds=round(time.perf_counter() - start, 1),
    )


def write_model(path, content, packages=("keras", "tensorflow", "keras_derm"), **facts):
    """Write the bytes of a TFLite file, and beside it the .json that describes it.

    Returns:
        Dict, the content of the .json: `facts`, `size_bytes`, `sha256`, and `versions`
        of the packages.
    """
    description = {
        **facts,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    write_json(sidecar_path(path), description)
    return description


def check_settings(path, mode, io):
    """Raise ValueError unless path, mode and io fit together."""
    if not str(path).endswith(".tflite"):
        raise ValueError(f"`path` must end in .tflite. Received: {path}")
    for name, value, known in (("mode", mode, MODES), ("io", io, IO)):
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(known)}. Received: {value!r}"
            )
    if io != "float" and mode != "int8":
        raise ValueError(
            f"`io` must be 'float' where the arithmetic is. Received: {io!r} with mode "
            f"{mode!r}"
        )


def class_names(model, classes):
    """The names given, checked against the model's outputs; numbers by default."""
    n_classes = model.output_shape[-1]
    classes = [str(i) for i in range(n_classes)] if classes is None else list(classes)
    if len(classes) != n_classes:
        raise ValueError(
            f"The model has {n_classes} outputs, `classes` must name as many. "
            f"Received: {classes}"
        )
    return classes


def image_size_of(model):
    """`(height, width)` of the images that the model takes."""
    shape = tuple(model.input_shape)
    if len(shape) != 4 or None in shape[1:] or shape[3] != 3:
        raise ValueError(
            "The model must take images (None, height, width, 3) of a fixed size. "
            f"Received: input shape {shape}"
        )
    return shape[1:3]


def _convert(model, images, mode, io, float_layers):
    """Bytes of the file, and the tensors that int8 leaves in float."""
    import keras

    selective = mode == "selective"
    if selective or float_layers or (mode == "int8" and io == "float"):
        return convert_int8(model, images, io, float_layers, selective)
    # A batch of one lets LiteRT plan memory and kernels ahead.
    shape = (1, *model.input_shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        model.export(
            path,
            format="litert",
            input_signature=[keras.InputSpec(shape=shape, dtype="float32")],
            verbose=False,
            **conversion_settings(mode, io, images),
        )
        content = weights_in_int8(path) if mode == "weight_only" else path.read_bytes()
        return content, []


def _check_images(images, image_size, mode):
    if mode not in ("int8", "selective"):
        return ()
    shape = np.shape(images)
    if len(shape) != 4 or shape[0] == 0 or shape[1:] != (*image_size, 3):
        raise ValueError(
            "int8 sets its ranges by `representative_images`, an array "
            f"(n, {image_size[0]}, {image_size[1]}, 3). Received: shape {shape}"
        )
    return images
