"""Masks as people have them: read rightly, or named with their row."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError, check_images, read_mask

HEIGHT, WIDTH = 30, 40
TRUTH = np.zeros((HEIGHT, WIDTH), bool)
TRUTH[8:20, 10:30] = True


def saved(path, values, mode=None):
    Image.fromarray(values, mode).save(path)
    return path


@pytest.fixture
def photograph(tmp_path):
    return saved(tmp_path / "a.jpg", np.full((HEIGHT, WIDTH, 3), 180, "uint8"))


def test_levels_of_any_kind_are_read_alike(tmp_path, photograph):
    levels = TRUTH.astype("uint8")
    colours = np.where(TRUTH[..., None], (200, 40, 40), (0, 0, 0)).astype("uint8")
    alpha = np.dstack([np.full((HEIGHT, WIDTH, 3), 255, "uint8"), levels * 255])
    clear = np.dstack([np.zeros((HEIGHT, WIDTH, 3), "uint8"), levels * 0])
    clear[TRUTH] = 255
    palette = Image.fromarray(levels, "P")
    palette.putpalette([0, 0, 0, 90, 10, 10])
    palette.save(tmp_path / "palette.png")
    files = [
        saved(tmp_path / "one.png", levels),
        saved(tmp_path / "full.png", levels * 255),
        saved(tmp_path / "deep.png", levels.astype("uint16") * 65535),
        saved(tmp_path / "bit.png", TRUTH),
        saved(tmp_path / "colour.png", colours),
        saved(tmp_path / "alpha.png", alpha),
        saved(tmp_path / "clear.png", clear),
        tmp_path / "palette.png",
    ]
    for file in files:
        np.testing.assert_array_equal(read_mask(file, photograph), TRUTH, str(file))


def test_soft_edges_are_cut_at_half(tmp_path, photograph):
    soft = TRUTH.astype("uint8") * 255
    soft[7, 10:30], soft[20, 10:30] = 120, 135  # less and more than half
    found = read_mask(saved(tmp_path / "soft.png", soft), photograph)
    assert not found[7].any()
    assert found[20, 10:30].all()


def test_noise_of_jpeg_is_no_lesion(tmp_path, photograph):
    file = tmp_path / "mask.jpg"
    Image.fromarray(TRUTH.astype("uint8") * 255).save(file, quality=40)
    np.testing.assert_array_equal(read_mask(file, photograph), TRUTH)


@pytest.mark.parametrize("scale", [3, 0.5])
def test_another_size_of_the_same_shape_is_resized(tmp_path, photograph, scale):
    size = int(WIDTH * scale), int(HEIGHT * scale)
    mask = Image.fromarray(TRUTH.astype("uint8") * 255)
    mask.resize(size, Image.Resampling.NEAREST).save(tmp_path / "large.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "large.png", photograph), TRUTH)


def turned_photograph(path, orientation, size=(WIDTH, HEIGHT)):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (200, 160, 140)).save(path, exif=exif)
    return path


def test_a_mask_drawn_on_the_stored_picture_is_turned_with_it(tmp_path):
    photograph = turned_photograph(tmp_path / "turned.jpg", 6)
    mask = saved(tmp_path / "mask.png", TRUTH.astype("uint8") * 255)
    np.testing.assert_array_equal(read_mask(mask, photograph), np.rot90(TRUTH, -1))
    upright = saved(tmp_path / "up.png", np.rot90(TRUTH, -1).astype("uint8") * 255)
    np.testing.assert_array_equal(read_mask(upright, photograph), np.rot90(TRUTH, -1))


CAUSES = {
    "empty": "mask is empty",
    "inverted": "mask is inverted",
    "truncated": "truncated or damaged",
    "text": "not an image",
    "wide": "not in the proportions of its photograph of 40 x 30",
    "both": "as it is stored or as it is seen",
    "missing": "file is missing",
}


@pytest.fixture
def archive(tmp_path):
    """A sound row and one of each fault: a photograph whose mask is bad."""
    names = ["sound", "full", "two", *CAUSES]
    for name in names:
        turned_photograph(tmp_path / f"{name}.jpg", 3 if name == "both" else 1)
    levels = TRUTH.astype("uint8") * 255
    for name in ("sound", "both"):
        saved(tmp_path / f"{name}.png", levels)
    saved(tmp_path / "full.png", np.full_like(levels, 255))
    two = levels.copy()
    two[24:28, 2:6] = 255
    saved(tmp_path / "two.png", two)
    saved(tmp_path / "empty.png", levels * 0)
    saved(tmp_path / "inverted.png", 255 - levels)
    saved(tmp_path / "wide.png", np.repeat(levels, 2, axis=1))
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH), "uint8")
    whole = saved(tmp_path / "truncated.png", noise).read_bytes()
    (tmp_path / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    saved(tmp_path / "missing.png", levels)
    table = pd.DataFrame(
        {
            "isic_id": names,
            "path": [f"{name}.jpg" for name in names],
            "mask_path": [f"{name}.png" for name in names],
            "diagnosis": "NV",
        }
    )
    catalog = Catalog(table, root=tmp_path)
    (tmp_path / "missing.png").unlink()
    return catalog


def test_every_bad_mask_is_named_with_its_row_at_once(archive):
    with pytest.raises(CatalogError) as raised:
        check_images(archive)
    faults = raised.value.faults.set_index("isic_id")
    assert set(faults.index) == set(CAUSES)
    assert (faults["column"] == "mask_path").all()
    for name, cause in CAUSES.items():
        assert cause in faults["cause"][name]
        assert faults["value"][name] == f"{name}.png"
        assert faults["row"][name] == archive.table["isic_id"].tolist().index(name) + 2


def test_photographs_with_bad_masks_stay_without_them(archive):
    checked, bad = check_images(archive, skip_bad=True)
    assert len(checked) == len(archive)
    table = checked.table.set_index("isic_id")
    assert table.index[table["mask_path"].notna()].tolist() == ["sound", "full", "two"]
    assert set(bad["isic_id"]) == set(checked.skipped["isic_id"]) == set(CAUSES)


def test_two_lesions_and_a_full_picture_are_read_as_they_are(archive):
    masks = dict(zip(archive.table["isic_id"], archive.mask_paths, strict=True))
    assert read_mask(masks["full"]).all()
    two = read_mask(masks["two"])
    assert two[25, 3] and two[10, 15] and not two[22, 10]
