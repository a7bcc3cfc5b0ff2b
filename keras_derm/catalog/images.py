"""Find the photographs of a catalog that cannot be decoded."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from PIL import Image
from rich.progress import track

from keras_derm.catalog.faults import faults_at, raise_faults
from keras_derm.photographs import (
    ORIENTATION,
    ImageError,
    damage,
    mask_fault,
    open_image,
    read_mask,
)

SKIP_HINT = "Mend these, or go on without them with `skip_bad=True` (`--skip-bad`)."


def check_images(catalog, skip_bad=False):
    """Decode every image of a catalog and learn which TensorFlow can decode directly.

    Masks are read too, each beside its photograph.

    Args:
        catalog: A `Catalog`.
        skip_bad: Leave out the rows whose image is bad, and the masks that are bad,
            whose photographs stay, instead of raising.

    Returns:
        (catalog, bad): the `Catalog` with `plain_rgb` filled, True where the file is an
        upright 8-bit RGB JPEG or PNG without alpha, and a `pandas.DataFrame` of the bad
        rows with file, row, isic_id, column, value and cause.

    Raises:
        CatalogError: If an image is bad and `skip_bad` is False, naming all of them;
            or if no good image is left.
    """
    table = catalog.table
    faults, plain = image_faults(table)
    good = ~table["isic_id"].isin(faults["isic_id"]).to_numpy(dtype=bool)
    of_masks = mask_faults(table[good])
    faults = pd.concat([faults, of_masks], ignore_index=True)
    if len(faults) and not skip_bad:
        raise_faults(faults, SKIP_HINT)
    if len(faults) and not good.any():
        raise_faults(faults, "No good image is left.")
    sound = ~table["isic_id"].isin(of_masks["isic_id"])
    checked = catalog.with_columns(
        plain_rgb=plain, mask_path=table["mask_path"].where(sound)
    ).where(good)
    checked._skipped = pd.concat([checked._skipped, faults], ignore_index=True)
    return checked, faults


def image_faults(table, name="catalog", rows=None):
    """Decode every image of a catalog table.

    Args:
        table: Completed catalog table.
        name, rows: As for `faults_at`.

    Returns:
        (faults, plain): `pandas.DataFrame` of the bad images, and a bool array, shape
        (n,), that is True where TensorFlow can decode the file directly.
    """
    paths = list(map(os.path.join, table["root"], table["path"]))
    n_images, what = len(paths), "Checking images"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_inspect, paths)
        found = list(track(found, what, total=n_images, transient=True))
    causes = np.array([cause for cause, _ in found], dtype=object)
    plain = np.array([is_plain for _, is_plain in found], dtype=bool)
    bad = np.array([cause is not None for cause in causes], dtype=bool)
    return faults_at(table, bad, "path", causes[bad], name, rows), plain


def mask_faults(table, name="catalog", rows=None):
    """Read the lesion mask of every row that has one.

    Args:
        table: Completed catalog table of images that can be read.
        name, rows: As for `faults_at`.

    Returns:
        `pandas.DataFrame` of the masks that are missing, cannot be read, or cannot be
        those of their photographs.
    """
    with_mask = np.flatnonzero(table["mask_path"].notna())
    chosen = table.iloc[with_mask]
    files = [
        (os.path.join(root, mask), os.path.join(root, path))
        for root, mask, path in zip(
            chosen["root"], chosen["mask_path"], chosen["path"], strict=True
        )
    ]
    causes = np.full(len(table), None, dtype=object)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda file: _mask_cause(*file), files)
        found = track(found, "Checking masks", total=len(files), transient=True)
        causes[with_mask] = list(found)
    bad = np.array([cause is not None for cause in causes], dtype=bool)
    return faults_at(table, bad, "mask_path", causes[bad], name, rows)


def _mask_cause(path, photograph):
    """Why a mask is bad, or None."""
    try:
        return mask_fault(read_mask(path, photograph))
    except ImageError as error:
        return error.cause


def _inspect(path):
    """Return (cause or None, whether TensorFlow can decode the file directly)."""
    try:
        image, data = open_image(path)
        plain = _is_plain(image, data)
        # Decodes all data of a JPEG, but at an eighth of the size, which is faster.
        image.draft(image.mode, (image.width // 8, image.height // 8))
        image.load()
    except ImageError as error:
        return error.cause, False
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return damage(error), False
    return None, plain


def _is_plain(image, data):
    if image.mode != "RGB" or "transparency" in image.info:
        return False
    if image.getexif().get(ORIENTATION, 1) > 1:
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
