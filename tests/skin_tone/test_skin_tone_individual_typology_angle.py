import cv2
import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from keras_derm.colour import cielab
from keras_derm.skin_tone import IndividualTypologyAngle


def skin_picture(lightness, a, b, height=150, width=200):
    """Return plain skin of one CIELAB colour with a dark round lesion, and its mask."""
    lab = np.full((height, width, 3), (lightness, a, b), "float64")
    rows, columns = np.mgrid[:height, :width]
    lesion = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (height / 5) ** 2
    lab[lesion] = (max(lightness - 25, 5), a, b)
    return np.round(lab2rgb(lab) * 255).astype("uint8"), lesion


def test_colour_is_that_of_scikit_image():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype("uint8")
    np.testing.assert_allclose(cielab(image), rgb2lab(image), atol=0.01)


@pytest.mark.parametrize("with_mask", [True, False])
@pytest.mark.parametrize(
    "lightness, b, tone",
    [
        (75, 12, "I"),
        (66, 15, "II"),
        (62, 18, "III"),
        (57, 18, "IV"),
        (46, 18, "V"),
        (35, 15, "VI"),
    ],
)
def test_angle_is_that_of_the_skin_colour(lightness, b, tone, with_mask):
    image, lesion = skin_picture(lightness, 12, b)
    measured = IndividualTypologyAngle().measure(image, lesion if with_mask else None)
    expected = np.degrees(np.arctan2(lightness - 50, b))
    assert abs(measured["ita"] - expected) < 2
    assert measured["ita_low"] <= measured["ita"] <= measured["ita_high"]
    assert measured["ita_type"] == tone and measured["ita_reason"] == ""


def test_pink_cast_on_bright_skin_is_type_one_not_six():
    image, lesion = skin_picture(65, 20, -5)
    assert IndividualTypologyAngle().measure(image, lesion)["ita_type"] == "I"
    published = IndividualTypologyAngle("published").measure(image, lesion)
    assert published["ita_type"] == "VI"


@pytest.mark.parametrize("lightness, b", [(65, -20), (40, -6)])
def test_strong_casts_are_undetermined(lightness, b):
    measured = IndividualTypologyAngle().measure(*skin_picture(lightness, 15, b))
    assert measured["ita_type"] == "undetermined" and "cast" in measured["ita_reason"]


def test_a_grey_photograph_has_no_tone():
    measured = IndividualTypologyAngle().measure(*skin_picture(70, 0, 0))
    assert measured["ita_type"] == "undetermined"
    assert measured["ita_reason"].startswith("no colour")


def test_dark_corners_do_not_count():
    image, lesion = skin_picture(70, 12, 14)
    clear = IndividualTypologyAngle().measure(image, lesion)
    rows, columns = np.mgrid[:150, :200]
    image[np.hypot(rows - 75, columns - 100) > 85] = 0
    vignetted = IndividualTypologyAngle().measure(image, lesion)
    assert abs(vignetted["ita"] - clear["ita"]) < 1
    assert vignetted["ita_type"] == clear["ita_type"]


def test_hair_ink_and_highlights_do_not_count():
    image, lesion = skin_picture(70, 12, 14)
    clear = IndividualTypologyAngle().measure(image, lesion)
    for row in range(5, 150, 12):
        cv2.line(image, (0, row), (199, row - 5), (30, 20, 20), 2)
    cv2.circle(image, (100, 75), 60, (60, 40, 170), 4)
    cv2.circle(image, (20, 20), 8, (255, 255, 255), -1)
    littered = IndividualTypologyAngle().measure(image, lesion)
    assert abs(littered["ita"] - clear["ita"]) < 2


def test_large_photographs_measure_as_small_ones():
    image, lesion = skin_picture(60, 12, 16)
    large = cv2.resize(image, (800, 600), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(lesion.astype("uint8"), (800, 600))
    first = IndividualTypologyAngle().measure(image, lesion)
    second = IndividualTypologyAngle().measure(large, mask)
    assert abs(first["ita"] - second["ita"]) < 1
    assert second["skin_pixels"] == pytest.approx(16 * first["skin_pixels"], rel=0.1)


def test_contrast_needs_a_lesion():
    image, lesion = skin_picture(70, 12, 14)
    assert IndividualTypologyAngle().measure(image, lesion)["contrast"] > 15
    plain = np.full_like(image, image[0, 0])
    assert np.isnan(IndividualTypologyAngle().measure(plain)["contrast"])


@pytest.mark.parametrize("rule", ["quadrant", "published"])
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_pictures_are_undetermined(rule, value):
    image = np.full((64, 64, 3), value, "uint8")
    measured = IndividualTypologyAngle(rule).measure(image)
    assert measured["ita_type"] == "undetermined" and measured["ita_reason"]


def test_two_measurements_are_equal():
    image, lesion = skin_picture(60, 12, 16)
    image = cv2.add(
        image, np.random.default_rng(0).integers(0, 9, image.shape, "uint8")
    )
    results = [IndividualTypologyAngle().measure(image, lesion) for _ in range(2)]
    assert results[0] == results[1]


def test_wrong_arguments_are_refused():
    for arguments in ({"rule": "x"}, {"thresholds": "x"}):
        with pytest.raises(ValueError, match="Received"):
            IndividualTypologyAngle(**arguments)
    with pytest.raises(ValueError, match="Received"):
        IndividualTypologyAngle().measure(np.zeros((4, 4), "uint8"))
    image, lesion = skin_picture(60, 12, 16)
    with pytest.raises(ValueError, match="Received"):
        IndividualTypologyAngle().measure(image, lesion[:-1])


def of_colour(lab):
    """A photograph of skin of one CIELAB colour, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.5, (120, 160, 3))
    rgb = lab2rgb(np.asarray(lab, float) + noise)
    return np.round(255 * rgb).astype("uint8")


@pytest.mark.parametrize(
    "lab, tone, reason",
    [
        ((42, 18, 26), "V", ""),  # melanin darkens and colours
        ((24, 14, 11), "VI", ""),
        ((49, 40, 22), "undetermined", "red cast"),
        ((42, 11, 4), "undetermined", "underexposed"),
        ((60, 34, 18), "III", ""),  # a red cast on skin that nobody calls dark
    ],
)
def test_dark_skin_is_believed_only_where_melanin_can_have_made_it(lab, tone, reason):
    measured = IndividualTypologyAngle().measure(of_colour(lab))
    assert measured["ita_type"] == tone
    assert reason in measured["ita_reason"]
