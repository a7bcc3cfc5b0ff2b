"""Lesion masks beside prepared images."""

import json
from pathlib import Path

import numpy as np
from rich.progress import track

from keras_derm.files import atomic_path, new_array, write_json
from keras_derm.lesion_finders.crop import cropped
from keras_derm.photographs import read_mask
from keras_derm.pipeline.prepared import described


def prepare_masks(catalog, preparation, directory, boxes=None):
    """Move the mask of every image as the image is prepared, and keep the results.

    Args:
        catalog: `Catalog` whose rows all have a mask.
        preparation: `keras_derm.layers.Preparation` of the images.
        directory: Where they go; used as it is where it already holds the same masks.
        boxes: Part of each that is taken, as `prepare` takes them.

    Returns:
        Bool array `(n, side, side)` in the order of the catalog, which stays on disk.

    Raises:
        ImageError: A mask cannot be read or does not fit its photograph.
    """
    directory = Path(directory)
    index = {
        "ids": catalog.table["isic_id"].tolist(),
        "masks": catalog.table["mask_path"].tolist(),
        "geometry": described(preparation.geometry),
    }
    if boxes is None:
        boxes = [None] * len(catalog)
    else:
        index["boxes"] = np.asarray(boxes).tolist()
    stored = directory / "index.json"
    if not stored.is_file() or json.loads(stored.read_text()) != index:
        files = zip(catalog.mask_paths, catalog.paths, boxes, strict=True)
        side = preparation.image_size
        with atomic_path(directory) as temporary:
            temporary.mkdir(parents=True)
            shape = (len(catalog), side, side)
            masks = new_array(temporary / "masks.npy", np.bool_, shape)
            work = track(files, "Preparing masks", total=len(catalog))
            for i, (mask, photograph, box) in enumerate(work):
                mask = cropped(read_mask(mask, photograph), box)
                masks[i] = preparation.transform_masks(mask[None])[0]
            masks.flush()
            write_json(temporary / "index.json", index)
    return np.load(directory / "masks.npy", mmap_mode="r")
