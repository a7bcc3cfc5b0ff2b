"""Write a fine-tuned twin as TFLite, and hold the file against it."""

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_derm.export.conversion import apply_settings, conversion_settings
from keras_derm.export.selective_quantization import CalibratedNetwork


def convert(model, member, arrays, job):
    """TFLite file of what `as_member` made of the model, bytes."""
    shape = (1, *arrays["representative"].shape[1:])
    function = tf.function(
        member, input_signature=[tf.TensorSpec(shape, name="image")]
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    images = None if job["method"] == "qat" else arrays["representative"]
    if images is not None and (job["mode"], job["io"]) == ("int8", "float"):
        return CalibratedNetwork(converter, images).converted()
    apply_settings(converter, conversion_settings(job["mode"], job["io"], images))
    return converter.convert()


def mean_difference(member, content, images):
    """Mean difference of probabilities between a function and its TFLite file."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    entry, output = (
        interpreter.get_input_details()[0],
        interpreter.get_output_details()[0],
    )
    expected, found = tf.function(member), []
    for image in images[:, np.newaxis]:
        interpreter.set_tensor(entry["index"], as_stored(image, entry))
        interpreter.invoke()
        given = as_float(interpreter.get_tensor(output["index"]), output)
        found.append(np.abs(given - expected(image.astype("float32"))).mean())
    return float(np.mean(found))


def as_stored(values, tensor):
    """Values in the type and steps of a tensor of the interpreter."""
    scale, zero_point = tensor["quantization"]
    if not scale:
        return values.astype("float32")
    limits = np.iinfo(tensor["dtype"])
    steps = np.round(values / scale) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(tensor["dtype"])


def as_float(values, tensor):
    scale, zero_point = tensor["quantization"]
    return (values.astype("float32") - zero_point) * scale if scale else values
