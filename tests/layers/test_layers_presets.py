import functools

import keras
import numpy as np
import pytest
from layer_checks import photographs

from keras_derm.layers import (
    CLAHE,
    OFFLINE_COPIES,
    PRESETS,
    ArtefactSuppression,
    GammaCorrection,
    HairRemoval,
    MinMaxRescale,
    NonLocalMeans,
    RandomColourJitter,
    RandomGain,
    RandomMirror,
    SquarePad,
    augmentation,
    offline_copies,
    preparation,
    resize,
    scaled_kernel_size,
)
from keras_derm.pipeline import image_preparation

ROTATION, ZOOM = keras.layers.RandomRotation, keras.layers.RandomZoom


def call(images, layer):
    return layer(images)


def published_preparation(name):
    """The layers of each system, with nothing of the chains under test."""
    resizing = keras.layers.Resizing(64, 64, antialias=True, dtype="float32")
    clean = [HairRemoval(), ArtefactSuppression(["ruler"])]
    black_hat = HairRemoval("published", kernel_size=scaled_kernel_size(64))
    enhancement = [
        NonLocalMeans(3, 3, 5),
        GammaCorrection(1 / 1.2),
        CLAHE(2.0, (4, 4)),
        HairRemoval(sensitivity=1 / 3),
        ArtefactSuppression(["ruler"]),
    ]
    return {
        "keras_derm": [SquarePad(64), *clean],
        "sn_gan_ensemble": [resizing, black_hat],
        "lora_diffusion": [resizing, *enhancement],
        "cwgan_gp": [resizing],
        "melanet": [SquarePad(64, fill="black"), MinMaxRescale()],
    }[name]


def published_augmentation(name):
    """The random layers of each system from seed 7."""
    zoom = ZOOM((-0.2, 0.2), (-0.2, 0.2), "reflect", seed=11, dtype="float32")
    turn = ROTATION(0.5, "reflect", seed=8, dtype="float32")
    camera = [
        RandomColourJitter(0.3, 0.3, 0.4, 0.04, seed=9),
        RandomGain(0.1, 0.08, seed=10),
    ]
    return {
        "keras_derm": [RandomMirror(7), zoom, turn, *camera],
        "sn_gan_ensemble": [RandomMirror(7)],
        "lora_diffusion": [
            RandomMirror(7),
            RandomColourJitter(0.2, 0.2, 0.2, 0.1, seed=8),
        ],
        "cwgan_gp": [RandomMirror(7)],
        "melanet": [],
    }[name]


@pytest.mark.parametrize("name", PRESETS)
def test_chains_keep_size_and_scale(name):
    images = np.array(augmentation(name, seed=0)(preparation(name, 64)(photographs())))
    assert images.shape == (2, 64, 64, 3) and images.dtype == np.float32
    assert images.min() >= 0 and 100 < images.max() <= 255


@pytest.mark.parametrize("name", PRESETS)
def test_prepared_images_are_those_of_the_system_to_the_bit(name):
    layers = published_preparation(name)
    expected = image_preparation(lambda images: functools.reduce(call, layers, images))
    found = image_preparation(preparation(name, 64))
    for shape in ((45, 60), (100, 75)):
        (image,) = photographs(1, *shape)
        np.testing.assert_array_equal(found(image), expected(image))


@pytest.mark.parametrize("size", [224, 256])
def test_enhancement_has_the_defaults_of_opencv_at_its_own_size(size):
    denoising, _, equalisation, *_ = preparation("lora_diffusion", size).photometry
    assert (denoising.patch_size, denoising.search_size) == (7, 21)
    assert equalisation.tile_grid_size == (8, 8)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_small_images_are_equalised_no_more_than_large_ones(size):
    """In tiles of 8 pixels a clip limit of 2 is one of 4: network becomes hair."""

    def gain(size):
        equalisation = preparation("lora_diffusion", size).photometry[2]
        levels = np.random.default_rng(0).normal(128, 4, (2, size, size)).round()
        found = np.array(equalisation.equalize(levels.astype("int32")))
        return found.std() / levels.std()

    assert gain(size) == pytest.approx(gain(224), rel=0.15)


@pytest.mark.parametrize("name", PRESETS)
def test_augmentation_is_that_of_the_system_to_the_bit(name):
    augment, layers = augmentation(name, seed=7), published_augmentation(name)
    for batch in range(2):
        images = expected = photographs(8, seed=batch).astype("float32")
        for layer in layers:
            expected = layer(expected, training=True)
        np.testing.assert_array_equal(augment(images), expected)


def test_preparation_is_deterministic():
    images = photographs()
    results = [preparation("sn_gan_ensemble", 32)(images) for _ in range(2)]
    np.testing.assert_array_equal(*results)


def test_resize_does_no_more_than_that():
    images = photographs().astype("float32")
    resizing = keras.layers.Resizing(20, 20, antialias=True, dtype="float32")
    np.testing.assert_allclose(resize(20)(images), resizing(images), atol=1e-3)


def test_augmentation_acts_in_training_only():
    images = photographs(8).astype("float32")
    unchanged = augmentation("lora_diffusion", seed=0)(images, training=False)
    np.testing.assert_array_equal(unchanged, images)


@pytest.mark.parametrize("name", PRESETS)
def test_layers_of_a_chain_draw_numbers_of_their_own(name):
    """From one seed, images turned to the left would be the darker ones."""
    states = [
        tuple(np.asarray(variable))
        for layer in augmentation(name, seed=7).layers
        for variable in layer.variables
    ]
    assert len(states) == len(augmentation(name).layers) == len(set(states))


@pytest.mark.parametrize("name", PRESETS)
def test_strength_zero_leaves_the_flips_alone(name):
    images = photographs(8).astype("float32")
    changed = np.array(augmentation(name, seed=0, strength=0.0)(images))
    for image, found in zip(images, changed, strict=True):
        flips = image, image[::-1], image[:, ::-1], image[::-1, ::-1]
        assert min(np.abs(found - flip).max() for flip in flips) < 1e-2


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_strength_says_how_far_light_and_colour_go(strength):
    jitter, gain = augmentation("keras_derm", 0, strength).photometry
    even = np.full((1000, 2, 2, 3), 100.0, "float32")
    shares = np.array(gain(even, training=True))[:, 0, 0] / 100
    assert np.log(shares).mean(axis=1).std() == pytest.approx(
        np.hypot(0.1, 0.08 / np.sqrt(3)) * strength, rel=0.1
    )
    greys = np.array(jitter(even, training=True))[:, 0, 0, 0] / 100 - 1
    greatest = 0.3 * strength
    assert -1.001 * greatest < greys.min() < -0.95 * greatest
    assert 0.95 * greatest < greys.max() < 1.001 * greatest
    assert abs(greys.mean()) < 0.1 * greatest  # both ways, evenly
    config = jitter.get_config()
    assert config["contrast"] == pytest.approx(0.3 * strength)
    assert config["saturation"] == pytest.approx(0.4 * strength)
    assert config["hue"] == pytest.approx(0.04 * strength)


def test_unknown_names_and_strengths_are_refused():
    with pytest.raises(ValueError, match="Received"):
        preparation("unknown", 64)
    with pytest.raises(ValueError, match="Received: 'unknown'"):
        augmentation("unknown")
    with pytest.raises(ValueError, match="Received: 4"):
        augmentation("keras_derm", strength=4)


@pytest.mark.parametrize("kind", OFFLINE_COPIES)
def test_offline_copies_are_turned_images_of_their_own(kind):
    images = photographs(2, 40, 40)
    copies = offline_copies(images, n_copies=5, seed=3, kind=kind)
    assert copies.shape == (10, 40, 40, 3) and copies.dtype == np.uint8
    centre = slice(15, 25)
    for image, turned in zip(images, copies.reshape(2, 5, 40, 40, 3), strict=True):
        # Turning keeps the colours of the middle and moves them.
        means = turned[:, centre, centre].mean(axis=(1, 2))
        np.testing.assert_allclose(
            means, [image[centre, centre].mean(axis=(0, 1))] * 5, atol=60
        )
        assert all(np.any(one != image) for one in turned)
    assert len(np.unique(copies.reshape(10, -1), axis=0)) == 10
    np.testing.assert_array_equal(copies, offline_copies(images, 5, 3, kind))


def test_copies_of_the_paper_have_other_colours_and_noise_and_those_of_the_code_not():
    """A picture of one colour stays one under flips and turns, but for its corners."""
    even = np.full((1, 40, 40, 3), (180, 120, 90), "uint8")
    for kind, changes in (("melanet_code", False), ("melanet_paper", True)):
        middle = offline_copies(even, 20, seed=1, kind=kind)[:, 16:24, 16:24]
        moved = np.abs(middle.astype(int) - even[:, 16:24, 16:24]).max(axis=(1, 2, 3))
        assert (moved > 2).mean() == changes
    with pytest.raises(ValueError, match="melanet_code.*Received: 'none'"):
        offline_copies(even, kind="none")
