import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from generator_checks import conditional_batches
from PIL import Image

from keras_derm.catalog import Catalog
from keras_derm.generative import Diffusion, masked_images
from keras_derm.layers import resize

SIDE = 32


@pytest.fixture
def catalog(tmp_path):
    """Three photographs of 64 pixels, of which the first two have a mask."""
    lesion = np.zeros((64, 64), "uint8")
    lesion[:32, :16] = 255
    Image.fromarray(lesion).save(tmp_path / "mask.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    table = pd.DataFrame(
        {
            "isic_id": ["a", "b", "c"],
            "path": "a.png",
            "mask_path": ["mask.png", "mask.png", None],
            "diagnosis": ["MEL", "NV", "NV"],
            "tone_group": "light",
            "split": "train",
        }
    )
    return Catalog(table, root=tmp_path)


def photographs(positions):
    return np.full((len(positions), SIDE, SIDE, 3), 7, "uint8")


def test_masks_stand_beside_images_and_are_empty_where_there_is_none(catalog, tmp_path):
    take = masked_images(photographs, catalog, resize(SIDE), tmp_path / "masks")
    images = take(np.array([2, 0, 1]))
    assert images.shape == (3, SIDE, SIDE, 4) and images.dtype == np.uint8
    assert (images[..., :3] == 7).all()
    expected = np.zeros((SIDE, SIDE))
    expected[:16, :8] = 255
    assert not images[0, ..., 3].any()
    np.testing.assert_array_equal(images[1, ..., 3], expected)
    np.testing.assert_array_equal(images[2, ..., 3], expected)


def test_an_archive_without_masks_is_refused(catalog, tmp_path):
    with pytest.raises(ValueError, match="none of 1 training images has one"):
        masked_images(
            photographs, catalog.where(isic_id="c"), resize(SIDE), tmp_path / "masks"
        )


def test_a_diffusion_that_is_told_masks_makes_images_with_masks(catalog, tmp_path):
    take = masked_images(photographs, catalog, resize(SIDE), tmp_path / "masks")
    images = take(np.arange(3))
    model = Diffusion.with_networks(SIDE, 12, (32,), masks=True, n_sampling_steps=2)
    model.code.fit(next(iter(conditional_batches(1, 16, SIDE)))[0].numpy())
    model.compile()
    with_masks = conditional_batches(2, side=SIDE).map(
        lambda images, *told: (tf.concat([images, images[..., :1]], -1), *told)
    )
    model.fit(with_masks, verbose=0)
    made = model.make((np.array([[0, 0]]), [6]), 3, catalog, images)
    assert made.masks.shape == (6, SIDE, SIDE) and made.images.shape[-1] == 3
    sizes = made.masks.sum(axis=(1, 2))
    assert set(sizes) == {16 * 8}, "each is the one mask, flipped and turned"
    assert len(np.unique(made.masks, axis=0)) > 1
    told = model.sample(made.conditions, 3, masks=made.masks)
    np.testing.assert_array_equal(told, made.images)
    assert np.any(told != model.sample(made.conditions, 3))


def test_what_is_told_of_a_mask_is_its_pixels_place_by_place():
    model = Diffusion.with_networks(SIDE, 12, (32,), masks=True)
    masks = np.zeros((2, SIDE, SIDE), "uint8")
    masks[0, 5, 6] = 255
    told = model._mask_patches(masks).numpy()
    assert told.shape == (2, 8, 8, 16)
    assert told[0, 1, 1, 1 * 4 + 2] == 1 and (told[0] == -1).sum() == told[0].size - 1
    assert not told[1].any(), "no mask is known"


def test_masks_for_a_model_that_is_told_none_are_refused():
    model = Diffusion.with_networks(SIDE, 12, (32,))
    with pytest.raises(ValueError, match="trained with masks: true"):
        model.sample([[0, 0]], 0, masks=np.ones((1, SIDE, SIDE), bool))
