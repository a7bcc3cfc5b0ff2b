"""Masks follow the geometry of a chain, and nothing else."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import photographs

from keras_derm.layers import (
    Augmentation,
    HairRemoval,
    MinMaxRescale,
    Preparation,
    RandomDarkening,
    RandomMirror,
    SquarePad,
    SquareResize,
    augmentation,
    preparation,
)
from keras_derm.layers.geometry import turned, zoomed


def lesion(height, width, centre, axes):
    mask = np.zeros((height, width), "uint8")
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    return mask > 0


def picture(mask):
    """A white lesion on black skin."""
    return np.repeat(255 * mask[..., None].astype("float32"), 3, axis=-1)


@pytest.mark.parametrize("preset", ["keras_derm", "melanet", "sn_gan_ensemble"])
def test_mask_lies_where_the_lesion_lies_in_the_prepared_image(preset):
    """A photograph of 4:3 is padded by some presets and stretched by others."""
    mask = lesion(450, 600, (150, 90), (90, 60))
    chain = preparation(preset, 96)
    expected = np.array(chain.apply_geometry(picture(mask)[None]))[0, ..., 0] > 127.5
    if preset == "keras_derm":  # not what it mirrors over the edge
        expected[:12] = expected[-12:] = False
    found = np.array(chain.transform_masks(mask[None]))
    assert found.shape == (1, 96, 96) and found.dtype == bool
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("layer", [SquarePad(4), SquareResize(4)])
def test_pixel_is_lesion_where_more_than_half_of_it_is(layer):
    mask = np.zeros((1, 400, 400), bool)
    mask[:, :, 40:235] = True  # of columns of 100 pixels: 60, 100, 35 and 0
    found = np.array(Preparation([layer]).transform_masks(mask))
    np.testing.assert_array_equal(found, [[[True, True, False, False]] * 4])


def test_padding_adds_no_lesion():
    everything = np.ones((1, 20, 40), bool)
    found = np.array(Preparation([SquarePad(40)]).transform_masks(everything))[0]
    assert found[10:30].all() and not found[:10].any() and not found[30:].any()


def test_photometry_leaves_masks_alone():
    mask = lesion(45, 60, (20, 20), (9, 6))[None]
    plain = Preparation([SquarePad(64)]).transform_masks(mask)
    changed = preparation("keras_derm", 64).transform_masks(mask)
    np.testing.assert_array_equal(plain, changed)
    unmoved, same = Augmentation([], [RandomDarkening(1.0)])(
        photographs(), [mask[0]] * 2
    )
    np.testing.assert_array_equal(same, [mask[0]] * 2)
    np.testing.assert_allclose(unmoved, photographs() * 0.5)


def test_made_images_get_the_size_and_the_range_alone():
    images = photographs(2, 32, 32)
    chain = Preparation([SquarePad(64, "black")], [HairRemoval(), MinMaxRescale()])
    expected = MinMaxRescale()(SquareResize(64)(images))
    np.testing.assert_array_equal(chain.of_prepared()(images), expected)
    for preset in ("keras_derm", "sn_gan_ensemble", "lora_diffusion", "cwgan_gp"):
        plain = preparation(preset, 64).of_prepared()
        np.testing.assert_array_equal(plain(images), SquareResize(64)(images))
    melanet = preparation("melanet", 64).of_prepared()
    np.testing.assert_array_equal(melanet(images), expected)


def test_made_images_have_the_range_of_values_of_prepared_ones():
    dull = np.linspace(70, 200, 64, dtype="float32").reshape(1, 8, 8, 1)
    dull = np.repeat(dull, 3, axis=-1)
    for preset, expected in (("melanet", (0, 255)), ("keras_derm", (70, 200))):
        images = preparation(preset, 8).of_prepared()(dull)
        found = np.min(images), np.max(images)
        np.testing.assert_allclose(found, expected, atol=1)


VIEWS = {
    "flips": [RandomMirror(1)],
    "turns by quarters and all between": [turned(2, 1.0, "constant")],
    "turns within the picture": [turned(3, 0.5)],
    "zoom": [zoomed(4, 0.3)],
    "all of them": [RandomMirror(5), zoomed(6, 0.2), turned(7, 0.5)],
}


@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_image_and_mask_follow_each_other(views):
    """The white lesion lies in every image where its mask lies."""
    mask = np.stack([lesion(64, 64, (20 + i, 26), (12, 7)) for i in range(16)])
    images = np.stack([picture(one) for one in mask])
    moved, masks = map(np.array, Augmentation(views)(images, mask))
    assert masks.shape == mask.shape and masks.dtype == bool
    assert np.mean([np.any(a != b) for a, b in zip(mask, masks, strict=True)]) > 0.6
    seen = moved[..., 0] > 127.5
    overlap = 2 * (seen & masks).sum((1, 2)) / (seen.sum((1, 2)) + masks.sum((1, 2)))
    assert overlap.min() > 0.95  # the border is interpolated in images


@pytest.mark.parametrize("preset", ["keras_derm", "sn_gan_ensemble", "lora_diffusion"])
def test_images_come_out_the_same_with_masks_and_without(preset):
    images = photographs(6, 32, 32)
    masks = np.zeros((6, 32, 32), bool)
    alone, beside = augmentation(preset, seed=3), augmentation(preset, seed=3)
    for _ in range(2):
        np.testing.assert_array_equal(beside(images, masks)[0], alone(images))


def test_masks_are_moved_in_a_data_set():
    masks = np.stack([lesion(32, 32, (8, 8), (6, 3))] * 8)
    images = np.stack([picture(mask) for mask in masks])
    augment = Augmentation([RandomMirror(0)])
    dataset = tf.data.Dataset.from_tensor_slices((images, masks)).batch(4)
    for moved, found in dataset.map(augment):
        np.testing.assert_array_equal(np.array(moved)[..., 0] > 127.5, found)


def test_nothing_moves_outside_training():
    masks = np.stack([lesion(32, 32, (8, 8), (6, 3))] * 2)
    images = np.stack([picture(mask) for mask in masks])
    augment = augmentation("keras_derm", seed=0)
    found, same = augment(images, masks, training=False)
    np.testing.assert_array_equal(found, images)
    np.testing.assert_array_equal(same, masks)


def test_any_random_geometry_of_keras_takes_part():
    masks = np.stack([lesion(48, 48, (24, 20), (12, 7))] * 4)
    images = np.stack([picture(mask) for mask in masks])
    shift = keras.layers.RandomTranslation(0.2, 0.2, "constant", seed=1)
    moved, found = Augmentation([RandomMirror(0), shift])(images, masks)
    seen = np.array(moved)[..., 0] > 127.5
    assert (seen == np.array(found)).mean() > 0.98
