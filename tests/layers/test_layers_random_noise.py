import numpy as np
import pytest
from layer_checks import check_image_layer, photographs

from keras_derm.layers import RandomNoise


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomNoise(seed=1), tmp_path)


def test_strength_is_drawn_and_half_of_the_images_keep_their_colour():
    images = np.full((400, 24, 24, 3), 128.0, "float32")
    noise = np.array(RandomNoise(0.05, seed=2)(images, training=True)) - 128
    spread = noise.std(axis=(1, 2, 3)) / 255
    assert spread.max() < 0.055 and abs(spread.mean() - 0.025) < 0.003
    assert np.abs(noise.mean()) < 0.1
    grey = np.all(noise == noise[..., :1], axis=(1, 2, 3))
    assert abs(grey.mean() - 0.5) < 0.075  # three standard errors
    apart = noise[~grey & (spread > 0.01)]
    channels = [np.corrcoef(one.reshape(-1, 3).T)[0, 1] for one in apart]
    assert np.abs(np.mean(channels)) < 0.02


def test_nothing_happens_outside_training():
    images = photographs(4)
    np.testing.assert_array_equal(RandomNoise(1.0)(images), images)


def test_wrong_strength_is_refused():
    with pytest.raises(ValueError, match="Received: 2"):
        RandomNoise(2)
