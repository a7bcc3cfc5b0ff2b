"""Sets of made images beside real ones: what a person would see at a glance."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from keras_derm.generative.screening import screen, screen_sets
from keras_derm.generative.screening.set_criteria import ImageSet, measure_set
from keras_derm.generative.screening.spectra import (
    LEAST_POWER,
    grid_excess,
    log_spectra,
    power_spectra,
    sharpness,
)

SIDE, N = 32, 48
UNKNOWN = 3


def lesions(n, seed):
    """Discs of varied place, size and colour on skin with a texture."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = 1.0
    images = []
    for _ in range(n):
        row, column = generator.uniform(10, 22, 2)
        depth = 1 / (
            1 + np.exp(np.hypot(y - row, x - column) - generator.uniform(4, 9))
        )
        white = np.fft.fft2(generator.normal(size=(SIDE, SIDE)))
        texture = np.fft.ifft2(white / frequency**1.5).real * generator.uniform(
            0.5, 1.0
        )
        skin = np.array([205, 155, 140]) + generator.normal(0, 10, 3)
        darkening = 1 - depth[..., None] * generator.uniform(0.3, 0.7)
        noise = generator.normal(0, 0.5, (SIDE, SIDE, 3))
        images.append(skin * darkening + texture[..., None] + noise)
    return np.clip(images, 0, 255).astype("uint8")


def jpeg(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def shrunk(image):
    small = Image.fromarray(image).resize((SIDE * 3 // 4,) * 2, Image.LANCZOS)
    return np.asarray(small.resize((SIDE, SIDE), Image.BICUBIC))


def blurred(images):
    return gaussian_filter(images.astype(float), (0, 1.5, 1.5, 0)).astype("uint8")


def gridded(images, amplitude=8):
    """With a checkerboard of fields of 4 pixels."""
    y, x = np.mgrid[:SIDE, :SIDE]
    board = 1 - 2 * ((x // 4 + y // 4) % 2)
    moved = images + amplitude * board[:, :, np.newaxis]
    return np.clip(moved, 0, 255).astype("uint8")


def collapsed(images):
    """Ten images over and over, with a little noise."""
    again = images[np.arange(len(images)) % 10]
    noise = np.random.default_rng(1).normal(0, 2, images.shape)
    return np.clip(again + noise, 0, 255).astype("uint8")


@pytest.fixture(scope="module")
def real():
    return lesions(2 * N, 0)


@pytest.fixture(scope="module")
def held_out():
    return lesions(N, 1)


def cells(n, diagnosis=1, tone=UNKNOWN):
    return np.tile([[diagnosis, tone]], (n, 1))


def verdict(made, real, **options):
    table, which = screen_sets(
        made, cells(len(made)), np.ones(len(made), bool), real, cells(len(real))
    )
    assert (which == 0).all() and len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images,
        lambda images: np.stack([jpeg(image, 90) for image in images]),
        lambda images: np.stack([jpeg(image, 75) for image in images]),
        lambda images: np.stack([shrunk(image) for image in images]),
    ],
    ids=["as they are", "JPEG 90", "JPEG 75", "shrunk"],
)
def test_real_images_pass(real, held_out, change):
    found = verdict(change(held_out), real)
    assert found["passed"] and found["reason"] == ""
    assert found["set"] == "NV, tone unknown" and found["compared_with"] == "cell"
    assert (found["images"], found["real_images"]) == (N, 2 * N)


NOISE = np.random.default_rng(2)


@pytest.mark.parametrize(
    "change, said",
    [
        (blurred, "blurred: spectrum distance"),
        (gridded, "gridded: grid"),
        (collapsed, "few over and over: nearest distance"),
        (lambda images: images[:1] + np.zeros((N, 1, 1, 1), "uint8"), "all alike"),
        (lambda images: NOISE.integers(0, 256, images.shape).astype("uint8"), "noisy"),
        (
            lambda images: np.concatenate([images[::2], blurred(images[1::2])]),
            "blurred: spectrum distance",
        ),
        (lambda images: (images * 0.6).astype("uint8"), "unlike real images"),
    ],
    ids=["blurred", "gridded", "collapsed", "one", "noise", "half blurred", "dark"],
)
def test_what_a_person_would_not_take_for_real_fails(real, held_out, change, said):
    found = verdict(change(held_out), real)
    assert not found["passed"] and said in found["reason"]


def test_the_measures_of_real_images_are_about_those_of_equal_sets(real, held_out):
    found = measure_set(ImageSet(held_out), ImageSet(real))
    for name in ("diversity", "nearest_distance"):
        assert found[name] == pytest.approx(1, abs=0.15)
        assert 0.4 < found[f"{name}_limit"] < 0.6
    assert abs(found["feature_distance"]) < 1 < found["feature_distance_limit"]
    again = measure_set(ImageSet(held_out), ImageSet(real))
    assert again == found
    one = measure_set(ImageSet(held_out[:1]), ImageSet(real))
    assert np.isnan(one["diversity"]) and one["grid"] < one["grid_limit"]


def test_small_cells_are_judged_with_others_of_their_diagnosis_or_all(real, held_out):
    wanted = np.concatenate([cells(20, 0, 0), cells(10, 1, 0), cells(12, 1, 1)])
    wanted = np.concatenate([wanted, cells(4, 2, 0), cells(2, 0, 1)])
    asked = np.concatenate([cells(40, 0, 0), cells(40, 1, 0), cells(16, 2, 0)])
    table, which = screen_sets(held_out, wanted, np.ones(N, bool), real, asked)
    said = table.set_index("set")
    assert said["compared_with"].to_dict() == {
        "MEL, tone light": "cell",
        "NV, tones together": "diagnosis",
        "the other cells": "all",
    }
    assert said["images"].tolist() == [20, 22, 6]
    assert said["real_images"].tolist() == [40, 40, 96]
    assert table["set"].to_numpy()[which[[0, 25, 40, 42, 47]]].tolist() == [
        "MEL, tone light",
        "NV, tones together",
        "NV, tones together",
        "the other cells",
        "the other cells",
    ]
    assert said["passed"].all()


def test_a_mixture_is_not_judged_by_the_distance_to_other_cells(real, held_out):
    dark = (held_out * 0.6).astype("uint8")
    asked = np.concatenate([cells(48, 0, 0), cells(48, 1, 0)])
    table, _ = screen_sets(dark, cells(N, 5, 2), np.ones(N, bool), real, asked)
    assert table["feature_distance"][0] > table["feature_distance_limit"][0]
    assert "unlike real images" not in table["reason"][0]


def test_a_set_of_which_hardly_any_passes_alone_fails_and_is_measured(real, held_out):
    accepted = np.arange(N) < 4
    table, _ = screen_sets(held_out, cells(N), accepted, real, cells(len(real)))
    assert table["reason"][0] == f"4 of {N} pass alone"
    assert np.isfinite(table["grid"][0])
    spoilt = np.where((np.arange(N) < 24)[:, None, None, None], held_out, 0)
    alone = np.arange(N) < 24  # what does not pass alone is not measured
    table, _ = screen_sets(
        spoilt.astype("uint8"), cells(N), alone, real, cells(len(real))
    )
    assert table["passed"][0] and table["passed_alone"][0] == 24


def test_features_of_a_network_are_compared_where_it_is_given(real, held_out):
    def features(images):
        return images.mean(axis=(1, 2)) / 255 - 0.5

    def distance(made):
        return screen_sets(
            made,
            cells(N),
            np.ones(N, bool),
            real,
            cells(len(real)),
            features=features,
        )[0]["feature_distance"][0]

    assert abs(distance(held_out)) < 0.01
    assert distance((held_out * 0.6).astype("uint8")) > 0.01
    assert abs(distance(gridded(held_out))) < 0.01  # means of an even board are 0


def test_single_images_that_are_blurred_or_gridded_are_rejected(real, held_out):
    for change, said in ((blurred, "blurred unlike real"), (gridded, "grid unlike")):
        table = screen(change(held_out), cells(N), real, cells(len(real)))
        assert table["reason"].str.contains(said).mean() > 0.95
    table = screen(held_out, cells(N), real, cells(len(real)))
    assert table["reason"].str.contains("blurred|grid").mean() < 0.1
    assert {"sharpness", "sharpness_limit", "grid", "grid_limit"} <= set(table)


def test_white_noise_has_its_variance_at_every_frequency_and_no_grid():
    noise = np.random.default_rng(0).normal(128, 20, (200, SIDE, SIDE, 1))
    images = np.clip(noise, 0, 255).astype("uint8") + np.zeros(3, "uint8")
    power = power_spectra(images)
    np.testing.assert_allclose(np.exp(log_spectra(power)).mean(axis=0), 400, rtol=0.05)
    assert grid_excess(power).mean(axis=0).max() < 0.1
    flat = np.full((1, SIDE, SIDE, 3), 7, "uint8")
    np.testing.assert_allclose(log_spectra(power_spectra(flat)), np.log(LEAST_POWER))


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_of_each_stride_stands_out(period):
    y, _ = np.mgrid[:SIDE, :SIDE]
    wave = 128 + 20 * np.cos(2 * np.pi * y / period)
    images = np.repeat(wave[None, :, :, None], 3, axis=3).round().astype("uint8")
    assert grid_excess(power_spectra(images)).max() > 5
    between = 128 + 20 * np.cos(2 * np.pi * 6 * y / SIDE)  # of no stride
    images = np.repeat(between[None, :, :, None], 3, axis=3).round().astype("uint8")
    assert grid_excess(power_spectra(images)).max() < 3


def test_sharpness_is_the_energy_of_the_laplacian():
    y, x = np.mgrid[:SIDE, :SIDE]
    board = 100 + 10 * (1 - 2 * ((x + y) % 2))
    images = np.repeat(board[None, :, :, None], 3, axis=3).astype("uint8")
    expected = np.log((8 * 10) ** 2 + LEAST_POWER)  # -4 a - 4 a at every pixel
    np.testing.assert_allclose(sharpness(images), expected, rtol=1e-4)
