"""Write a fine-tuned twin as TFLite, and hold the file against it."""

import numpy as np
import tensorflow as tf

from keras_derm.export.conversion import apply_settings, conversion_settings
from keras_derm.export.runtime import LiteRTNetwork
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
    expected, network = tf.function(member), LiteRTNetwork(content)
    found = [
        np.abs(network(image) - expected(image[np.newaxis].astype("float32"))).mean()
        for image in images
    ]
    return float(np.mean(found))
