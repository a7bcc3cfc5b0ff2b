"""Photographs as estimators of skin tone take them, one by one or a catalog of them."""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.catalog import CLINICAL_TYPES, read_image, read_mask
from keras_derm.cluster.work import work_on_each
from keras_derm.skin_tone.individual_typology_angle import SkinView


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
        lesion = None if mask_path is None else read_mask(mask_path, path)
        return cls(read_image(path), lesion, image_type)

    @functools.cached_property
    def view(self):
        """The `SkinView`, made once however many look at it."""
        is_clinical = self.image_type in CLINICAL_TYPES
        kind = "clinical" if is_clinical else "dermoscopic"
        return SkinView(self.image, self.lesion, kind)


def look_at_each(catalog, works, what="Skin tone", n_workers=None):
    """Do several works on every photograph, which is read once.

    With more than 500 photographs the work is spread over processes, and within
    `on_cluster` over a cluster.

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
    found = list(work_on_each(work, files, what, n_workers=n_workers))
    index = catalog.table.index
    return {
        name: pd.DataFrame([row[i] for row in found], index=index)
        for i, name in enumerate(works)
    }


def _look_at_file(works, file):
    photograph = Photograph.read(*file)
    return [_as_dict(work(photograph)) for work in works]


def _as_dict(found):
    return dataclasses.asdict(found) if dataclasses.is_dataclass(found) else found
