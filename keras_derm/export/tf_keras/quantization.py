"""Quantisation-aware training with TF-MOT."""

import contextlib

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from tensorflow_model_optimization.python.core.quantization.keras import (
    quant_ops,
    quantize_layer,
    quantize_wrapper,
    quantizers,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
    default_8bit_quantize_registry,
    default_8bit_quantize_scheme,
)
from tensorflow_model_optimization.python.core.quantization.keras.graph_transformations import (  # noqa: E501
    model_transformer,
)

from keras_derm.export.tf_keras.fine_tuning import (
    all_layers_with,
    frozen_statistics,
    inner,
)
from keras_derm.terminal import silenced

N_CALIBRATION_BATCHES = 8
NO_ARITHMETIC = {"InputLayer", "Dropout", "Flatten", "Reshape"}


def quantization_aware_training(job):
    """Fake quantisation of weights and activations while the network learns."""

    output_only = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig
    known = {"Default8BitOutputQuantizeConfig": output_only}

    def prepare(twin):
        annotate = annotated_where_possible(twin, job["io"])
        model = tf_keras.models.clone_model(twin, clone_function=annotate)
        model.set_weights(twin.get_weights())
        with tfmot.quantization.keras.quantize_scope(known), inputs_in_order():
            return tfmot.quantization.keras.quantize_apply(model, QuantizeScheme())

    return prepare, lambda model: model, []


@contextlib.contextmanager
def inputs_in_order():
    """Let TF-MOT keep the order in which a layer takes its inputs.

    It puts them in the order in which they were built, and so a concatenation
    exchanges its channels (github.com/tensorflow/model-optimization/issues/1179).
    """
    original = model_transformer.ModelTransformer._get_layers

    def layers_of(self, names):
        found = {layer["config"]["name"]: layer for layer in original(self, names)}
        return [found[name] for name in names if name in found]

    model_transformer.ModelTransformer._get_layers = layers_of
    try:
        yield
    finally:
        model_transformer.ModelTransformer._get_layers = original


class QuantizeScheme(default_8bit_quantize_scheme.Default8BitQuantizeScheme):
    """TF-MOT's, but for the ranges of depthwise kernels.

    TF-MOT has one range for a whole depthwise kernel, as its last axis is the channel
    multiplier, 1. The channels of a pretrained kernel differ a hundredfold in size,
    and the small ones became zeros.

    Example:
        >>> tfmot.quantization.keras.quantize_apply(model, QuantizeScheme())
    """

    def get_quantize_registry(self):
        registry = super().get_quantize_registry()
        config = registry.get_quantize_config(tf_keras.layers.DepthwiseConv2D(1))
        config.weight_quantizer = DepthwiseWeightsQuantizer()  # for every such layer
        return registry


class DepthwiseWeightsQuantizer(quantizers.LastValueQuantizer):
    """A range for each channel `(height, width, channels, 1)`, as TFLite has.

    Example:
        >>> config.weight_quantizer = DepthwiseWeightsQuantizer()
    """

    def __init__(self):
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def build(self, tensor_shape, name, layer):
        return {
            f"{end}_var": layer.add_weight(
                name=f"{name}_{end}", shape=(tensor_shape[2],), trainable=False
            )
            for end in ("min", "max")
        }

    def __call__(self, inputs, training, weights, **kwargs):
        channels_last = tf.transpose(inputs, (0, 1, 3, 2))
        rounded = super().__call__(channels_last, training, weights, **kwargs)
        return tf.transpose(rounded, (0, 1, 3, 2))


def annotated_where_possible(twin, io):
    """Function that annotates the layers that TFLite will run in int8.

    Whole networks where TF-MOT knows every layer, as `quantize_model` does. Batch
    normalisation goes into the convolution before it, and a product only needs the
    range of its result. The classes stay in float where the probabilities do: a
    softmax of int8 has steps of 1/256.
    """
    registry = default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    output_only = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig
    folded = folded_batch_normalizations(twin)

    def annotate(layer):
        is_last = layer is twin.layers[-1]
        layer = type(layer).from_config(layer.get_config())
        if is_last and io == "float":
            return layer
        if isinstance(layer, tf_keras.layers.Multiply):
            return tfmot.quantization.keras.quantize_annotate_layer(
                layer, quantize_config=output_only()
            )
        if registry.supports(layer) or layer.name in folded:
            return tfmot.quantization.keras.quantize_annotate_layer(layer)
        return layer

    return annotate


def folded_batch_normalizations(twin):
    """Names of those that directly follow a convolution without activation."""
    return {
        layer.name
        for layer in twin.layers
        if isinstance(layer, tf_keras.layers.BatchNormalization)
        and isinstance(
            layer.input._keras_history.layer,
            (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D),
        )
    }


def layers_left_in_float(model, content):
    """Names of the layers with arithmetic that do not run in int8.

    Those that TF-MOT does not take, and those whose kernel is in float in the file
    all the same, for want of a range of what goes in or comes out.
    """
    with silenced():
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
    in_float = [
        (detail["name"], np.prod(detail["shape"]))
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.float32
    ]
    wrappers = (quantize_wrapper.QuantizeWrapperV2, quantize_layer.QuantizeLayer)

    def is_float(layer):
        if not isinstance(layer, wrappers):
            return type(layer).__name__ not in NO_ARITHMETIC
        kernels = [np.prod(w.shape) for w in layer.weights if "kernel" in w.name]
        return any(
            f"/{layer.name}/" in name and size in kernels for name, size in in_float
        )

    return [inner(layer).name for layer in model.layers if is_float(layer)]


def calibrate(model, images):
    """Set every range by what passes there, the mean over batches.

    TF-MOT begins at [-6, 6] and moves by a thousandth a step: a short fine-tuning
    would end with ranges that have nothing to do with the network.
    """
    for layer in model.layers:
        if isinstance(layer, quantize_layer.QuantizeLayer):
            # Exactly the photograph's 256 values.
            for weight in layer.weights:
                if weight.name.split(":")[0].endswith("min"):
                    weight.assign(0.0)
                elif weight.name.split(":")[0].endswith("max"):
                    weight.assign(255.0)
    batches = np.array_split(images, min(N_CALIBRATION_BATCHES, len(images)))
    with as_in_inference(model):
        for n_seen, batch in enumerate(batches):
            with range_decay(n_seen / (n_seen + 1)):
                model(batch.astype("float32"), training=True)


@contextlib.contextmanager
def range_decay(decay):
    """Let ranges keep the share `decay` of what they were."""
    original = quant_ops.MovingAvgQuantize

    def quantize(*arguments, **settings):
        return original(*arguments, **{**settings, "ema_decay": decay})

    quant_ops.MovingAvgQuantize = quantize
    try:
        yield
    finally:
        quant_ops.MovingAvgQuantize = original


@contextlib.contextmanager
def as_in_inference(model):
    """Stop dropout and the statistics of batches, though training is on."""
    with (
        all_layers_with(model, tf_keras.layers.Dropout, rate=0.0),
        frozen_statistics(model),
    ):
        yield
