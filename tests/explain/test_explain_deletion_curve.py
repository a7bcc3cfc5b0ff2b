"""Curves against a classifier whose probability is the mean redness of the image."""

import keras
import numpy as np
import pytest

from keras_derm.explain import area_under, deletion_curve, random_maps

SIZE = 32


@pytest.fixture(scope="module")
def redness():
    """Probabilities `(1 - m, m)`, m being the mean of red / 255."""
    inputs = keras.Input((SIZE, SIZE, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(2)
    model = keras.Model(inputs, dense(mean))
    kernel = np.array([[-1, 1], [0, 0], [0, 0]], "float32") / 255
    dense.set_weights([kernel, np.array([1, 0], "float32")])
    return model


def half_red():
    image = np.zeros((1, SIZE, SIZE, 3), "uint8")
    image[0, :, : SIZE // 2, 0] = 255
    return image


def test_curve_falls_with_the_red_pixels_and_rises_with_the_black_ones(redness):
    """The mean colour is half red: 0.5 - f / 2 until f = 0.5, then f / 2."""
    images = half_red()
    maps = images[..., 0] / 255
    curve = deletion_curve(redness, images, maps, 1, n_steps=16, fill="mean")
    share = np.linspace(0, 1, 17)
    expected = np.where(share <= 0.5, 0.5 - share / 2, share / 2)
    np.testing.assert_allclose(curve[0], expected, atol=1e-5)
    np.testing.assert_allclose(area_under(curve), 0.375, atol=1e-5)
    other_class = deletion_curve(redness, images, maps, 0, n_steps=16, fill="mean")
    np.testing.assert_allclose(other_class, 1 - curve, atol=1e-5)


@pytest.mark.parametrize("fill", ["mean", "blur"])
def test_a_map_that_says_nothing_goes_straight_from_image_to_fill(redness, fill):
    """All pixels alike go in random order: linear in a score linear in the pixels."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2, SIZE, SIZE, 3), "uint8")
    curve = deletion_curve(redness, images, np.zeros((2, SIZE, SIZE)), 1, fill=fill)
    line = np.linspace(curve[:, 0], curve[:, -1], 21).T
    np.testing.assert_allclose(curve, line, atol=0.02)
    np.testing.assert_allclose(curve[:, 0], images[..., 0].mean(axis=(1, 2)) / 255)


def test_attention_beats_random_patches_where_one_square_decides(redness):
    image = np.zeros((1, SIZE, SIZE, 3), "uint8")
    image[0, 8:16, 8:16, 0] = 255
    maps = image[..., 0] / 255
    best = area_under(deletion_curve(redness, image, maps, 1))
    worst = area_under(deletion_curve(redness, image, 1 - maps, 1))
    random = [
        area_under(deletion_curve(redness, image, random_maps(1, SIZE, SIZE, k), 1))
        for k in range(5)
    ]
    assert best < np.min(random) <= np.max(random) < worst


def test_nothing_changes_in_an_image_of_one_colour(redness):
    grey = np.full((1, SIZE, SIZE, 3), 51, "uint8")
    maps = random_maps(1, SIZE, SIZE)
    for fill in ("mean", "blur"):
        curve = deletion_curve(redness, grey, maps, 1, fill=fill)
        np.testing.assert_allclose(curve, 0.2, atol=1e-5)


def test_random_maps_are_patches_and_repeat_with_the_seed():
    maps = random_maps(4, 64, 48, seed=1)
    assert maps.shape == (4, 64, 48) and 0 <= maps.min() < maps.max() <= 1
    np.testing.assert_array_equal(maps, random_maps(4, 64, 48, seed=1))
    assert not np.array_equal(maps, random_maps(4, 64, 48, seed=2))
    step = np.abs(np.diff(maps, axis=1)).mean()
    assert step < 0.25 * np.abs(maps[:, 32:] - maps[:, :32]).mean()


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"images": np.zeros((SIZE, SIZE, 3))}, "`images`"),
        ({"heatmaps": np.zeros((1, 8, 8))}, "`heatmaps`"),
        ({"class_indices": 2}, "0..1"),
        ({"fill": "black"}, "`fill`"),
        ({"n_steps": 0}, "`n_steps`"),
    ],
)
def test_wrong_arguments_are_refused(redness, changed, message):
    arguments = {
        "model": redness,
        "images": np.zeros((1, SIZE, SIZE, 3)),
        "heatmaps": np.zeros((1, SIZE, SIZE)),
        "class_indices": 0,
    }
    with pytest.raises(ValueError, match=message) as error:
        deletion_curve(**{**arguments, **changed})
    assert "Received:" in str(error.value)
