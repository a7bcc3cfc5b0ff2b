import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.generative.adversarial.translation_networks import (
    build_patch_discriminator,
    build_translator,
)


def without_normalization(model):
    """The same convolutions; instance statistics would depend on every pixel."""

    def clone(layer):
        if isinstance(layer, keras.layers.GroupNormalization):
            return keras.layers.Identity()
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=clone)


def test_a_logit_sees_a_patch_of_70_pixels():
    model = without_normalization(build_patch_discriminator(160, base_channels=2))
    image = tf.random.stateless_uniform((1, 160, 160, 3), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        logit = model(image)[0, 10, 10, 0]
    seen = np.abs(tape.gradient(logit, image)).max(axis=(0, 3)) > 0
    for axis in (0, 1):
        places = np.flatnonzero(seen.any(axis=axis))
        assert places[-1] - places[0] + 1 == 70


@pytest.mark.parametrize("image_size", [32, 48, 96])
def test_networks_take_multiples_of_16(image_size):
    images = tf.zeros((1, image_size, image_size, 3))
    assert build_translator(image_size, base_channels=2)(images).shape == images.shape
    logits = build_patch_discriminator(image_size, base_channels=2)(images)
    assert logits.shape == (1, image_size // 8, image_size // 8, 1)


def test_an_image_of_less_contrast_is_not_the_same_to_the_network():
    # Instance normalization right after the first convolution would make it so.
    keras.utils.set_random_seed(0)
    model = build_translator(32, base_channels=4)
    image = tf.random.stateless_uniform((1, 32, 32, 3), (0, 1))
    whole, half = np.array(model(image)), np.array(model(image / 2))
    assert np.abs(whole - half).max() > 0.05 * np.abs(whole).max()


def test_published_networks_halve_four_times_to_256_channels():
    model = build_translator(256)
    widths = [layer.output.shape[1:] for layer in model.layers]
    assert (16, 16, 256) in widths and (128, 128, 32) in widths


@pytest.mark.parametrize("image_size", [16, 40])
def test_other_sizes_are_refused(image_size):
    with pytest.raises(ValueError, match=f"Received: image_size={image_size}"):
        build_translator(image_size)
    with pytest.raises(ValueError, match="Received: image_size=20"):
        build_patch_discriminator(20)
