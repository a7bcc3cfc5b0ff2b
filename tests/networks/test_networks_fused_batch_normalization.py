import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.networks import FusedBatchNormalization, fuse_batch_normalization


def trained(kind, images, **settings):
    """Output, gradients and moving statistics of one training call."""
    layer = kind(**settings)
    layer.build(images.shape)
    if layer.scale:
        layer.gamma.assign(np.linspace(0.5, 2, images.shape[-1]))
    weights = tf.random.stateless_uniform(images.shape, (0, 1))
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = layer(images, training=True)
        total = tf.reduce_sum(output * weights)
    variables = [variable.value for variable in layer.trainable_variables]
    gradients = tape.gradient(total, [images, *variables])
    return [output, *gradients, layer.moving_mean, layer.moving_variance]


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9, "epsilon": 1e-5}, {"scale": False}]
)
def test_trains_as_the_layer_of_keras(settings):
    images = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 7)).astype("float32")
    expected = trained(keras.layers.BatchNormalization, images, **settings)
    fused = trained(FusedBatchNormalization, images, **settings)
    for one, other in zip(fused, expected, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=2e-4)


def test_a_frozen_layer_keeps_its_statistics():
    layer = FusedBatchNormalization()
    layer.build((None, 4, 4, 3))
    layer.trainable = False
    images = np.full((2, 4, 4, 3), 7.0, "float32")
    np.testing.assert_allclose(layer(images, training=True), images, rtol=1e-3)
    np.testing.assert_array_equal(np.array(layer.moving_mean), 0)


def test_bfloat16_comes_in_and_goes_out():
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    output = layer(images, training=True)
    assert output.dtype == tf.bfloat16
    np.testing.assert_allclose(np.array(output, "float32").mean(), 0, atol=0.02)


def test_a_fused_copy_predicts_and_is_named_as_the_network():
    network = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    copy = fuse_batch_normalization(network)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(copy(images), network(images), atol=1e-6)
    assert [layer.name for layer in copy.layers[1:]] == [
        layer.name for layer in network.layers[1:]
    ]
    kinds = {type(layer) for layer in copy.layers}
    assert FusedBatchNormalization in kinds
    assert keras.layers.BatchNormalization not in kinds
