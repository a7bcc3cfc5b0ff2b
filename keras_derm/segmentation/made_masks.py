"""Masks of synthetic images, and where they come from."""

import numpy as np
from PIL import Image
from rich.progress import track

from keras_derm.catalog import Catalog, read_image
from keras_derm.files import atomic_path
from keras_derm.layers import preparation
from keras_derm.lesion_finders.crop import crop_boxes, cropped
from keras_derm.photographs import read_mask

CONSTRUCTION, PARENT, PSEUDO = "construction", "parent", "pseudo"
"""How a made image came to its mask: made with it; that of the photograph it was made
of; or found in it by a segmenter, which is no truth."""


def made_masks(made, real, finder, folder, prepared):
    """Give every synthetic image a mask.

    Args:
        made: `Catalog` of synthetic images.
        real: `Catalog` of the photographs.
        finder: `keras_derm.lesion_finders.LesionFinder` for images that have no other
            mask.
        folder: Where the masks are written, whole or not at all.
        prepared: `PrepareDatasetSettings` of the photographs that they were made of.

    Returns:
        `Catalog` of those with a mask, with `mask_path` (absolute below its `root`)
        and `mask_source`: construction, parent or pseudo. Images in which no lesion
        was found are left out.
    """
    table = made.table
    chain = preparation(prepared.preset, prepared.image_size)
    parents = _parents(real)
    sources, paths = [], []
    folder = folder.absolute()
    with atomic_path(folder) as temporary:
        temporary.mkdir(parents=True)
        columns = (table["isic_id"], table["parent_id"], made.paths, made.mask_paths)
        rows = zip(*columns, strict=True)
        work = track(rows, "Masks of synthetic images", total=len(table))
        for isic_id, parent, path, mask_path in work:
            if mask_path is not None:
                mask, source = read_mask(mask_path, path), CONSTRUCTION
            elif parent in parents:
                photograph, own, box = parents[parent]
                mask = cropped(read_mask(own, photograph), box)
                mask = chain.transform_masks(mask[None])[0]
                mask, source = np.asarray(mask), PARENT
            else:
                mask, source = finder.find(read_image(path)).mask, PSEUDO
            name = f"{isic_id}_segmentation.png"
            Image.fromarray(mask.astype("uint8") * 255).save(temporary / name)
            sources.append(source)
            paths.append(str(folder / name) if mask.any() else None)
    # Images and masks lie in two folders: both are named from the root of the disk.
    table = table.assign(root="/", mask_source=sources)
    table["path"] = [path.lstrip("/") for path in made.paths]
    table["mask_path"] = [None if p is None else p.lstrip("/") for p in paths]
    return Catalog(table).where(table["mask_path"].notna().to_numpy(bool))


def _parents(real):
    """Dict from the id of a photograph that has a mask to both files and its box."""
    boxes = crop_boxes(real)
    boxes = [None] * len(real) if boxes is None else boxes
    files = zip(real.table["isic_id"], real.paths, real.mask_paths, boxes, strict=True)
    return {isic_id: rest for isic_id, *rest in files if rest[1] is not None}
