import cv2
import numpy as np
import pytest
from layer_checks import check_image_layer

from keras_derm import phantom
from keras_derm.catalog import read_image
from keras_derm.layers import ToneTransfer
from keras_derm.layers.colour_spaces import srgb_to_linear
from keras_derm.skin_tone import IndividualTypologyAngle

TARGETS = [50.0, 20.0, -10.0, -45.0]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Phantom photographs of all tones, with their lesion masks.

    Without the dermatoscope, which would leave nearly one tone to start from.
    """
    folder = tmp_path_factory.mktemp("phantom")
    catalog = phantom.render(
        24, 5, 128, tone_frequencies="balanced", hair=0.5, dermatoscope=False,
        directory=folder, workers=1,
    )  # fmt: skip
    images = np.stack([read_image(path) for path in catalog.paths])
    masks = np.stack([read_image(path)[..., 0] for path in catalog.mask_paths])
    return images, masks


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: ToneTransfer(-10), tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_reaches_the_target(photographs, target):
    images, masks = photographs
    measure = IndividualTypologyAngle().measure
    changed = np.array(ToneTransfer(target).transfer(images, target, masks))
    angles = []
    for before, after, mask in zip(images, changed, masks, strict=True):
        if measure(before, mask)["ita_reason"]:
            continue  # no tone to start from
        angles.append(measure(np.round(after).astype("uint8"), mask)["ita"])
    errors = np.abs(np.array(angles) - target)
    assert len(errors) > 12
    assert np.median(errors) < 1.5
    assert np.mean(errors < 3) > 0.9


def test_finds_the_skin_itself(photographs):
    images, masks = photographs
    layer = ToneTransfer(0)
    given = np.array(layer.transfer(images, 0, masks))
    found = np.array(layer(images))
    assert np.median(np.abs(given - found).mean(axis=(1, 2, 3))) < 3


def test_lesion_structure_stays_in_optical_density(photographs):
    images, masks = photographs
    changed = np.array(ToneTransfer(-10).transfer(images[:8], -10, masks[:8]))
    seen = (changed > 2) & (changed < 253) & (images[:8] > 2)
    before, after = (
        np.log(srgb_to_linear(x.astype("float32"))) for x in (images[:8], changed)
    )
    for one, other, where in zip(before, after, seen, strict=True):
        for channel in range(3):
            shift = (other - one)[..., channel][where[..., channel]]
            assert np.std(shift) < 0.01


def test_one_target_for_each_image(photographs):
    images = photographs[0][:2]
    result = np.array(ToneTransfer(0).transfer(images, [40.0, -30.0]))
    assert result[0].mean() > result[1].mean()


def test_there_and_back_again(photographs):
    images, masks = photographs
    light = images[:6]
    measure = IndividualTypologyAngle().measure
    measured = [measure(image, masks[i]) for i, image in enumerate(light)]
    start = np.array([m["ita"] for m in measured])
    layer = ToneTransfer(0)
    dark = layer.transfer(light, start - 25, masks[:6])
    back = np.array(layer.transfer(dark, start, masks[:6]))
    assert np.abs(back - light).mean() < 6


def test_no_melanin_gives_back_every_byte():
    levels = np.arange(256, dtype="uint8")
    grid = np.stack(np.meshgrid(levels[::5], levels[::5], levels[::5]), axis=-1)
    images = grid.reshape(1, 52, -1, 3)
    same = np.array(ToneTransfer(0).add_melanin(images, 0))
    np.testing.assert_array_equal(np.floor(same + 0.5), images)


def test_a_dose_adds_the_absorption_of_melanin_to_every_pixel():
    images = np.random.default_rng(0).uniform(60, 180, (2, 8, 9, 3)).astype("float32")
    darker = np.array(ToneTransfer(0).add_melanin(images, [0.4, -0.2]))
    before, after = (-np.log(srgb_to_linear(one)) for one in (images, darker))
    absorption = 6.6e11 * np.array([605.0, 545.0, 455.0]) ** -3.33
    for one, dose in zip(after - before, (0.4, -0.2), strict=True):
        expected = np.broadcast_to(dose * absorption / absorption[1], one.shape)
        np.testing.assert_allclose(one, expected, atol=2e-4)


def test_pictures_without_skin_stay():
    white = np.full((1, 50, 50, 3), 255, "uint8")
    cv2.circle(white[0], (20, 20), 5, (0, 0, 0), -1)
    np.testing.assert_array_equal(ToneTransfer(0)(white), white)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Received"):
        ToneTransfer(120)
