import numpy as np
import pytest
from layer_checks import photographs

from keras_derm.layers import PRESETS, augmentation, offline_copies, preprocessing


@pytest.mark.parametrize("name", PRESETS)
def test_chains_keep_size_and_scale(name):
    images = photographs()
    for layer in preprocessing(name, 64):
        images = layer(images)
    for layer in augmentation(name, seed=0):
        images = layer(images, training=True)
    images = np.array(images)
    assert images.shape == (2, 64, 64, 3) and images.dtype == np.float32
    assert images.min() >= 0 and 100 < images.max() <= 255


def test_preprocessing_is_deterministic():
    images = photographs()
    results = []
    for _ in range(2):
        result = images
        for layer in preprocessing("sn_gan_ensemble", 32):
            result = layer(result, training=True)
        results.append(np.array(result))
    np.testing.assert_array_equal(*results)


def test_augmentation_acts_in_training_only():
    images = photographs(8).astype("float32")
    for layer in augmentation("sn_gan_ensemble", seed=0):
        np.testing.assert_array_equal(layer(images, training=False), images)


@pytest.mark.parametrize("name", PRESETS)
def test_layers_of_a_chain_draw_numbers_of_their_own(name):
    """From one seed, images turned to the left would be the darker ones."""
    states = [
        tuple(np.asarray(variable))
        for layer in augmentation(name, seed=7)
        for variable in layer.variables
    ]
    assert len(states) == len(augmentation(name)) == len(set(states))


@pytest.mark.parametrize("name", PRESETS)
def test_strength_zero_leaves_the_flips_alone(name):
    images = photographs(8).astype("float32")
    changed = images
    for layer in augmentation(name, seed=0, strength=0.0):
        changed = np.array(layer(changed, training=True))
    for image, found in zip(images, changed, strict=True):
        flips = image, image[::-1], image[:, ::-1], image[::-1, ::-1]
        assert min(np.abs(found - flip).max() for flip in flips) < 1e-2


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_strength_says_how_often_an_image_is_darkened(strength):
    images = np.full((4000, 2, 2, 3), 200.0, "float32")
    for layer in augmentation("sn_gan_ensemble", seed=0, strength=strength):
        images = np.array(layer(images, training=True))
    share = 0.25 * strength  # 5 standard errors
    assert abs((images[:, 0, 0, 0] == 100).mean() - share) < 0.04


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_strength_says_how_far_the_light_goes(strength):
    greatest = 0.1 * strength
    *_, brightness, contrast = augmentation("keras_derm", seed=0, strength=strength)
    even = np.full((1000, 2, 2, 3), 128.0, "float32")
    steps = np.array(brightness(even, training=True))[:, 0, 0, 0] / 255 - 128 / 255
    halves = np.stack([even[:, 0] - 64, even[:, 0] + 64], axis=1)
    between = np.array(contrast(halves, training=True))
    factors = (between[:, 1, 0, 0] - between[:, 0, 0, 0]) / 128 - 1
    for changes in (steps, factors):  # both ways, evenly
        assert -1.001 * greatest < changes.min() < -0.95 * greatest
        assert 0.95 * greatest < changes.max() < 1.001 * greatest
        assert abs(changes.mean()) < 0.1 * greatest


def test_unknown_names_and_strengths_are_refused():
    with pytest.raises(ValueError, match="Received"):
        preprocessing("unknown", 64)
    with pytest.raises(ValueError, match="Received: 4"):
        augmentation("keras_derm", strength=4)


def test_offline_copies_are_turned_images_of_their_own():
    images = photographs(2, 40, 40)
    copies = offline_copies(images, n_copies=5, seed=3)
    assert copies.shape == (10, 40, 40, 3) and copies.dtype == np.uint8
    centre = slice(15, 25)
    for image, turned in zip(images, copies.reshape(2, 5, 40, 40, 3), strict=True):
        # Turning keeps the colours of the middle and moves them.
        means = turned[:, centre, centre].mean(axis=(1, 2))
        np.testing.assert_allclose(
            means, [image[centre, centre].mean(axis=(0, 1))] * 5, atol=25
        )
        assert all(np.any(one != image) for one in turned)
    assert len(np.unique(copies.reshape(10, -1), axis=0)) == 10
    np.testing.assert_array_equal(copies, offline_copies(images, 5, seed=3))
