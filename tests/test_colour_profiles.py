"""Colours with an embedded profile. The profiles are made from published primaries."""

import icc_profiles
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, check_images, read_image
from keras_derm.colour_profiles import is_srgb, to_srgb
from keras_derm.export import load_images
from keras_derm.pipeline.prepared import decoded_images
from keras_derm.skin_tone import IndividualTypologyAngle


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """A skin-coloured photograph in sRGB and Display P3: (folder, file names)."""
    folder = tmp_path_factory.mktemp("twins")
    generator = np.random.default_rng(0)
    coarse = generator.normal((195, 150, 125), 14, (12, 16, 3)).clip(0, 255)
    image = Image.fromarray(coarse.astype(np.uint8))
    image = np.asarray(image.resize((160, 120), Image.Resampling.BICUBIC))
    wide = Image.fromarray(icc_profiles.in_display_p3(image))
    image, profile = Image.fromarray(image), icc_profiles.display_p3()
    image.save(folder / "plain.png")
    wide.save(folder / "wide.png", icc_profile=profile)
    image.save(folder / "plain.jpg", quality=98, subsampling=0)
    wide.save(folder / "wide.jpg", quality=98, subsampling=0, icc_profile=profile)
    return folder, ("plain.png", "wide.png", "plain.jpg", "wide.jpg")


def checked(folder, names):
    table = pd.DataFrame({"isic_id": names, "path": names, "diagnosis": "NV"})
    return check_images(Catalog(table, folder))[0]


def largest_difference(first, second):
    return np.abs(np.asarray(first, int) - np.asarray(second, int)).max()


def test_display_p3_is_read_as_its_twin_in_srgb(twins):
    folder, names = twins
    stored = np.asarray(Image.open(folder / "wide.png"))
    png, wide, jpeg, wide_jpeg = (read_image(folder / name) for name in names)
    assert largest_difference(png, stored) > 8  # what is mended
    assert largest_difference(png, wide) <= 2
    assert np.abs(jpeg.astype(int) - wide_jpeg).mean() < 1


def test_training_tone_and_an_export_see_the_twin(twins):
    folder, names = twins
    catalog = checked(folder, names)
    assert catalog.table["plain_rgb"].tolist() == [True, False, True, False]
    png, wide, *_ = decoded_images(catalog).as_numpy_iterator()
    assert largest_difference(png, wide) <= 2
    np.testing.assert_array_equal(wide, read_image(folder / "wide.png"))
    angle = IndividualTypologyAngle()
    first, second = (angle.measure(image) for image in (png, wide))
    assert abs(first["ita"] - second["ita"]) < 1
    assert first["ita_type"] == second["ita_type"]
    for_export = load_images([folder / name for name in names[:2]], (64, 64))
    assert largest_difference(*for_export) <= 2


def test_profile_of_srgb_changes_no_level_and_is_left_to_tensorflow(tmp_path):
    levels = np.arange(256, dtype=np.uint8)
    image = np.stack([levels, levels[::-1], np.roll(levels, 90)], -1)[None]
    Image.fromarray(image).save(tmp_path / "a.png", icc_profile=icc_profiles.srgb())
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)
    assert checked(tmp_path, ["a.png"]).table["plain_rgb"][0]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_every_mode_is_converted(tmp_path, mode):
    colour = (200, 140, 120)
    image = Image.new(
        "RGB", (4, 4), tuple(icc_profiles.in_display_p3(np.array(colour)))
    )
    image = image.convert(mode, palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "a.png", icc_profile=icc_profiles.display_p3())
    expected = [np.asarray(image)[0, 0]] * 3 if mode == "L" else colour
    assert largest_difference(read_image(tmp_path / "a.png")[0, 0], expected) <= 2


def test_profile_that_does_not_fit_is_passed_over():
    profile = icc_profiles.display_p3()
    inks = Image.new("CMYK", (2, 2), (10, 80, 90, 5))
    assert to_srgb(inks, profile).getpixel((0, 0)) == inks.convert("RGB").getpixel(
        (0, 0)
    )
    for damaged in (b"no profile", profile[:90], profile[:200]):
        assert is_srgb(damaged)
        assert to_srgb(Image.new("RGB", (1, 1), "red"), damaged).getpixel((0, 0)) == (
            255,
            0,
            0,
        )
    assert not is_srgb(profile)


@pytest.mark.real_data
def test_published_twin_is_read_alike(shared_data):
    folder = shared_data.parent / "cases/icc_profile"
    if not folder.is_dir():
        pytest.skip("real data absent: no ../shared/cases beside the checkout")
    plain = read_image(folder / "srgb.png")
    assert (
        largest_difference(plain, read_image(folder / "same_colours_display_p3.png"))
        <= 2
    )
