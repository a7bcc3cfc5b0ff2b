"""What layers compute for an accelerator: all of it there, and the same to the bit."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from layer_checks import photographs
from tensorflow.python.framework import kernels

from keras_derm.layers import (
    CLAHE,
    ArtefactSuppression,
    ColourConstancy,
    GammaCorrection,
    NonLocalMeans,
    RandomColourJitter,
    RandomGain,
    augmentation,
    for_accelerator,
    preparation,
)
from keras_derm.layers.antialiased_resize import antialiased_resize

PHOTOGRAPHS = tf.TensorSpec((None, None, None, 3), tf.uint8)
SQUARES = tf.TensorSpec((2, 48, 48, 3), tf.float32)


def traced(chain, spec):
    """The chain as it is for an accelerator, as a graph."""

    def computed(images):
        with for_accelerator():
            return chain(images)

    return tf.function(computed).get_concrete_function(spec)


def without_kernel(function):
    """Kinds of operations, with their type, that no GPU of this TensorFlow computes."""
    definition = function.graph.as_graph_def()
    nodes = [*definition.node]
    for inner in definition.library.function:
        nodes += inner.node_def
    return {
        (node.op, tf.as_dtype(node.attr["T"].type or tf.float32).name)
        for node in nodes
        if node.op not in ("Placeholder", "NoOp") and not has_gpu_kernel(node)
    }


def has_gpu_kernel(node):
    return any(
        all(fits(node.attr[one.name], one) for one in kernel.constraint)
        for kernel in gpu_kernels(node.op)
    )


@functools.cache
def gpu_kernels(operation):
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    return [one for one in registered if one.device_type in ("GPU", "DEFAULT")]


def fits(attribute, constraint):
    types = attribute.list.type or [attribute.type]
    return all(one in constraint.allowed_values.list.type for one in types)


def test_kernels_are_looked_up_rightly():
    resized = traced(lambda x: tf.image.resize(x, (8, 8), antialias=True), SQUARES)
    assert without_kernel(resized) == {("ScaleAndTranslate", "float32")}
    rolled = traced(lambda row: tf.roll(row, 1, 0), tf.TensorSpec((4,), tf.uint8))
    assert without_kernel(rolled) == {("Roll", "uint8")}


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param("keras_derm", marks=pytest.mark.slow),  # long to trace
        "sn_gan_ensemble",
        "melanet",
    ],
)
def test_preset_is_computed_by_an_accelerator_alone_and_the_same_to_the_bit(preset):
    chain = preparation(preset, 48)
    for_gpu = traced(chain, PHOTOGRAPHS)
    assert without_kernel(for_gpu) == set()
    usual = tf.function(chain, input_signature=[PHOTOGRAPHS])
    for height, width in ((90, 120), (30, 41)):
        images = tf.constant(photographs(2, height, width))
        np.testing.assert_array_equal(for_gpu(images), usual(images))


@pytest.mark.parametrize(
    "layer",
    [
        CLAHE(),
        ColourConstancy(),
        GammaCorrection(1.2),
        NonLocalMeans(),
        pytest.param(ArtefactSuppression(), marks=pytest.mark.slow),
        RandomColourJitter(0.2, 0.2, 0.2, 0.1, seed=0),
        RandomGain(seed=0),
    ],
)
def test_every_operation_of_the_other_layers_has_a_gpu_kernel(layer):
    changed = traced(lambda images: layer(images, training=True), SQUARES)
    assert without_kernel(changed) == set()


@pytest.mark.parametrize("preset", ["keras_derm", "sn_gan_ensemble"])
def test_every_operation_of_augmentation_has_a_gpu_kernel(preset):
    chain = augmentation(preset, 0)
    drawn = chain.draw(tf.zeros(SQUARES.shape))
    applied = traced(lambda images: chain.apply(images, drawn), SQUARES)
    assert without_kernel(applied) == set()


def test_resize_is_that_of_tensorflow_to_the_bit():
    generator = np.random.default_rng(0)
    sides = [tuple(generator.integers(1, 200, 4)) for _ in range(4)]
    ours = tf.function(antialiased_resize, reduce_retracing=True)
    theirs = tf.function(
        lambda pixels, size: tf.image.resize(pixels, size, antialias=True),
        reduce_retracing=True,
    )
    for height, width, *size in [*sides, (450, 600, 224, 224), (5, 7, 5, 7)]:
        pixels = generator.integers(0, 256, (2, height, width, 3)).astype("float32")
        size = tf.constant(size, tf.int32)
        np.testing.assert_array_equal(ours(pixels, size), theirs(pixels, size))
