"""Decode the photographs of a catalog once, and find those that cannot be."""

import io
import os

import numpy as np
import pandas as pd
from PIL import Image

from keras_derm.catalog.faults import faults_at, raise_faults
from keras_derm.cluster.work import work_on_each
from keras_derm.colour_profiles import is_srgb
from keras_derm.files import short_digest
from keras_derm.photographs import (
    ORIENTATION,
    ImageError,
    damage,
    mask_fault,
    open_image,
    read_mask,
    refuse_lost_pixels,
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
        upright 8-bit sRGB JPEG or PNG without alpha, and `content_hash`, which is the
        same where files are equal, and a `pandas.DataFrame` of the bad rows with file,
        row, isic_id, column, value and cause.

    Raises:
        CatalogError: If an image is bad and `skip_bad` is False, naming all of them;
            or if no good image is left.
    """
    table = catalog.table
    faults, facts = image_faults(table)
    good = ~table["isic_id"].isin(faults["isic_id"]).to_numpy(dtype=bool)
    of_masks = mask_faults(table[good])
    faults = pd.concat([faults, of_masks], ignore_index=True)
    if len(faults) and not skip_bad:
        raise_faults(faults, SKIP_HINT)
    if len(faults) and not good.any():
        raise_faults(faults, "No good image is left.")
    sound = ~table["isic_id"].isin(of_masks["isic_id"])
    checked = catalog.with_columns(mask_path=table["mask_path"].where(sound))
    checked = checked.where(good).with_columns(**facts[good])
    checked._skipped = pd.concat([checked._skipped, faults], ignore_index=True)
    return checked, faults


def image_faults(table, name="catalog", rows=None):
    """Decode every image of a catalog table.

    Args:
        table: Completed catalog table.
        name, rows: As for `faults_at`.

    Returns:
        (faults, facts): `pandas.DataFrame` of the bad images, and one with a row for
        each of `table`: `plain_rgb`, True where TensorFlow can decode the file
        directly, and `content_hash`, the first 16 hexadecimal digits of the SHA-256 of
        the file, None where it is bad.
    """
    paths = list(map(os.path.join, table["root"], table["path"]))
    found = list(work_on_each(_inspect, paths, "Checking images", on_threads=True))
    causes = np.array([cause for cause, *_ in found], dtype=object)
    facts = pd.DataFrame(
        [facts for _, *facts in found],
        index=table.index,
        columns=["plain_rgb", "content_hash"],
    ).astype({"plain_rgb": bool, "content_hash": "string"})
    bad = np.array([cause is not None for cause in causes], dtype=bool)
    return faults_at(table, bad, "path", causes[bad], name, rows), facts


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
    found = work_on_each(_mask_cause, files, "Checking masks", on_threads=True)
    causes[with_mask] = list(found)
    bad = np.array([cause is not None for cause in causes], dtype=bool)
    return faults_at(table, bad, "mask_path", causes[bad], name, rows)


def _mask_cause(file):
    """Why a mask, given with its photograph, is bad, or None."""
    path, photograph = file
    try:
        return mask_fault(read_mask(path, photograph))
    except ImageError as error:
        return error.cause


def _inspect(path):
    """Return (cause or None, whether TensorFlow can decode it directly, its hash)."""
    try:
        image, data = open_image(path)
        refuse_lost_pixels(path, data)
        plain = _is_plain(image, data)
        # Decodes all data of a JPEG, but at an eighth of the size, which is faster.
        image.draft(image.mode, (max(image.width // 8, 1), max(image.height // 8, 1)))
        image.load()
    except ImageError as error:
        return error.cause, False, None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return damage(error), False, None
    return None, plain, short_digest(data)


def _is_plain(image, data):
    if image.mode != "RGB" or "transparency" in image.info:
        return False
    if image.getexif().get(ORIENTATION, 1) > 1:
        return False
    if not is_srgb(image.info.get("icc_profile")):
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
