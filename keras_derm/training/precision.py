"""Number formats that layers compute in: set, measure, and turn back to float32."""

import contextlib
import time

import keras
import numpy as np
import tensorflow as tf

from keras_derm.networks import set_weights

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
"""Keras' names of dtype policies; in all of them the weights are float32."""

XLA = " with XLA"
"""What is added to the name of a precision whose steps XLA compiles."""

MARGIN = 1.1
"""Another way is taken where it makes so many times the images of a plainer one."""

N_STEPS = 6
MOST_SECONDS = 20
HOPELESS = 2
"""Times the fastest step so far, after which a precision is measured no further."""


@contextlib.contextmanager
def computing_in(precision):
    """Within this context new layers compute in one of `PRECISIONS`.

    Args:
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.

    Raises:
        ValueError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: {precision!r}"
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def measure_precisions(build, batch_size, precisions=None, with_xla=False):
    """Images per second of training steps in each precision on this device.

    Each candidate makes a step that traces the graph, then up to `N_STEPS` timed ones.
    The fastest counts: other work on the machine only ever slows a step down. Of
    several GPUs one is measured with its share of the batch.

    Args:
        build: Function without arguments that returns a new model of images, which
            is called once for each precision.
        batch_size: Images a step.
        precisions: Names in `PRECISIONS`; by default all, without a GPU all but
            mixed_float16, which is emulated there.
        with_xla: Whether, on one GPU, each is measured with XLA and without; elsewhere
            Keras compiles nothing.

    Returns:
        Dict of precision to images per second, the plainest first; with XLA under its
        name and `XLA`, where the model can be compiled.
    """
    n_gpus = len(tf.config.list_physical_devices("GPU"))
    n_devices = max(1, n_gpus)
    batch_size = max(1, batch_size // n_devices)
    seconds = {}
    ways = (False, True) if with_xla and n_gpus == 1 else ("auto",)
    for precision in precisions or PRECISIONS[: 3 if n_gpus else 2]:
        for jit_compile in ways:
            keras.backend.clear_session()
            with computing_in(precision):
                model = build()
            name = precision + XLA if jit_compile is True else precision
            limit = HOPELESS * min(seconds.values(), default=float("inf"))
            try:
                taken = _fastest_step(model, batch_size, limit, jit_compile)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                if jit_compile is not True:
                    raise
                print(f"{model.name}: XLA cannot compile it in {precision}", flush=True)
            else:
                seconds[name] = taken
    keras.backend.clear_session()
    return {name: n_devices * batch_size / taken for name, taken in seconds.items()}


def clearly_fastest(images_per_second):
    """The way to take: a plainer one unless another is clearly faster.

    Args:
        images_per_second: Dict by the name of the way, the plainest first, such as
            `measure_precisions` returns.

    Returns:
        A name.
    """
    chosen, *others = images_per_second
    for name in others:
        if images_per_second[name] > MARGIN * images_per_second[chosen]:
            chosen = name
    return chosen


def in_float32(model):
    """Return the same model computing in float32, for all that comes after training.

    Args:
        model: Functional model, or an ensemble with nested members.

    Returns:
        `model` itself where it computes in float32; else a new functional model of the
        same layers, names and weights, not compiled.
    """
    if not _is_mixed(model):
        return model

    def copied(layer):
        if isinstance(layer, keras.Model):
            return in_float32(layer)
        if not isinstance(layer, keras.layers.Layer):
            return layer
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    # A compiled model would be cloned with its optimizer.
    plain = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    twin = keras.models.clone_model(plain, clone_function=copied)
    set_weights(twin, plain.get_weights())
    return twin


def _is_mixed(model):
    return any(
        _is_mixed(layer)
        if isinstance(layer, keras.Model)
        else layer.compute_dtype != "float32"
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    )


def _fastest_step(model, batch_size, limit, jit_compile):
    """Seconds of the fastest of some training steps; few where they exceed `limit`."""
    generator = np.random.default_rng(0)
    inputs, outputs = model.input_shape[1:], model.output_shape[1:]
    images = tf.constant(generator.uniform(0, 255, (batch_size, *inputs)), "float32")
    targets = tf.constant(generator.uniform(0, 1, (batch_size, *outputs)), "float32")
    # The loss takes no time of its own.
    model.compile("adamw", "mean_squared_error", jit_compile=jit_compile)
    model.train_on_batch(images, targets)
    fastest, begin = float("inf"), time.perf_counter()
    for _ in range(N_STEPS):
        start = time.perf_counter()
        model.train_on_batch(images, targets)
        end = time.perf_counter()
        fastest = min(fastest, end - start)
        if fastest > limit or end - begin > MOST_SECONDS:
            break
    return fastest
