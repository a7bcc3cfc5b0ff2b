"""Photographs as estimators of skin tone take them, one by one or a catalog of them."""

import dataclasses
import functools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import read_image, read_mask
from keras_derm.skin_tone.individual_typology_angle import SkinView

FEW_IMAGES = 64
"""Photographs up to which one process does all, and that a process gets at once."""


@dataclass(frozen=True)
class Photograph:
    """A photograph with what is known of it.

    Args:
        image: (height, width, 3), RGB, uint8.
        lesion: (height, width), not 0 in the lesion, or `None` where it is not known.
        image_type: One of `keras_derm.catalog.IMAGE_TYPES`, or `None`.

    Example:
        >>> photograph = Photograph(read_image("a.jpg"), image_type="dermoscopic")
        >>> estimator.estimate(photograph)
    """

    image: np.ndarray
    lesion: np.ndarray | None = None
    image_type: str | None = None

    @classmethod
    def read(cls, path, mask_path=None, image_type=None):
        """Read it, and its lesion mask where there is one."""
        lesion = None if mask_path is None else read_mask(mask_path)
        return cls(read_image(path), lesion, image_type)

    @functools.cached_property
    def view(self):
        """The `SkinView`, made once however many look at it."""
        return SkinView(self.image, self.lesion)


def look_at_each(catalog, works, what="Skin tone", n_workers=None):
    """Do several works on every photograph, which is read once.

    With more than 64 photographs the work is spread over processes, which start anew: a
    script that calls this needs `if __name__ == "__main__":`.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        works: Dict from a name to a function of a `Photograph`, which gives a dict or
            a dataclass; it must be fit to be sent to another process.
        what: What the progress bar calls it.
        n_workers: Number of processes; by default one per processor.

    Returns:
        Dict from each name to a `pandas.DataFrame` with the index of `catalog.table`.

    Raises:
        ImageError: If a photograph or a mask cannot be read.
    """
    types = [None if pd.isna(t) else t for t in catalog.table["image_type"]]
    files = list(zip(catalog.paths, catalog.mask_paths, types, strict=True))
    work = functools.partial(_look_at_file, list(works.values()))
    n_workers = n_workers or os.cpu_count()
    if len(files) <= FEW_IMAGES or n_workers == 1:
        found = [work(file) for file in track(files, what, transient=True)]
    else:
        # A fork of a process that runs TensorFlow may hang, hence spawn.
        with ProcessPoolExecutor(n_workers, get_context("spawn"), _one_thread) as pool:
            results = pool.map(work, files, chunksize=FEW_IMAGES)
            found = list(track(results, what, total=len(files)))
    index = catalog.table.index
    return {
        name: pd.DataFrame([row[i] for row in found], index=index)
        for i, name in enumerate(works)
    }


def _one_thread():
    cv2.setNumThreads(1)


def _look_at_file(works, file):
    photograph = Photograph.read(*file)
    return [_as_dict(work(photograph)) for work in works]


def _as_dict(found):
    return dataclasses.asdict(found) if dataclasses.is_dataclass(found) else found
