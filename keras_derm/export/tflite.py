"""Write a classifier as one quantised .tflite file."""

import hashlib
import importlib.metadata
import time

import numpy as np

from keras_derm.export.runtime import sidecar_path
from keras_derm.files import atomic_path, write_json

MODES = ("int8", "dynamic", "float16")


def export_int8(model, path, representative_images=None, mode="int8", classes=None):
    """Write a classifier or an ensemble as one quantised TFLite file.

    The file takes one raw photograph, float32 `(1, height, width, 3)`, RGB in
    [0, 255], and gives float32 probabilities `(1, n_classes)`: what the model does
    to the image (resizing, rescaling) is inside the file. A description, with the
    classes and a checksum, is written beside it as .json.

    Args:
        model: Functional model, RGB `(height, width, 3)` in [0, 255] in, class
            probabilities out.
        path: Where to write; ends in `.tflite`.
        representative_images: Array `(n, height, width, 3)`, RGB in [0, 255], from
            the training images: `"int8"` sets its ranges by them, about 100 to 300
            suffice. The other modes do without.
        mode: `"int8"`: weights (per channel) and arithmetic in int8, the fastest;
            `"dynamic"`: weights in int8, activations quantised as they come, or
            float; `"float16"`: weights in float16, arithmetic in float.
            EfficientNetB0 loses much in `"int8"` (squeeze-excite and swish have wide
            ranges): measure with `agreement`, and use `"dynamic"` where it is low.
        classes: Class names, in the order of the output. Default: `"0"`, `"1"`, ...

    Returns:
        Dict, the content of the .json: `classes`, `image_size`, `mode`,
        `size_bytes`, `sha256`, `n_representative_images`, `conversion_seconds`,
        `versions`.

    Raises:
        ValueError: If an argument does not fit the model.
    """
    _check_path(path, mode)
    image_size = _image_size(model)
    n_classes = model.output_shape[-1]
    classes = [str(i) for i in range(n_classes)] if classes is None else list(classes)
    if len(classes) != n_classes:
        raise ValueError(
            f"The model has {n_classes} outputs, `classes` must name as many. "
            f"Received: {classes}"
        )
    images = _check_images(representative_images, image_size, mode)
    start = time.perf_counter()
    with atomic_path(path) as temporary:
        _convert(model, temporary, images, image_size, mode)
        content = temporary.read_bytes()
    description = {
        "classes": classes,
        "image_size": list(image_size),
        "mode": mode,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_representative_images": len(images),
        "conversion_seconds": round(time.perf_counter() - start, 1),
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("keras", "tensorflow", "keras_derm")
        },
    }
    write_json(sidecar_path(path), description)
    return description


def _convert(model, path, images, image_size, mode):
    # Loaded here: the package serves inference where there is no TensorFlow.
    import keras
    import tensorflow as tf

    settings = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if mode == "int8":
        settings["representative_dataset"] = lambda: (
            [image[np.newaxis].astype("float32")] for image in images
        )
        settings["target_spec"] = {
            "supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        }
    else:
        settings["target_spec"] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if mode == "float16":
        settings["target_spec"]["supported_types"] = [tf.float16]
    # A batch of one lets LiteRT plan memory and kernels ahead.
    signature = [keras.InputSpec(shape=(1, *image_size, 3), dtype="float32")]
    model.export(
        path, format="litert", input_signature=signature, verbose=False, **settings
    )


def _check_path(path, mode):
    if not str(path).endswith(".tflite"):
        raise ValueError(f"`path` must end in .tflite. Received: {path}")
    if mode not in MODES:
        raise ValueError(
            f"`mode` must be one of {', '.join(MODES)}. Received: {mode!r}"
        )


def _image_size(model):
    shape = tuple(model.input_shape)
    if len(shape) != 4 or None in shape[1:] or shape[3] != 3:
        raise ValueError(
            "The model must take images (None, height, width, 3) of a fixed size. "
            f"Received: input shape {shape}"
        )
    return shape[1:3]


def _check_images(images, image_size, mode):
    if mode != "int8":
        return ()
    shape = np.shape(images)
    if len(shape) != 4 or shape[0] == 0 or shape[1:] != (*image_size, 3):
        raise ValueError(
            "int8 sets its ranges by `representative_images`, an array "
            f"(n, {image_size[0]}, {image_size[1]}, 3). Received: shape {shape}"
        )
    return images
