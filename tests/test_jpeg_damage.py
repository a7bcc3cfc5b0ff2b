"""JPEGs whose data is lost: Pillow, TensorFlow and OpenCV fill them with grey."""

import io
import re
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_derm.catalog import ImageError, read_image
from keras_derm.jpeg_damage import jpeg_damage

END = b"\xff\xd9"


def encoded(mode="RGB", size=(96, 80), **options):
    """Bytes of a JPEG of smooth noise."""
    noise = np.random.default_rng(0).integers(0, 255, (10, 12, 3), np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    written = io.BytesIO()
    image.convert(mode).save(written, "JPEG", **options)
    return written.getvalue()


def cut_and_closed(data, share=0.7):
    return data[: int(len(data) * share)] + END


def third_zeroed(data):
    start = data.index(b"\xff\xda") + 14
    third = (len(data) - start) // 3
    return data[: start + third] + bytes(third) + data[start + 2 * third :]


def header_larger_than_data(data):
    place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    height = int.from_bytes(data[place : place + 2], "big")
    return data[:place] + (2 * height).to_bytes(2, "big") + data[place + 2 :]


@pytest.mark.parametrize(
    "spoil", [cut_and_closed, third_zeroed, header_larger_than_data]
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_lost_data_is_found_though_decoders_pass_over_it(
    tmp_path, spoil, mode, progressive
):
    data = encoded(mode, progressive=progressive)
    assert jpeg_damage(data) is None
    spoilt = spoil(data)
    if not progressive:  # Pillow refuses some of these
        Image.open(io.BytesIO(spoilt)).load()  # without a word
        assert jpeg_damage(spoilt)
    path = tmp_path / "a.jpg"
    path.write_bytes(spoilt)
    with pytest.raises(ImageError, match="truncated or damaged.*a.jpg"):
        read_image(path)


def scans_of(data):
    """Parts of a JPEG: what stands before the scans, and each scan with its tables."""
    starts = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    tables = [
        data.rfind(b"\xff\xc4", end, start) for end, start in pairwise([0, *starts])
    ]
    begins = [
        table if table > 0 else at for table, at in zip(tables, starts, strict=True)
    ]
    begins[0] = starts[0]
    ends = [*begins[1:], len(data) - len(END)]
    scans = [data[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return data[: starts[0]], scans


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_progressive_jpeg_without_one_of_its_scans_is_found(tmp_path, mode):
    """Cut between two scans and closed, or a scan taken out: libjpeg shows it."""
    head, scans = scans_of(encoded(mode, progressive=True))
    assert len(scans) > 5
    assert jpeg_damage(head + b"".join(scans) + END) is None
    path = tmp_path / "a.jpg"
    for n_scans in range(1, len(scans)):
        path.write_bytes(head + b"".join(scans[:n_scans]) + END)
        Image.open(path).load()  # without a word
        with pytest.raises(ImageError, match="damaged.*before its last scan.*a.jpg"):
            read_image(path)
        # The tables of the scan that is taken out may be those of the next.
        assert jpeg_damage(
            head + b"".join(scans[:n_scans] + scans[n_scans + 1 :]) + END
        )


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_progressive_jpegs_are_sound(mode, quality, subsampling):
    options = {"quality": quality, "subsampling": subsampling, "progressive": True}
    for size in ((96, 80), (17, 9), (1, 1)):
        data = encoded(mode, size, optimize=quality == 30, **options)
        assert b"\xff\xc2" in data
        assert jpeg_damage(data) is None
    grey = np.full((40, 40, 3), 128, np.uint8)
    _, written = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert jpeg_damage(written.tobytes()) is None


@pytest.mark.parametrize(
    "harmless",
    [
        lambda data: data[:-2],  # all pixels are there
        lambda data: data + b"appended by a camera",
        lambda data: data[:-2] + bytes(8) + END,
        lambda data: b"\x89PNG\r\n\x1a\n",
        lambda data: b"",
    ],
)
def test_what_loses_no_pixel_is_no_damage(harmless):
    assert jpeg_damage(harmless(encoded())) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 7)])
def test_sides_below_eight_pixels_are_sound(size):
    assert jpeg_damage(encoded(size=size)) is None


@pytest.mark.real_data
def test_no_real_photograph_is_called_damaged(shared_data):
    paths = sorted((shared_data / "ham10000/HAM10000_images").glob("*.jpg"))[::20]
    paths += sorted((shared_data / "milk10k").rglob("*.jpg"))[::20]
    assert len(paths) > 800
    assert [path for path in paths if jpeg_damage(path.read_bytes())] == []
