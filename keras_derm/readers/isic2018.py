"""ISIC 2018 challenge: task 3 (classification), and task 1 (segmentation).

Task 3 needs `ISIC2018_Task3_Training_GroundTruth.csv`, or that of the validation or
test set, or several; they give `split`. `..._Training_LesionGroupings.csv` tells which
photographs of the training set are of one lesion; of the others it is not known.

Task 1 has no table: its photographs are those under `ISIC2018_Task1-2_Training_Input`
(`Validation`, `Test`), with the diagnosis UNK, and its masks end in
`_segmentation.png`. A photograph of both tasks is one of task 3.

Reference:
    Codella et al. (2019), Skin lesion analysis toward melanoma detection 2018,
    arXiv:1902.03368.
"""

import re

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import archive_root, find_table, photographs_under
from keras_derm.readers.joined_table import JoinedTable

PARTS = {"train": "Training", "val": "Validation", "test": "Test"}
SPLITS_OF_PART = {part.lower(): split for split, part in PARTS.items()}
INPUT = re.compile(r"isic2018_task1-2_(training|validation|test)_input/", re.IGNORECASE)
FIXED = {"image_type": "dermoscopic", "copyright_license": "CC-BY-NC"}

read_task_3 = ArchiveReader(
    "isic2018",
    files=("ISIC2018_Task3_{part}_GroundTruth.csv",),
    parts=PARTS,
    joined=(
        JoinedTable(
            ("ISIC2018_Task3_{part}_LesionGroupings.csv",),
            by="image",
            columns=("lesion_id",),
            part="Training",
            absent="photographs of one lesion may end up in different splits",
        ),
    ),
    columns={"isic_id": "image", "lesion_id": "lesion_id"},
    optional=("lesion_id",),
    one_hot={
        "MEL": "MEL",
        "NV": "NV",
        "BCC": "BCC",
        "AKIEC": "AK",
        "BKL": "BKL",
        "DF": "DF",
        "VASC": "VASC",
    },
    fixed=FIXED,
    keep=("diagnosis_confirm_type",),
)


def _task_1_rows(root):
    rows = photographs_under(root)
    part = rows["path"].str.extract(INPUT, expand=False).str.lower()
    return rows.assign(split=part.map(SPLITS_OF_PART))[part.notna()]


read_task_1 = ArchiveReader(
    "isic2018",
    rows=_task_1_rows,
    columns={"isic_id": "path", "split": "split"},
    fixed=FIXED,
)


def read(path, skip_bad=False, with_images=True):
    """Read the tasks that are there, as an `ArchiveReader` does."""
    root = archive_root(path)
    files = [f"ISIC2018_Task3_{part}_GroundTruth.csv" for part in PARTS.values()]
    has_3 = find_table(root, *files, needed=False) is not None
    if not has_3 and _task_1_rows(root).empty:
        raise CatalogError(
            "Needs a file like ISIC2018_Task3_Training_GroundTruth.csv, or images in "
            f"ISIC2018_Task1-2_Training_Input. Received: {str(root)!r}"
        )
    if not has_3:
        return read_task_1(root, skip_bad, with_images)
    catalog = read_task_3(root, skip_bad, with_images)
    if _task_1_rows(root).empty:
        return catalog
    others = read_task_1(root, skip_bad, with_images)
    known = others.table["isic_id"].isin(catalog.table["isic_id"])
    return catalog.concat(others.where(~known))
