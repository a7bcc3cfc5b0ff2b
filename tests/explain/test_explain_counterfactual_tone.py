"""Melanin and brightness change what they should, and nothing changes at no step."""

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab, xyz2lab

from keras_derm.explain import counterfactual_table, melanin_dose, variants
from keras_derm.explain import counterfactual_tone as tone
from keras_derm.layers.colour_spaces import srgb_to_linear
from keras_derm.phantom import MelaninTwins, optics, render
from keras_derm.skin_tone import Photograph

STEPS = [-45.0, -15.0, 15.0]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return render(
        3, 9, 96, tone_frequencies={"II": 1}, directory=tmp_path_factory.mktemp("ph"),
        workers=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def photograph(catalog):
    return Photograph.read(catalog.paths[0], catalog.mask_paths[0], "dermoscopic")


@pytest.fixture(scope="module")
def changed(photograph):
    found = variants(photograph, [0.0, *STEPS])
    return {(one.change, one.step): one.image for one in found}


def angle_of_reference(dose):
    """ITA of type II skin behind a filter, with the spectra of the phantom's optics."""
    blood = np.mean(optics.BLOOD_RANGE)
    melanin = np.linspace(0.02, 0.08, 4001)
    start = melanin[np.abs(optics.skin_ita(melanin, blood) - 50).argmin()]
    light = optics.to_linear_srgb(optics.skin_reflectance(start, blood))
    absorption = np.array([605.0, 545.0, 455.0]) ** -3.33
    xyz = np.linalg.solve(
        optics.XYZ_TO_LINEAR_SRGB, light * np.exp(-dose * absorption / absorption[1])
    )
    lightness, _, b = xyz2lab(xyz)
    return np.degrees(np.arctan2(lightness - 50, b))


@pytest.mark.parametrize("step", [-90.0, *STEPS, 30.0])
def test_dose_moves_the_angle_of_skin_in_neutral_light_by_the_step(step):
    assert angle_of_reference(melanin_dose(step)) == pytest.approx(50 + step, abs=0.2)


def test_no_step_is_no_dose_and_steps_out_of_reach_are_refused():
    assert melanin_dose(0.0) == 0.0
    with pytest.raises(ValueError, match="cannot be moved by that step.*step=120"):
        melanin_dose(120.0)


def test_no_step_gives_back_every_byte(photograph, changed):
    for change in (tone.MELANIN, tone.BRIGHTNESS):
        np.testing.assert_array_equal(changed[change, 0.0], photograph.image)


def test_both_changes_leave_the_skin_equally_bright(photograph, changed):
    skin, _ = tone.regions(photograph)
    before = np.median(rgb2lab(photograph.image)[skin][:, 0])
    for step in STEPS:
        melanin, brightness = (
            np.median(rgb2lab(changed[change, step])[skin][:, 0])
            for change in (tone.MELANIN, tone.BRIGHTNESS)
        )
        assert np.sign(melanin - before) == np.sign(step)
        assert brightness == pytest.approx(melanin, abs=0.3)


def test_melanin_makes_skin_yellower_and_brightness_keeps_the_hue(photograph, changed):
    skin, _ = tone.regions(photograph)
    hues, yellow = {}, {}
    for key, image in {**changed, "before": photograph.image}.items():
        red, green, blue = srgb_to_linear(image[skin].mean(0).astype("float32")).numpy()
        hues[key], yellow[key] = green / red, green / blue
    for step in (-45.0, -15.0):
        key = tone.BRIGHTNESS, step
        assert hues[key] == pytest.approx(hues["before"], rel=0.02)
        assert yellow[key] == pytest.approx(yellow["before"], rel=0.02)
        assert yellow[tone.MELANIN, step] > yellow["before"] * 1.04


def test_the_lesion_keeps_its_structure_under_the_melanin(photograph, changed):
    _, lesion = tone.regions(photograph)
    assert lesion.any()
    density = [
        -np.log(srgb_to_linear(image[lesion].astype("float32"))[:, 1])
        for image in (photograph.image, changed[tone.MELANIN, -15.0])
    ]
    assert np.std(density[1] - density[0]) < 0.05 * np.std(density[0])


def test_photographs_without_plain_skin_are_not_changed(photograph):
    all_lesion = Photograph(photograph.image, np.ones(photograph.image.shape[:2]))
    (only,) = variants(all_lesion, STEPS)
    assert only.change == tone.ORIGINAL


def test_masks_of_large_photographs_have_their_size(photograph):
    large = cv2.resize(photograph.image, (400, 300))
    for mask in tone.regions(Photograph(large)):
        assert mask.shape == (300, 400)


def brightness_of(images):
    """A model that calls a photograph light by its mean."""
    light = images.mean(axis=(1, 2, 3)) / 255
    return np.stack([light, 1 - light], axis=1)


def small(image):
    return cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)


def test_table_has_every_variant_of_every_photograph_by_every_model(catalog):
    models = {"ensemble": brightness_of, "other": lambda x: brightness_of(255 - x)}
    asked = list(
        counterfactual_table(catalog, small, models, ("light", "dark"), [-30.0])
    )
    assert len(asked) == 3
    for (said, colours), isic_id in zip(asked, catalog.table["isic_id"], strict=True):
        assert colours.empty
        assert set(said["isic_id"]) == {isic_id}
        said = said.set_index(["model", "change", "step"])
        assert len(said) == 2 * 5
        plain, darker = (
            said.loc[("ensemble", *key)]
            for key in (("photograph", 0.0), ("melanin", -30.0))
        )
        assert darker["light"] < plain["light"]
        assert darker["lightness_change"] < -5 < 0 < darker["b_change"]
        assert said.loc[("ensemble", "melanin", 0.0), "light"] == plain["light"]
        assert said.loc[("other", "melanin", 0.0), "light"] == pytest.approx(
            plain["dark"], abs=1e-6
        )


def test_of_phantoms_it_is_held_against_the_truth(catalog):
    asked = counterfactual_table(
        catalog.where([True, False, False]),
        small,
        {"ensemble": brightness_of},
        ("light", "dark"),
        [-20.0],
        MelaninTwins.of(catalog),
    )
    ((said, colours),) = asked
    assert {"true, camera held", "true, camera metered"} < set(said["change"])
    assert len(colours) == 2 * 2 * 4  # cameras, steps with 0, candidates
    measures = ["delta_e_skin", "delta_e_lesion", "ita_error"]
    assert (colours.loc[colours["step"] == 0, measures].fillna(0) == 0).all(axis=None)
    held = colours[(colours["truth"] == "true, camera held") & (colours["step"] < 0)]
    error = held.set_index("candidate")["delta_e_skin"]
    assert error["melanin, tone known"] < error["photograph"]


def test_colour_errors_of_the_truth_itself_are_none(photograph):
    darker = tone.with_melanin(photograph.image, -20)
    found = [
        tone.Variant(tone.ORIGINAL, 0.0, photograph.image),
        tone.Variant(tone.MELANIN, -20.0, darker),
        tone.Variant("true, camera held", -20.0, darker),
    ]
    errors = tone.colour_errors(photograph, found).set_index("candidate")
    assert errors.loc["melanin", ["delta_e_skin", "delta_e_lesion"]].eq(0).all()
    # A candidate that was not made is the photograph as it is.
    assert errors.loc["photograph", "delta_e_skin"] > 3
    assert (
        errors.loc["equal brightness", "delta_e_skin"]
        == errors.loc["photograph", "delta_e_skin"]
    )


def test_steps_that_cannot_be_rendered_are_told_of_the_photograph_alone(tmp_path):
    dark = render(
        1, 3, 64, tone_frequencies={"VI": 1}, directory=tmp_path, workers=1
    )  # fmt: skip
    asked = counterfactual_table(
        dark,
        small,
        {"ensemble": brightness_of},
        ("light", "dark"),
        [-60.0, 10.0],
        MelaninTwins.of(dark),
    )
    ((said, colours),) = asked
    steps = {change: set(rows["step"]) for change, rows in said.groupby("change")}
    assert steps["melanin"] == {-60.0, 0.0, 10.0}
    for change in ("melanin, tone known", "true, camera held"):
        assert steps[change] == {0.0, 10.0}
    assert set(colours["step"]) == {0.0, 10.0}
