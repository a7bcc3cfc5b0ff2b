import cv2
import numpy as np
import pytest

from keras_derm.catalog import read_image, read_mask
from keras_derm.lesion_finders import AutomaticFinder
from keras_derm.readers import READERS
from keras_derm.skin_tone import IndividualTypologyAngle, Photograph
from keras_derm.skin_tone.individual_typology_angle import SkinView

RULE = AutomaticFinder()
SKIN, BROWN, DARK = (226, 184, 160), (160, 110, 84), (70, 45, 36)


def disc(radius, centre=(100, 75), height=150, width=200):
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(rows - centre[1], columns - centre[0]) < radius


def photograph(lesion):
    """Return skin with a little noise and a brown lesion, RGB, uint8."""
    noise = np.random.default_rng(0).normal(0, 2, (*lesion.shape, 3))
    colour = np.where(lesion[..., None], BROWN, SKIN)
    return np.round(colour + noise).clip(0, 255).astype("uint8")


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def with_network(lesion):
    """Return a photograph whose lesion has dark lines, as pigment network."""
    image, lines = photograph(lesion), np.zeros(lesion.shape, bool)
    lines[::7], lines[1::7], lines[:, ::7], lines[:, 1::7] = (True,) * 4
    image[lines & lesion] = DARK
    return image


def with_hairs(image, step=14):
    """Return the image under dark hairs, and where they are."""
    hairs = np.zeros(image.shape[:2], "uint8")
    for row in range(-40, 190, step):
        cv2.line(hairs, (0, row), (199, row + 25), 1, 2)
    image = image.copy()
    image[hairs > 0] = (40, 28, 24)
    return image, hairs > 0


def test_a_lesion_with_pigment_network_is_found_whole():
    lesion = disc(40)
    assert dice(SkinView(with_network(lesion), finder=RULE).lesion, lesion) > 0.93


def test_a_given_lesion_keeps_its_pigment_network():
    lesion = disc(40)
    np.testing.assert_array_equal(SkinView(with_network(lesion), lesion).lesion, lesion)


def test_hairs_are_neither_skin_nor_part_of_the_lesion():
    lesion = disc(30)
    image, hairs = with_hairs(photograph(lesion))
    view = SkinView(image, finder=RULE)
    assert dice(view.lesion, lesion) > 0.93
    assert not (view.skin & hairs).any()
    assert not (view.skin & lesion).any()
    assert view.skin.mean() > 0.2


def test_hairs_over_skin_without_a_lesion_are_no_lesion():
    image, _ = with_hairs(photograph(disc(0)))
    assert SkinView(image, finder=RULE).lesion is None


@pytest.mark.parametrize("shade", [0, 120])
def test_dark_corners_are_no_lesion(shade):
    lesion = disc(25)
    image = photograph(lesion)
    image[~disc(105)] = shade
    assert dice(SkinView(image, finder=RULE).lesion, lesion) > 0.9


def test_of_two_dark_areas_the_one_in_the_middle_is_the_lesion():
    lesion = disc(20)
    image = photograph(lesion | disc(28, (190, 140)))
    assert dice(SkinView(image, finder=RULE).lesion, lesion) > 0.9


def test_a_pale_middle_belongs_to_the_lesion():
    lesion = disc(40)
    image = photograph(lesion & ~disc(12))
    assert dice(SkinView(image, finder=RULE).lesion, lesion) > 0.93


def test_a_found_lesion_must_leave_more_skin_than_a_given_one():
    lesion = disc(1.1 * 75, height=150, width=180, centre=(90, 75))
    image = photograph(lesion)
    given = IndividualTypologyAngle().measure(image, lesion)
    found = IndividualTypologyAngle().measure(image)
    assert given["ita_type"] != "undetermined"
    assert found["ita_reason"].startswith("too little skin")


@pytest.mark.real_data
def test_lesions_of_ham10000_are_found(part_of_ham10000):
    catalog = READERS["ham10000"](part_of_ham10000(lambda ids: ids[::167]))
    overlaps = []
    for mask, photograph in zip(catalog.mask_paths, catalog.paths, strict=True):
        lesion = read_mask(mask, photograph)
        found = SkinView(read_image(photograph), finder=RULE).lesion
        overlaps.append(0.0 if found is None else dice(found, lesion))
    assert np.mean(overlaps) > 0.75
    assert np.median(overlaps) > 0.85


def test_the_shade_of_a_body_is_no_lesion_of_a_clinical_photograph():
    """Half of the picture lies in shade: more than a lesion of a close-up is."""
    image = np.full((120, 160, 3), (200, 165, 140), "uint8")
    image[:, 80:] = (150, 115, 90)
    assert SkinView(image).lesion is not None
    shaded = Photograph(image, image_type="clinical: close-up").view
    assert shaded.lesion is None
    assert shaded.skin.mean() > 0.4
