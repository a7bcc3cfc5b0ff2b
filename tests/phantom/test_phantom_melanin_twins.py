"""The same phantom under other melanin: nothing else may differ."""

import numpy as np
import pytest

from keras_derm.catalog import read_image
from keras_derm.phantom import CAMERAS, MelaninTwins, render
from keras_derm.phantom.optics import skin_ita
from keras_derm.skin_tone import IndividualTypologyAngle


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return render(
        8, 4, 64, tone_frequencies={"III": 1}, directory=folder, workers=1
    )  # fmt: skip


@pytest.fixture(scope="module")
def twins(catalog):
    return MelaninTwins.of(catalog)


@pytest.mark.parametrize("camera", CAMERAS)
def test_at_no_step_it_is_the_photograph_of_the_data_set(catalog, twins, camera):
    for isic_id, path in zip(catalog.table["isic_id"], catalog.paths, strict=True):
        again = twins.render(isic_id, 0.0, camera).image
        np.testing.assert_array_equal(again, read_image(path))


def test_melanin_is_that_of_the_persons_angle_moved_by_the_step(catalog, twins):
    for row in catalog.table.itertuples():
        melanin = twins.melanin(row.isic_id, -20)
        assert melanin > row.melanin_fraction
        assert skin_ita(melanin, row.blood_fraction) == pytest.approx(
            row.true_ita - 20, abs=0.01
        )


def test_lesion_hair_and_ruler_stay_where_they_are(catalog, twins):
    for isic_id in catalog.table["isic_id"]:
        before, after = twins.render(isic_id), twins.render(isic_id, -25)
        for mask in ("lesion_mask", "hair_mask", "ruler_mask"):
            np.testing.assert_array_equal(getattr(before, mask), getattr(after, mask))


def test_held_camera_shows_the_melanin_and_a_metered_one_hides_most_of_it(
    catalog, twins
):
    measure, fell = IndividualTypologyAngle().measure, {name: [] for name in CAMERAS}
    for isic_id in catalog.table["isic_id"]:
        shots = [twins.render(isic_id)]
        shots += [twins.render(isic_id, -25, camera) for camera in CAMERAS]
        np.testing.assert_array_equal(shots[0].gains, shots[1].gains)
        assert (shots[2].gains > shots[0].gains).all()
        light = [measure(one.image, one.lesion_mask)["lightness"] for one in shots]
        for camera, after in zip(CAMERAS, light[1:], strict=True):
            fell[camera].append(light[0] - after)
    assert np.median(fell["held"]) > 5
    assert np.median(fell["metered"]) < 0.4 * np.median(fell["held"])


def test_bare_camera_has_nothing_to_meter(tmp_path):
    bare = render(1, 4, 64, directory=tmp_path, dermatoscope=False, workers=1)
    twins = MelaninTwins.of(bare)
    assert twins.cameras == ("held",)
    isic_id = bare.table["isic_id"][0]
    held, metered = (twins.render(isic_id, -15, camera).image for camera in CAMERAS)
    np.testing.assert_array_equal(held, metered)


def test_catalogs_of_other_photographs_have_no_twins(catalog):
    other = catalog.with_columns(source=["phantom"] * 7 + ["HAM10000"])
    assert MelaninTwins.of(other) is None
    assert MelaninTwins.of(catalog.where([False] * 8)) is None


def test_what_cannot_be_rendered_is_refused(catalog, twins, tmp_path):
    isic_id = catalog.table["isic_id"][0]
    assert np.isnan(twins.melanin(isic_id, 60))
    with pytest.raises(ValueError, match="needs a melanin fraction outside.*60"):
        twins.render(isic_id, 60)
    with pytest.raises(ValueError, match="`camera` must be one of.*'auto'"):
        twins.render(isic_id, -10, "auto")
    with pytest.raises(ValueError, match="of the phantom of seed 4.*'ISIC_1'"):
        twins.melanin("ISIC_1", -10)
    with pytest.raises(FileNotFoundError, match="no phantom data set here"):
        MelaninTwins(tmp_path)
