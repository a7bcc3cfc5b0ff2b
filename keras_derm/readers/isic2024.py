"""ISIC 2024 (SLICE-3D): crops of total body photographs.

Needs Kaggle's `train-metadata.csv`, or `test-metadata.csv`, whose labels are held back
(diagnosis UNK), or both, which give `split`; or the ISIC's
`ISIC_2024_Training_GroundTruth.csv` and `..._Supplement.csv`. The crops are files, or
lie in Kaggle's `train-image.hdf5`: then they are unpacked once, to `train-image/`
beside it or, where nothing can be written there, to a folder of `$KERAS_DERM_CACHE` or
`~/.cache/keras_derm`. Unpacking that was stopped goes on where it stood.

Nearly all diagnoses are "Benign" without more, and count as UNK; `benign_malignant` is
the `target` (task benign_malignant). Only lesions that somebody tagged have a
`lesion_id`: it keeps photographs together, and is nothing to learn from.
`tbp_lv_Lext` and `tbp_lv_Bext` are calibrated L* and b* of the skin around the lesion.

Reference:
    Kurtansky et al. (2024), The SLICE-3D dataset, Scientific Data 11.
"""

import hashlib
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.caches import image_cache
from keras_derm.catalog.faults import CatalogError
from keras_derm.files import atomic_path
from keras_derm.object_store import is_url, open_file
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import archive_root, files_under, find_images, find_table
from keras_derm.readers.joined_table import JoinedTable
from keras_derm.readers.labels import known_diagnosis

COLUMNS = {
    "isic_id": "isic_id",
    "diagnosis": "iddx_full",
    "benign_malignant": "target",
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "age_approx": "age_approx",
    "sex": "sex",
    "anatom_site_general": "anatom_site_general",
    "copyright_license": "copyright_license",
}
MALIGNANCY = dict.fromkeys(("0", "0.0"), "benign") | dict.fromkeys(
    ("1", "1.0"), "malignant"
)
MEASURES = (
    "clin_size_long_diam_mm",
    *(f"tbp_lv_{name}{ext}" for name in "ABCHL" for ext in ("", "ext")),
    *("tbp_lv_areaMM2", "tbp_lv_area_perim_ratio", "tbp_lv_color_std_mean"),
    *("tbp_lv_deltaA", "tbp_lv_deltaB", "tbp_lv_deltaL", "tbp_lv_deltaLB"),
    *("tbp_lv_deltaLBnorm", "tbp_lv_eccentricity", "tbp_lv_minorAxisMM"),
    *("tbp_lv_nevi_confidence", "tbp_lv_norm_border", "tbp_lv_norm_color"),
    *("tbp_lv_perimeterMM", "tbp_lv_radial_color_std_max", "tbp_lv_stdL"),
    *("tbp_lv_stdLExt", "tbp_lv_symm_2axis", "tbp_lv_symm_2axis_angle"),
    *("tbp_lv_x", "tbp_lv_y", "tbp_lv_z", "tbp_lv_dnn_lesion_confidence"),
    *("mel_thick_mm",),
)


def _diagnosis(label):
    # "Benign" alone is no diagnosis, and nothing to be warned of 400,000 times.
    is_bare = label in ("benign", "malignant", "indeterminate")
    return "UNK" if is_bare else known_diagnosis(label)


def _more(rows, root):
    """Crops that lie in a container; the others have their path already."""
    paths = rows["path"].copy()
    roots = pd.Series(pd.NA, rows.index, dtype="string")
    absent = ~rows["isic_id"].str.lower().isin(list(find_images(root)))
    for file in sorted(name for name in files_under(root) if name.endswith(".hdf5")):
        ids = rows["isic_id"][absent & rows["isic_id"].notna()]
        folder, unpacked = unpack(root / file, ids)
        found = absent & rows["isic_id"].isin(unpacked)
        paths = paths.mask(found, rows["isic_id"] + ".jpg")
        roots = roots.mask(found, str(folder))
        absent &= ~found
    return {"path": paths, "root": roots}, []


def unpack(container, ids):
    """Write the photographs of an HDF5 container as files, each whole or not at all.

    Args:
        container: `Path` of the file, or its URL in an object store: one data set of
            JPEG bytes per id.
        ids: Ids of the photographs that are asked for.

    Returns:
        (folder, unpacked): `Path` of the folder, and the set of ids of the container.

    Raises:
        CatalogError: If the container cannot be read.
    """
    folder = _folder(container)
    try:
        with open_file(container) as opened, h5py.File(opened) as file:
            there = set(file) & set(ids)
            missing = sorted(i for i in there if not (folder / f"{i}.jpg").exists())
            if missing:
                print(f"{len(missing)} photographs of {container} go to {folder}")
            for name in track(missing, "Unpacking", transient=True):
                data = np.asarray(file[name][()]).tobytes()
                with atomic_path(folder / f"{name}.jpg") as temporary:
                    temporary.write_bytes(data)
    except OSError as error:
        raise CatalogError(
            f"{container} cannot be unpacked to {folder}: {error}. "
            f"Received: {container.name!r}"
        ) from error
    return folder, there


def _folder(container):
    if not is_url(container) and os.access(container.parent, os.W_OK):
        return container.with_suffix("")
    digest = hashlib.sha256(str(container).encode()).hexdigest()[:12]
    return Path(image_cache(), f"isic2024-{digest}")


KAGGLE = ArchiveReader(
    "isic2024",
    files=("{part}-metadata.csv",),
    parts={"train": "train", "test": "test"},
    columns=COLUMNS,
    optional=("diagnosis", "benign_malignant", "lesion_id", "copyright_license"),
    words={"diagnosis": _diagnosis, "benign_malignant": MALIGNANCY},
    fixed={"image_type": "TBP tile: close-up"},
    keep=("attribution", "tbp_tile_type", "tbp_lv_location", "tbp_lv_location_simple"),
    measures=MEASURES,
    more=_more,
)
ISIC = ArchiveReader(
    "isic2024",
    files=("ISIC_2024_Training_GroundTruth.csv",),
    joined=(JoinedTable(("ISIC_2024_Training_Supplement.csv",), by="isic_id"),),
    columns=COLUMNS,
    optional=tuple(name for name in COLUMNS if name != "isic_id"),
    words=KAGGLE.words,
    fixed=KAGGLE.fixed,
    keep=KAGGLE.keep,
    measures=MEASURES,
    more=_more,
)


def read(path, skip_bad=False, with_images=True):
    """Read Kaggle's copy or the ISIC's, as an `ArchiveReader` does."""
    truth = find_table(archive_root(path), *ISIC.files, needed=False)
    return (KAGGLE if truth is None else ISIC)(path, skip_bad, with_images)
