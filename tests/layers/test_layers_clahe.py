import cv2
import numpy as np
import pytest
from layer_checks import check_image_layer, photographs
from skimage.color import rgb2lab

from keras_derm.layers import CLAHE


def test_keeps_the_contract_of_image_layers(tmp_path):
    # As in OpenCV the limit lifts plain black a little.
    check_image_layer(CLAHE, tmp_path, extremes_within=16)


@pytest.mark.parametrize("size", [(64, 96), (45, 60), (100, 64)])
@pytest.mark.parametrize("clip_limit", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("tiles", [(8, 8), (4, 6)])
def test_levels_are_those_of_opencv(size, clip_limit, tiles):
    image = cv2.cvtColor(photographs(1, *size)[0], cv2.COLOR_RGB2GRAY)
    reference = cv2.createCLAHE(clip_limit, tiles[::-1]).apply(image)
    layer = CLAHE(clip_limit, tiles)
    result = np.array(layer.equalize(image[None].astype("int32")))[0]
    # Halves may be rounded to either side: float sums differ in the last digit.
    assert np.abs(result - reference).max() <= 1
    assert np.mean(result != reference) < 0.01


def test_lightness_is_that_of_opencv_and_hue_stays():
    image = photographs(1, 64, 64)[0]
    lab = rgb2lab(image)
    levels = np.round(lab[..., 0] * 2.55).astype("uint8")
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(levels) / 2.55
    result = np.array(CLAHE()(image[None]))[0] / 255
    after = rgb2lab(result)
    # Elsewhere the colour is beyond what a screen shows, and is cut.
    inside = (result > 0.001).all(axis=-1) & (result < 0.999).all(axis=-1)
    assert inside.mean() > 0.3
    difference = np.abs(after - np.dstack([expected, lab[..., 1], lab[..., 2]]))
    assert np.percentile(difference[inside], 99) < 0.5


@pytest.mark.parametrize("arguments", [{"clip_limit": 0}, {"tile_grid_size": (8,)}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        CLAHE(**arguments)
