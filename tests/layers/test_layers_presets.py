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


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Received"):
        preprocessing("unknown", 64)


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
