"""Fine-tune the tf_keras twin of a classifier with TF-MOT and write it as TFLite.

Run by `keras_derm.export.quantization_aware` in a process of its own, on a folder
with the job: importing TF-MOT turns `tf.keras` into Keras 2 for the whole process.

Usage: python -m keras_derm.export.tf_keras_worker FOLDER
"""

import contextlib
import json
import math
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

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

from keras_derm.export.conversion import apply_settings, conversion_settings
from keras_derm.export.selective_quantization import CalibratedNetwork
from keras_derm.export.twin import SCALING, TwinLayer

MAX_DIFFERENCE = 1e-4
"""Of the probabilities of the twin and of the Keras 3 model: float32 rounding."""

MAX_DEVIATION = 0.05
"""Mean of the probabilities of the TFLite file from the network it was made of."""

N_CALIBRATION_BATCHES = 8
N_STEPS_SHOWN = 100
NO_ARITHMETIC = {"InputLayer", "Dropout", "Flatten", "Reshape"}


class WorkerError(RuntimeError):
    """The job cannot be done; the message goes to who asked for it."""


def main(folder):
    """Do the job that lies in `folder` and leave model.tflite and result.json there."""
    folder = Path(folder)
    try:
        result = work(folder, json.loads((folder / "job.json").read_text()))
    except WorkerError as error:
        result = {"error": str(error)}
    (folder / "result.json").write_text(json.dumps(result))


def work(folder, job):
    """Build the twin, check it, fine-tune it, convert it, check that.

    Returns:
        Dict: `float_layers`, `twin_max_abs_difference`, `tflite_mean_abs_difference`.

    Raises:
        WorkerError: If the twin, or the file, gives other probabilities.
    """
    tf_keras.utils.set_random_seed(job["seed"])
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in job["arrays"]
    }
    twin = build_twin(folder, job["layers"])
    own_images = resized(arrays["representative"], twin).numpy()
    difference = largest_difference(twin, own_images, arrays["probabilities"])
    if not difference <= MAX_DIFFERENCE:
        raise WorkerError(
            "The tf_keras twin gives other probabilities than the Keras 3 model, "
            f"which may differ by {MAX_DIFFERENCE} at most. Received: a difference of "
            f"{difference:.2g}"
        )
    prepare, finish, callbacks = METHODS[job["method"]](job)
    model = prepare(twin)
    float_layers = []
    if job["method"] == "qat":
        calibrate(model, own_images)
    fit(model, arrays, job, callbacks)
    model = finish(model)
    member = as_member(model, job["symmetric"])
    content = convert(model, member, arrays, job)
    if job["method"] == "qat":
        float_layers = layers_left_in_float(model, content)
        if float_layers:
            print(f"Left in float: {', '.join(float_layers)}", flush=True)
    deviation = mean_difference(member, content, arrays["representative"])
    if not deviation <= MAX_DEVIATION:
        raise WorkerError(
            "The TFLite file gives other probabilities than the network it was made "
            f"of, which may differ by {MAX_DEVIATION} in the mean. Received: a "
            f"difference of {deviation:.2g}"
        )
    (folder / "model.tflite").write_bytes(content)
    return {
        "float_layers": float_layers,
        "twin_max_abs_difference": difference,
        "tflite_mean_abs_difference": deviation,
    }


def build_twin(folder, layers):
    """Build the network that `describe_twin` described."""
    outputs = {}
    with np.load(folder / "weights.npz") as weights:
        for layer in map(lambda fields: TwinLayer(**fields), layers):
            built = getattr(tf_keras.layers, layer.kind)(
                name=layer.name, **as_arguments(layer.config)
            )
            if not layer.inputs:
                inputs = outputs[layer.name] = built.output
                continue
            taken = [outputs[name] for name in layer.inputs]
            outputs[layer.name] = built(taken if len(taken) > 1 else taken[0])
            built.set_weights([weights[name] for name in layer.weights])
            built.trainable = layer.trainable
    return tf_keras.Model(inputs, outputs[layers[-1]["name"]])


def as_arguments(config):
    """JSON has lists where Keras wants tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config.items()
    }


def largest_difference(twin, images, probabilities):
    return float(np.abs(twin.predict(images, verbose=0) - probabilities).max())


def as_member(model, symmetric):
    """Function from images of any size to probabilities, as a member of an ensemble.

    What `keras_derm.classifiers.build_ensemble` does for a member, which needs Keras 3.
    """

    def probabilities(images):
        images = resized(images, model)
        if not symmetric:
            return model(images, training=False)
        outputs = model(symmetric_views(images), training=False)
        each = tf.reshape(outputs, (8, -1, outputs.shape[-1]))
        return tf.reduce_mean(each, axis=0)

    return probabilities


def resized(images, model):
    """Images of the size that the model takes, float32."""
    images, size = tf.cast(images, "float32"), model.input_shape[1:3]
    if tuple(images.shape[1:3]) == size:
        return images
    return tf.image.resize(images, size)


def symmetric_views(images):
    """The eight flips and quarter turns, one batch after the other."""
    views = [images, tf.transpose(images, (0, 2, 1, 3))]
    views += [view[:, ::-1] for view in views]
    views += [view[:, :, ::-1] for view in views]
    return tf.concat(views, axis=0)


def quantization_aware_training(job):
    """Fake quantisation of weights and activations while the network learns."""

    def prepare(twin):
        annotate = annotated_where_possible(twin, job["io"])
        model = tf_keras.models.clone_model(twin, clone_function=annotate)
        model.set_weights(twin.get_weights())
        with quantize_scope(), inputs_in_order():
            return tfmot.quantization.keras.quantize_apply(model, QuantizeScheme())

    return prepare, lambda model: model, []


def quantize_scope():
    return tfmot.quantization.keras.quantize_scope(
        {
            "Default8BitOutputQuantizeConfig": (
                default_8bit_quantize_configs.Default8BitOutputQuantizeConfig
            )
        }
    )


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
    """

    def get_quantize_registry(self):
        registry = super().get_quantize_registry()
        config = registry.get_quantize_config(tf_keras.layers.DepthwiseConv2D(1))
        config.weight_quantizer = DepthwiseWeightsQuantizer()  # for every such layer
        return registry


class DepthwiseWeightsQuantizer(quantizers.LastValueQuantizer):
    """A range for each channel `(height, width, channels, 1)`, as TFLite has."""

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


def frozen_statistics(model):
    """Let batch normalisations stay as they were learned.

    The statistics of the last few batches, in place of those of a whole training, cost
    more than the rounding that is to be made good.
    """
    return all_layers_with(model, tf_keras.layers.BatchNormalization, trainable=False)


@contextlib.contextmanager
def all_layers_with(model, kind, **settings):
    """Give the layers of a kind other attributes for a while."""
    layers = [layer for layer in map(inner, model.layers) if isinstance(layer, kind)]
    with contextlib.ExitStack() as stack:
        for layer in layers:
            for name, value in settings.items():
                stack.callback(setattr, layer, name, getattr(layer, name))
                setattr(layer, name, value)
        yield


def pruning(job):
    """Remove the smallest weights of convolutions and dense layers step by step."""
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=job["sparsity"],
        begin_step=0,
        end_step=max(1, int(0.6 * job["n_steps"])),
        frequency=max(1, job["n_steps"] // 30),
    )

    def prepare(twin):
        return with_wrapped_kernels(
            twin,
            lambda layer: tfmot.sparsity.keras.prune_low_magnitude(
                layer, pruning_schedule=schedule
            ),
        )

    return (
        prepare,
        tfmot.sparsity.keras.strip_pruning,
        [tfmot.sparsity.keras.UpdatePruningStep()],
    )


def clustering(job):
    """Let the weights of a layer share a few values that learn."""
    centroids = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def prepare(twin):
        return with_wrapped_kernels(
            twin,
            lambda layer: tfmot.clustering.keras.cluster_weights(
                layer, job["n_clusters"], cluster_centroids_init=centroids
            ),
        )

    return prepare, tfmot.clustering.keras.strip_clustering, []


def with_wrapped_kernels(twin, wrap):
    """Copy of the twin with its convolutions and dense layers wrapped.

    Depthwise kernels stay: they are few, and the network depends on each.
    """

    def wrapped(layer):
        copy = type(layer).from_config(layer.get_config())
        kinds = tf_keras.layers.Conv2D, tf_keras.layers.Dense
        if type(layer) not in kinds or layer.name == SCALING:
            return copy
        copy.build(layer.input_shape)
        copy.set_weights(layer.get_weights())
        return wrap(copy)

    model = tf_keras.models.clone_model(twin, clone_function=wrapped)
    for layer in twin.layers:
        copy = next(other for other in model.layers if inner(other).name == layer.name)
        if copy is inner(copy):
            copy.set_weights(layer.get_weights())
    return model


def inner(layer):
    return getattr(layer, "layer", layer)


METHODS = {
    "qat": quantization_aware_training,
    "pruning": pruning,
    "clustering": clustering,
}


def fit(model, arrays, job, callbacks):
    """Train for the steps of the job on its images, in its order."""
    n_steps = job["n_steps"]
    optimizer = tf_keras.optimizers.Adam(
        tf_keras.optimizers.schedules.CosineDecay(job["learning_rate"], n_steps),
        clipnorm=1.0,
    )
    n_rounds = max(1, round(n_steps / N_STEPS_SHOWN))
    # A network without half of its weights has other statistics, which it must learn.
    frozen = frozen_statistics if job["method"] == "qat" else contextlib.nullcontext
    with frozen(model):
        model.compile(
            optimizer, "categorical_crossentropy", weighted_metrics=["accuracy"]
        )
        model.fit(
            dataset(arrays, job),
            epochs=n_rounds,
            steps_per_epoch=math.ceil(n_steps / n_rounds),
            callbacks=callbacks,
            verbose=1 if sys.stdout.isatty() else 2,
        )


def dataset(arrays, job):
    """Batches `(images, targets, weights)` in the order of the job."""
    order, batch_size = arrays["order"], job["batch_size"]

    def batches():
        for start in range(0, len(order), batch_size):
            # Sorted, so that the file is read forward.
            rows = np.sort(order[start : start + batch_size])
            yield (
                arrays["images"][rows].astype("float32"),
                arrays["targets"][rows].astype("float32"),
                arrays["sample_weights"][rows].astype("float32"),
            )

    shapes = (arrays["images"], arrays["targets"], arrays["sample_weights"])
    signature = tuple(tf.TensorSpec((None, *array.shape[1:])) for array in shapes)
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(
        2
    )


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


if __name__ == "__main__":
    main(sys.argv[1])
