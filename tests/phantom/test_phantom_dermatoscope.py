"""A dermatoscope hides the tone of the skin; the bare camera shows it."""

import inspect

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from keras_derm.phantom import camera, optics, photograph, population, read, render
from keras_derm.phantom.dermatoscope import (
    AIM_COLOUR,
    AIM_LUMINANCE,
    EXTINCTION,
    FULL_WELL,
    KNEE,
    METERING,
    WHITE_BALANCE,
    Dermatoscope,
    draw_dermatoscope,
    tone_curve,
)
from keras_derm.phantom.fields import generator
from keras_derm.skin_tone import IndividualTypologyAngle

SEED, SIZE = 5, 96
MILK10K_LIGHTNESS = {"VI": 56, "V": 62, "IV": 68, "III": 67, "II": 66, "I": 67}
"""Median L* of the skin in MILK10k's dermoscopy, its classes 0 to 5 in this order."""
MILK10K_YELLOW = {"VI": 10, "V": 3, "IV": 0, "III": 4, "II": 1, "I": 0}
"""Median b* of the same."""


def measured(dermatoscope):
    """The skin's colour in 240 photographs, with the truth of the person."""
    rule, found = IndividualTypologyAngle(), []
    table = population(240, SEED, "balanced", "balanced")
    for index, row in enumerate(table.to_dict("records")):
        shot = photograph(row, index, SEED, SIZE, dermatoscope=dermatoscope)
        found.append({**row, **rule.measure(shot.image, shot.lesion_mask)})
    return pd.DataFrame(found)


@pytest.fixture(scope="module")
def seen():
    return measured(dermatoscope=True)


@pytest.fixture(scope="module")
def bare():
    return measured(dermatoscope=False)


@pytest.fixture(scope="module")
def row():
    return population(1, 2).to_dict("records")[0]


def test_a_phantom_has_a_dermatoscope_unless_told_otherwise(tmp_path):
    for function in (photograph, render):
        assert inspect.signature(function).parameters["dermatoscope"].default is True
    images = [
        [open(path, "rb").read() for path in read(options, root).paths]  # noqa: SIM115
        for options, root in (
            ("n=2,seed=3,size=64", tmp_path / "default"),
            ("n=2,seed=3,size=64,dermatoscope=true", tmp_path / "on"),
            ("n=2,seed=3,size=64,dermatoscope=false", tmp_path / "off"),
        )
    ]
    assert images[0] == images[1]
    assert all(on != off for on, off in zip(images[1], images[2], strict=True))


def test_the_truths_are_of_the_person_whatever_the_device(tmp_path):
    tables = [
        read(f"n=4,seed=3,size=64,dermatoscope={word}", tmp_path / word).table
        for word in ("true", "false")
    ]
    for column in ("true_ita", "melanin_fraction", "skin_tone_label",
                   "diagnosis", "image_type"):  # fmt: skip
        assert list(tables[0][column]) == list(tables[1][column])
    assert (tables[0]["image_type"] == "dermoscopic").all()


def test_bare_camera_shows_the_linear_light_as_it_is(row):
    """sRGB of the optics' own colour, by the textbook formula, without a device."""
    even = {**row, "melanin_fraction": 0.05, "blood_fraction": 0.008}
    shot = photograph(even, 0, 2, SIZE, hair=0, artefact=0, dermatoscope=False)
    assert (shot.gains == 1).all()
    wanted = optics.to_linear_srgb(optics.skin_reflectance(0.05, 0.008))
    wanted = 255 * (1.055 * wanted ** (1 / 2.4) - 0.055)
    found = np.median(shot.image[~shot.lesion_mask], axis=0)
    assert found == pytest.approx(wanted, abs=5)


def test_gains_are_those_that_the_picture_shows(row):
    """On a clean photograph: gained light = gains * bare light, below the knee."""
    on, off = (
        photograph(row, 0, 2, SIZE, hair=0, artefact=0, dermatoscope=device)
        for device in (True, False)
    )
    linear = [np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
              for x in (on.image / 255, off.image / 255)]  # fmt: skip
    plain = (linear[0].max(-1) < KNEE) & (linear[1].min(-1) > 0.1)
    ratio = np.median(linear[0][plain] / linear[1][plain], axis=0)
    assert plain.sum() > 500
    assert ratio == pytest.approx(on.gains, rel=0.02)


def test_same_photograph_again_and_another_of_each_row():
    rows = population(2, 2).to_dict("records")
    first, again, other = (
        photograph(rows[0], index, 2, SIZE).image for index in (0, 0, 1)
    )
    assert (first == again).all() and (first != other).any()


@pytest.mark.parametrize("skin_type", MILK10K_LIGHTNESS)
def test_skin_has_the_colour_of_dermoscopy_in_milk10k(seen, skin_type):
    """Of class 0 (VI) MILK10k has 4 lesions: its b* is known to a few units."""
    skin = seen[seen["fitzpatrick_skin_type"] == skin_type]
    assert len(skin) > 15
    lightness, yellow = skin["lightness"].median(), skin["b"].median()
    assert lightness == pytest.approx(MILK10K_LIGHTNESS[skin_type], abs=5)
    assert yellow == pytest.approx(MILK10K_YELLOW[skin_type], abs=7)
    assert skin["a"].median() == pytest.approx(10.5, abs=4)


def test_colour_spreads_within_a_type_as_in_milk10k(seen):
    """Standard deviations there: L* 8, a* 7, b* 8."""
    spread = seen.groupby("fitzpatrick_skin_type")[["lightness", "a", "b"]].std().mean()
    assert spread.to_numpy() == pytest.approx([8, 7, 8], abs=2)


def test_ita_tells_the_tone_without_the_dermatoscope_alone(seen, bare):
    with_device = spearmanr(seen["ita"], seen["true_ita"]).statistic
    without = spearmanr(bare["ita"], bare["true_ita"]).statistic
    assert abs(with_device) < 0.5
    assert without > 0.9


def test_photographs_of_one_person_differ_in_ita(seen, bare):
    """ISIC 2020: standard deviation of 20 degrees within one patient."""

    def within(table):
        groups = table.groupby("patient_id")["ita"]
        return np.sqrt((groups.var() * (groups.size() - 1)).sum()
                       / (groups.size() - 1).sum())  # fmt: skip

    assert within(seen) > 15
    assert within(bare) < within(seen) / 1.5


def test_lesions_on_dark_skin_are_seen_as_well_as_exposure_allows(seen, bare):
    dark = seen["fitzpatrick_skin_type"] == "VI"
    assert seen["contrast"][dark].median() > 1.5 * bare["contrast"][dark].median()
    light = seen["fitzpatrick_skin_type"].isin(["I", "II", "III"])
    kept = seen["contrast"][light].median() / bare["contrast"][light].median()
    assert kept == pytest.approx(1, abs=0.3)


def even_scene(colour):
    return np.broadcast_to(np.float32(colour), (32, 32, 3))


def test_a_picture_as_aimed_at_is_left_as_it_is():
    exposure, balance = Dermatoscope(True).gains(even_scene(AIM_LUMINANCE * AIM_COLOUR))
    assert exposure * balance == pytest.approx([1, 1, 1], abs=2e-3)


def test_exposure_and_white_balance_are_damped():
    plain = even_scene(AIM_LUMINANCE * AIM_COLOUR)
    exposure, balance = Dermatoscope(True).gains(plain / 4)
    assert exposure * balance == pytest.approx(4**METERING * np.ones(3), rel=2e-3)
    _, balance = Dermatoscope(True).gains(plain * np.float32([1, 1, 0.5]))
    assert balance[2] / balance[0] == pytest.approx(2**WHITE_BALANCE, rel=2e-3)
    # Half a stop more light is half a stop in the picture.
    exposure, balance = Dermatoscope(True, 0.5).gains(plain)
    assert exposure * balance == pytest.approx(2**0.5 * np.ones(3), rel=2e-3)


def test_what_saturates_the_sensor_is_white():
    scene = np.array(even_scene([0.2, 0.1, 0.05]))
    scene[:4, :4] = 1
    scene[4:] *= np.float32(0.1)
    device = Dermatoscope(True, 3.0)
    image = device.expose(scene, device.gains(scene), 0.0, generator(1))
    assert (image[:4, :4] == 255).all()


def test_tone_curve_keeps_the_skin_and_bends_the_highlights():
    light = np.linspace(0, FULL_WELL, 400, dtype=np.float32)
    bent = tone_curve(light)
    assert (bent[light <= KNEE] == light[light <= KNEE]).all()
    assert (np.diff(bent) > 0).all()
    assert bent[-1] == pytest.approx(1, abs=1e-6)


def test_polariser_takes_away_the_surface_alone():
    shine, blocked = (
        Dermatoscope(polarised).surface(generator(3), 128, 12)
        for polarised in (False, True)
    )
    assert shine.max() > 0.1 and shine.min() >= 0.01
    assert blocked == pytest.approx((1 - EXTINCTION) * shine, rel=1e-4)


def test_device_of_clean_photographs_has_no_spread():
    assert draw_dermatoscope(generator(1), True, 0.0) == Dermatoscope(True)


def test_exposure_is_drawn_around_the_automatic_one():
    draws = [draw_dermatoscope(generator(1, i), True) for i in range(400)]
    stops = np.array([[d.exposure_stops, *d.tint_stops] for d in draws])
    error = stops.std(axis=0) / np.sqrt(len(stops))
    assert (np.abs(stops.mean(axis=0)) < 4 * error).all()
    assert np.abs(np.corrcoef(stops.T)[np.triu_indices(4, 1)]).max() < 0.2


def test_bare_camera_clips_at_white():
    assert (camera.expose(even_scene([2, 2, 2]), 0.0, generator(1)) == 255).all()
