import hashlib
import os
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image, TiffImagePlugin, TiffTags

from keras_derm.catalog import (
    Catalog,
    CatalogError,
    ImageError,
    check_images,
    read_image,
)


def gradient(height=6, width=8):
    return np.linspace(0, 65535, height * width).reshape(height, width).round()


def catalog_of(folder, *names):
    table = pd.DataFrame({"isic_id": names, "path": names, "diagnosis": "NV"})
    return Catalog(table, folder)


def png_header(width, height):
    """A PNG that claims a size and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = b"IDAT" + zlib.compress(b"")
    data = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + chunk + data


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    values = gradient().astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    image = read_image(tmp_path / "deep.png")
    assert image.shape == (6, 8, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[..., 0], np.round(values / 257))


def test_sixteen_bit_colour_is_scaled(tmp_path):
    cv2 = pytest.importorskip("cv2")
    values = np.stack([gradient(), gradient()[::-1], 0 * gradient()], -1)
    cv2.imwrite(str(tmp_path / "deep.png"), values.astype(np.uint16)[..., ::-1])
    image = read_image(tmp_path / "deep.png")
    assert np.abs(image - values / 257).max() <= 1
    checked, _ = check_images(catalog_of(tmp_path, "deep.png"))
    assert not checked.table["plain_rgb"][0]


def test_cmyk_grey_and_palette_become_rgb(tmp_path):
    colour = Image.new("RGB", (16, 16), (200, 120, 40))
    colour.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    colour.convert("L").save(tmp_path / "grey.jpg")
    colour.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    for name in ("cmyk.jpg", "palette.png"):
        assert np.abs(read_image(tmp_path / name) - [200.0, 120, 40]).max() < 6, name
    assert np.ptp(read_image(tmp_path / "grey.jpg")[0, 0]) == 0
    names = ("cmyk.jpg", "grey.jpg", "palette.png")
    checked, _ = check_images(catalog_of(tmp_path, *names))
    assert not checked.table["plain_rgb"].any()


def test_transparent_pixels_lie_on_white(tmp_path):
    image = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    image.putpixel((0, 0), (10, 20, 30, 0))
    image.save(tmp_path / "alpha.png")
    array = read_image(tmp_path / "alpha.png")
    assert array[0, 0].tolist() == [255, 255, 255]
    assert array[1, 1].tolist() == [10, 20, 30]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotated_image_is_upright(tmp_path, orientation):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32] = (255, 0, 0)
    upright[:16, 32:] = (0, 255, 0)
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=95, subsampling=0)
    image = read_image(tmp_path / "turned.jpg").astype(int)
    assert image.shape == upright.shape
    assert np.abs(image - upright).mean() < 3
    checked, _ = check_images(catalog_of(tmp_path, "turned.jpg"))
    assert checked.table["plain_rgb"][0] == (orientation == 1)


def test_exif_that_cannot_be_written_anew_harms_no_photograph(tmp_path):
    """Orientation 6, and the camera's maker as a number where a text belongs."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x0112] = 6
    tags.tagtype[0x010F] = TiffTags.FLOAT
    tags[0x010F] = 1.5
    exif = b"Exif\0\0II*\0\x08\0\0\0" + tags.tobytes(8)
    stored = Image.new("RGB", (64, 32))
    stored.paste((255, 0, 0), (0, 0, 32, 32))  # left, and at the top when upright
    stored.save(tmp_path / "odd.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "odd.jpg").astype(int)
    assert image.shape == (64, 32, 3)
    assert image[:28, :, 0].min() > 240 and image[36:].max() < 15


def test_plain_images_read_as_tensorflow_reads_them(tmp_path, write_image):
    tf = pytest.importorskip("tensorflow")
    jpeg = tf.io.decode_jpeg(
        tf.io.read_file(str(write_image(tmp_path / "a.jpg"))),
        dct_method="INTEGER_ACCURATE",
    )
    png = tf.io.decode_png(tf.io.read_file(str(write_image(tmp_path / "b.png"))))
    np.testing.assert_array_equal(jpeg, read_image(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(png, read_image(tmp_path / "b.png"))
    checked, _ = check_images(catalog_of(tmp_path, "a.jpg", "b.png"))
    assert checked.table["plain_rgb"].all()


def test_png_without_its_end_is_not_left_to_tensorflow(tmp_path, write_image):
    path = write_image(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:-6])
    checked, bad = check_images(catalog_of(tmp_path, "a.png"), skip_bad=True)
    assert bad.empty and not checked.table["plain_rgb"][0]
    assert read_image(path).shape == (18, 24, 3)


@pytest.fixture
def bad_folder(tmp_path, write_image):
    good = write_image(tmp_path / "good.jpg", size=(200, 150)).read_bytes()
    (tmp_path / "truncated.jpg").write_bytes(good[: len(good) // 2])
    png = write_image(tmp_path / "good.png", size=(200, 150)).read_bytes()
    (tmp_path / "truncated.png").write_bytes(png[: len(png) // 2])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_text("<html>404 Not Found</html>")
    (tmp_path / "huge.png").write_bytes(png_header(20_000, 20_000))
    (tmp_path / "large.png").write_bytes(png_header(11_000, 11_000))
    return tmp_path


CAUSES = {
    "truncated.jpg": "truncated or damaged",
    "truncated.png": "truncated or damaged",
    "empty.jpg": "zero bytes",
    "page.jpg": "not an image",
    "huge.png": "more than 100 megapixels",
    "large.png": "more than 100 megapixels",
}


@pytest.mark.filterwarnings("ignore:Image size")
def test_every_bad_image_is_told_at_once(bad_folder):
    catalog = catalog_of(bad_folder, "good.jpg", "good.png", *CAUSES)
    with pytest.raises(CatalogError, match="skip_bad=True") as caught:
        check_images(catalog)
    faults = caught.value.faults.set_index("value")
    assert len(faults) == len(CAUSES)
    for row, (name, cause) in enumerate(CAUSES.items(), start=4):
        assert cause in faults["cause"][name] and faults["row"][name] == row
        assert name in str(caught.value)


@pytest.mark.filterwarnings("ignore:Image size")
def test_bad_images_can_be_skipped(bad_folder):
    catalog = catalog_of(bad_folder, "good.jpg", "good.png", *CAUSES)
    checked, bad = check_images(catalog, skip_bad=True)
    assert checked.table["isic_id"].tolist() == ["good.jpg", "good.png"]
    assert bad["isic_id"].tolist() == list(CAUSES)
    pd.testing.assert_frame_equal(checked.skipped, bad)
    with pytest.raises(CatalogError, match="No good image"):
        check_images(catalog_of(bad_folder, *CAUSES), skip_bad=True)


def test_file_lost_after_the_catalog_was_made(tmp_path, write_image):
    write_image(tmp_path / "a.jpg")
    catalog = catalog_of(tmp_path, "a.jpg")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(CatalogError, match="file is missing"):
        check_images(catalog)


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("name", [*CAUSES, "absent.jpg"])
def test_reading_a_bad_image_names_file_and_cause(bad_folder, name):
    with pytest.raises(ImageError, match=name) as caught:
        read_image(bad_folder / name)
    assert CAUSES.get(name, "file is missing") in str(caught.value)


def test_damaged_jpeg_is_a_fault_with_its_row(tmp_path, write_image):
    """It would train as grey: cut and closed with the marker of an end."""
    data = write_image(tmp_path / "whole.jpg", size=(200, 150)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    catalog = catalog_of(tmp_path, "whole.jpg", "cut.jpg")
    with pytest.raises(CatalogError, match="truncated or damaged") as caught:
        check_images(catalog)
    assert caught.value.faults[["row", "isic_id"]].to_numpy().tolist() == [
        [3, "cut.jpg"]
    ]
    checked, bad = check_images(catalog, skip_bad=True)
    assert checked.table["isic_id"].tolist() == ["whole.jpg"]
    assert len(bad) == len(checked.skipped) == 1


@pytest.mark.parametrize("size", [(5, 3), (1, 1), (7, 200)])
def test_jpeg_with_a_short_side_is_read(tmp_path, write_image, size):
    write_image(tmp_path / "small.jpg", size=size)
    checked, _ = check_images(catalog_of(tmp_path, "small.jpg"))
    assert checked.table["plain_rgb"][0]
    assert read_image(tmp_path / "small.jpg").shape == (size[1], size[0], 3)


def test_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="no regular file.*pipe.jpg"):
        read_image(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError, match="no regular file.*folder.jpg"):
        read_image(tmp_path / "folder.jpg")


def test_file_larger_than_any_photograph_is_not_read(tmp_path):
    with open(tmp_path / "large.tif", "wb") as file:
        file.truncate(2_000_000_000)  # takes no room on the disk
    with pytest.raises(ImageError, match="larger than 1 GB: 2,000,000,000 bytes"):
        read_image(tmp_path / "large.tif")


def test_jpeg_can_be_read_at_a_share_of_its_size(tmp_path, write_image):
    path = write_image(tmp_path / "a.jpg", size=(400, 320))
    assert read_image(path, least_side=80).shape == (80, 100, 3)
    assert read_image(path, least_side=81).shape == (160, 200, 3)
    assert read_image(path, least_side=9999).shape == (320, 400, 3)


def test_equal_files_have_one_hash(tmp_path, write_image):
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2), ("d.png", 1)):
        write_image(tmp_path / name, seed=seed)
    names = ("a.jpg", "b.jpg", "c.jpg", "d.png")
    checked, _ = check_images(catalog_of(tmp_path, *names))
    a, b, c, d = checked.table["content_hash"]
    assert a == b and len({a, c, d}) == 3
    a_file = hashlib.sha256((tmp_path / "a.jpg").read_bytes())
    assert a == a_file.hexdigest()[:16]
