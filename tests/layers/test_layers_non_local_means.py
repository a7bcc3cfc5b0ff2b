import cv2
import numpy as np
import pytest
from layer_checks import check_image_layer, photographs

from keras_derm.layers import NonLocalMeans


def small():
    return NonLocalMeans(strength=10, patch_size=3, search_size=7)


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(small, tmp_path)


@pytest.mark.parametrize("strength", [3, 10, 25])
@pytest.mark.parametrize("patch, search", [(3, 7), (5, 5), (7, 21)])
def test_is_that_of_opencv(strength, patch, search):
    noise = np.random.default_rng(1).normal(0, 8, (1, 40, 52, 3))
    image = np.clip(photographs(1, 40, 52) + noise, 0, 255).astype("uint8")
    expected = cv2.fastNlMeansDenoising(image[0], None, float(strength), patch, search)
    result = np.array(NonLocalMeans(strength, patch, search)(image))[0]
    # OpenCV works in whole numbers, and takes a power of two for the patch's area.
    assert np.abs(result - expected).mean() < 1.0
    assert np.abs(result - expected).max() < 6


def test_noise_falls_and_edges_stay():
    scene = np.full((1, 48, 48, 3), 80.0)
    scene[:, :, 24:] = 170
    noisy = scene + np.random.default_rng(0).normal(0, 6, scene.shape)
    result = np.array(NonLocalMeans(6, 5, 15)(noisy.astype("float32")))
    assert np.std(result - scene) < 0.5 * np.std(noisy - scene)
    step = result[0, :, 26].mean() - result[0, :, 21].mean()
    assert abs(step - 90) < 2


@pytest.mark.parametrize("arguments", [{"strength": 0}, {"patch_size": 4}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        NonLocalMeans(**arguments)
