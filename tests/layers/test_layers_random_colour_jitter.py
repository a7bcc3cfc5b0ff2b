"""Colour jitter against Pillow, whose operations torchvision calls by this name."""

import colorsys

import numpy as np
import pytest
from layer_checks import check_image_layer, photographs
from PIL import Image, ImageEnhance

from keras_derm.layers import RandomColourJitter

KINDS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomColourJitter(0.2, 0.2, 0.2, 0.1, seed=1), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_is_that_of_pillow_by_some_factor_in_the_range(kind):
    images = photographs(40)
    changed = np.array(RandomColourJitter(**{kind: 0.2}, seed=3)(images, training=True))
    factors = np.linspace(0.8, 1.2, 201)
    nearest = []
    for image, found in zip(images, changed, strict=True):
        enhance = KINDS[kind](Image.fromarray(image)).enhance
        error = [np.abs(np.asarray(enhance(f), float) - found).mean() for f in factors]
        assert min(error) < 0.7  # Pillow rounds to whole levels
        nearest.append(factors[np.argmin(error)])
    assert 0.8 <= min(nearest) < 0.86 and 1.14 < max(nearest) <= 1.2
    assert abs(np.mean(nearest) - 1) < 0.06  # three standard errors


def test_hue_turns_by_up_to_a_tenth_of_the_circle():
    images = photographs(60, 2, 2).astype("float32")
    changed = np.array(RandomColourJitter(hue=0.1, seed=3)(images, training=True))
    turns = []
    for image, found in zip(images, changed, strict=True):
        before, after = (
            np.array([colorsys.rgb_to_hsv(*p) for p in one.reshape(-1, 3)])
            for one in (image, found)
        )
        np.testing.assert_allclose(after[:, 1:], before[:, 1:], rtol=1e-3)
        turn = (after[:, 0] - before[:, 0] + 0.5) % 1 - 0.5
        assert np.ptp(turn) < 1e-3  # all pixels of an image turn alike
        turns.append(turn[0])
    assert -0.1 <= min(turns) < -0.08 and 0.08 < max(turns) <= 0.1


def test_grey_has_no_hue_to_turn():
    images = np.full((8, 2, 2, 3), 90, "float32")
    changed = RandomColourJitter(hue=0.5, seed=0)(images, training=True)
    np.testing.assert_allclose(changed, images, atol=1e-3)


def test_nothing_happens_outside_training():
    images = photographs(4)
    layer = RandomColourJitter(1.0, 1.0, 1.0, 0.5)
    np.testing.assert_array_equal(layer(images), images)


@pytest.mark.parametrize("arguments", [{"brightness": 1.5}, {"hue": 0.6}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        RandomColourJitter(**arguments)
