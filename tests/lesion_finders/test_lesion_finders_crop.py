"""The square around a lesion."""

import numpy as np
import pytest

from keras_derm.lesion_finders.crop import cropped, lesion_box


def mask_of(top, left, height, width, shape=(60, 80)):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_a_long_lesion_is_in_the_middle_of_a_square():
    mask = mask_of(28, 30, 4, 20)
    top, left, height, width = lesion_box(mask, 0.25)
    assert (height, width) == (30, 30)
    assert (top, left) == (15, 25)
    assert cropped(mask, (top, left, height, width)).sum() == mask.sum()


def test_the_square_ends_where_the_picture_does():
    mask = mask_of(0, 70, 20, 10)
    box = lesion_box(mask, 0.5)
    assert box == (0, 55, 30, 25)
    assert cropped(mask, box).sum() == mask.sum()


def test_without_a_lesion_all_of_the_picture_is_taken():
    assert lesion_box(np.zeros((60, 80), bool), 0.25) == (0, 0, 60, 80)


@pytest.mark.parametrize("margin", [0.0, 0.1, 1.0])
def test_the_lesion_is_always_whole(margin):
    generator = np.random.default_rng(0)
    for _ in range(50):
        top, left = generator.integers(0, 50), generator.integers(0, 70)
        mask = mask_of(top, left, *generator.integers(1, 30, 2))
        assert cropped(mask, lesion_box(mask, margin)).sum() == mask.sum()
