"""Random parts of training images, and the middle of the others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_image_layer, photographs

from keras_derm.layers import Augmentation, RandomResizedCrop


def parts(layer, n, height, width):
    images = np.zeros((n, height, width, 3), "float32")
    return np.array(layer.get_random_transformation(images))


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomResizedCrop(32, seed=1), tmp_path, (32, 32))


def test_middle_is_taken_as_it_is_outside_training():
    images = photographs(2, 256, 256)
    found = RandomResizedCrop(224)(images)
    np.testing.assert_array_equal(found, images[:, 16:240, 16:240])
    np.testing.assert_array_equal(found, keras.layers.CenterCrop(224, 224)(images))


def test_image_that_is_smaller_is_enlarged():
    images = photographs(1, 20, 40)
    expected = tf.image.resize(images[:, :, 4:36], (32, 32))
    np.testing.assert_allclose(RandomResizedCrop(32)(images), expected, atol=1e-3)


def test_part_is_resized_as_tensorflow_resizes_it():
    images, layer = photographs(12, 60, 48), RandomResizedCrop(32, seed=3)
    drawn = layer.get_random_transformation(images)
    found = np.array(layer.transform_images(images, drawn))
    for image, part, cut in zip(images, np.array(drawn, int), found, strict=True):
        top, left, height, width = part
        piece = image[top : top + height, left : left + width].astype("float32")
        expected = tf.image.resize(piece, (32, 32), antialias=True)
        np.testing.assert_allclose(cut, expected, atol=0.05)


def test_areas_and_ratios_are_drawn_from_their_ranges():
    found = parts(RandomResizedCrop(224, seed=0), 4000, 256, 256)
    top, left, height, width = found.T
    assert np.array_equal(found, found.round()) and found.min() >= 0
    assert (top + height).max() <= 256 and (left + width).max() <= 256
    share, ratio = height * width / 256**2, width / height
    assert 0.075 < share.min() < 0.1 and share.max() <= 1  # whole pixels
    assert 0.73 < ratio.min() < 0.77 and 1.31 < ratio.max() < 1.36
    # Large parts of a ratio that does not fit are drawn anew; of small ones all fit.
    small = share[share < 0.7]
    assert abs(small.mean() - (0.08 + 0.7) / 2) < 0.01
    assert abs(np.log(ratio).mean()) < 0.01


def test_all_of_an_image_is_taken_where_no_part_fits():
    layer = RandomResizedCrop(16, area=(1.0, 1.0), ratio=(2.0, 2.0), seed=0)
    np.testing.assert_array_equal(parts(layer, 5, 30, 30), [[0, 0, 30, 30]] * 5)


def test_masks_are_cut_as_their_images():
    images = np.zeros((8, 64, 64, 3), "float32")
    images[:, 20:44, 16:52] = 255.0
    masks = images[..., 0] > 0
    moved, found = Augmentation([RandomResizedCrop(48, seed=5)])(images, masks)
    assert np.mean((np.array(moved)[..., 0] > 127.5) == np.array(found)) > 0.99


@pytest.mark.parametrize(
    "arguments", [{"size": 0}, {"area": (0.0, 1.0)}, {"ratio": (2.0, 1.0)}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        RandomResizedCrop(**({"size": 8} | arguments))
