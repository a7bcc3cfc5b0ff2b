"""Decode photographs rightly, and find the files that cannot be decoded."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from rich.progress import track

from keras_derm.catalog.faults import faults_at, raise_faults

MAX_PIXELS = 100_000_000
EXIF_ORIENTATION = 0x0112
SKIP_HINT = "Mend these, or go on without them with `skip_bad=True` (`--skip-bad`)."


class ImageError(ValueError):
    """A file that cannot be read as an image; the message names file and cause.

    Attributes:
        cause: The cause alone, a str.
    """

    def __init__(self, path, cause):
        super().__init__(f"{cause}. Received: {str(path)!r}")
        self.cause = cause


def read_image(path):
    """Read a photograph as 8-bit RGB.

    EXIF-rotated images are turned upright, CMYK and grey become RGB, 16-bit values
    are scaled to 8 bits, and transparent pixels are laid on white.

    Args:
        path: An image file.

    Returns:
        uint8 array, shape (height, width, 3), RGB.

    Raises:
        ImageError: If the file is missing, empty, truncated, no image, or larger than
            100 megapixels.
    """
    image, _ = _open(path)
    try:
        image = ImageOps.exif_transpose(image)
        return np.array(_as_rgb(image))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(path, _damage(error)) from error


def check_images(catalog, skip_bad=False):
    """Decode every image of a catalog and learn which TensorFlow can decode directly.

    Args:
        catalog: A `Catalog`.
        skip_bad: Leave out the rows whose image is bad, instead of raising.

    Returns:
        (catalog, bad): the `Catalog` with `plain_rgb` filled, True where the file is an
        upright 8-bit RGB JPEG or PNG without alpha, and a `pandas.DataFrame` of the bad
        rows with file, row, isic_id, column, value and cause.

    Raises:
        CatalogError: If an image is bad and `skip_bad` is False, naming all of them;
            or if no good image is left.
    """
    catalog_table = catalog.table
    faults, plain = image_faults(catalog_table)
    if len(faults) and not skip_bad:
        raise_faults(faults, SKIP_HINT)
    good = ~catalog_table["isic_id"].isin(faults["isic_id"]).to_numpy(dtype=bool)
    if len(faults) and not good.any():
        raise_faults(faults, "No good image is left.")
    checked = catalog.where(good).with_columns(plain_rgb=plain[good])
    checked._skipped = pd.concat([checked._skipped, faults], ignore_index=True)
    return checked, faults


def image_faults(table, name="catalog", rows=None):
    """Decode every image of a catalog table.

    Args:
        table: Completed catalog table.
        name: What error messages call the table, or one name per row.
        rows: Row number of each row in its file.

    Returns:
        (faults, plain): `pandas.DataFrame` of the bad images, and a bool array, shape
        (n,), that is True where TensorFlow can decode the file directly.
    """
    paths = list(map(os.path.join, table["root"], table["path"]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(
            track(
                pool.map(_inspect, paths),
                description="Checking images",
                total=len(paths),
                transient=True,
            )
        )
    causes = np.array([cause for cause, _ in found], dtype=object)
    plain = np.array([is_plain for _, is_plain in found], dtype=bool)
    bad = np.array([cause is not None for cause in causes], dtype=bool)
    return faults_at(table, bad, "path", causes[bad], name, rows), plain


def _inspect(path):
    """Return (cause or None, whether TensorFlow can decode the file directly)."""
    try:
        image, data = _open(path)
        plain = _is_plain(image, data)
        # Decodes all data of a JPEG, but at an eighth of the size, which is faster.
        image.draft(image.mode, (image.width // 8, image.height // 8))
        image.load()
    except ImageError as error:
        return error.cause, False
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return _damage(error), False
    return None, plain


def _open(path):
    """Return (image with its header read, the file's bytes)."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError as error:
        raise ImageError(path, "file is missing") from error
    except OSError as error:
        raise ImageError(path, f"file cannot be read: {error.strerror}") from error
    if not data:
        raise ImageError(path, "file is empty (zero bytes)")
    try:
        image = Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(path, f"more than 100 megapixels: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(path, "not an image, or its header is damaged") from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels"
        raise ImageError(path, f"more than 100 megapixels: {size}")
    return image, data


def _damage(error):
    return f"image is truncated or damaged ({error})"


def _as_rgb(image):
    if image.mode.startswith("I") or image.mode == "F":
        return _grey_of_high_depth(image).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _grey_of_high_depth(image):
    """Scale 16-bit grey to 8 bits; Pillow's own conversion would clip at 255."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError(f"grey values outside 0 to 65535, mode {image.mode}")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _is_plain(image, data):
    if image.mode != "RGB" or "transparency" in image.info:
        return False
    if image.getexif().get(EXIF_ORIENTATION, 1) > 1:
        return False
    if image.format == "JPEG":
        return b"\xff\xd9" in data[-64:]
    # Byte 24 of a PNG is its bit depth.
    return image.format == "PNG" and data[24] == 8 and _has_sound_checksums(data)


def _has_sound_checksums(png):
    """Tell whether a PNG is whole to the last byte: TensorFlow refuses it otherwise."""
    try:
        Image.open(io.BytesIO(png)).verify()
    except (OSError, SyntaxError, ValueError):
        return False
    return b"IEND\xaeB`\x82" in png[-64:]
