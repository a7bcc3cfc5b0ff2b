"""Derm7pt: a dermoscopic and a clinical photograph of a lesion, and the seven points.

Needs `meta/meta.csv` and the images; `train_indexes.csv`, `valid_indexes.csv` and
`test_indexes.csv` give the published `split`. A case is a lesion; patients are not
known.

Reference:
    Kawahara et al. (2019), Seven-point checklist and skin lesion classification using
    multitask multimodal neural nets, IEEE Journal of Biomedical and Health Informatics
    23.
"""

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_table
from keras_derm.readers.labels import known_diagnosis
from keras_derm.readers.notes import warn
from keras_derm.readers.tables import one_row_a_photograph, read_rows

IMAGE_TYPES = {"derm": "dermoscopic", "clinic": "clinical: close-up"}
INDEXES = {
    "train": "train_indexes.csv",
    "val": "valid_indexes.csv",
    "test": "test_indexes.csv",
}
SIGNS = (
    *("pigment_network", "streaks", "pigmentation", "regression_structures"),
    *("dots_and_globules", "blue_whitish_veil", "vascular_structures"),
)


def _rows(root):
    needed = (*IMAGE_TYPES, "diagnosis", "case_num")
    rows = read_rows(find_table(root, "meta.csv"), needed)
    rows["split"] = _splits(rows, root)
    return one_row_a_photograph(rows, IMAGE_TYPES)


def _splits(rows, root):
    """Published split of each case, from files of 0-based row numbers."""
    # Line 2 of the table is its row 0.
    splits = pd.Series(pd.NA, rows["_row"].to_numpy() - 2, dtype="string")
    for split, name in INDEXES.items():
        file = find_table(root, name, needed=False)
        if file is None:
            warn(f"{name} is not under {root}: its part of the split is not known.")
            continue
        listed = read_rows(file, ("indexes",))
        found = pd.to_numeric(listed["indexes"], errors="coerce")
        bad = listed["indexes"][~found.isin(splits.index)]
        if len(bad):
            raise CatalogError(
                f"{file}, column 'indexes': must be row numbers of meta.csv, 0 to "
                f"{splits.index.max()}. Received: {bad.head(10).tolist()}"
            )
        splits[found.astype(int)] = split
    return splits.to_numpy()


read = ArchiveReader(
    "derm7pt",
    rows=_rows,
    columns={
        "isic_id": "photograph",
        "diagnosis": "diagnosis",
        "lesion_id": "case_num",
        "sex": "sex",
        "anatom_site_general": "location",
        "image_type": "view",
        "split": "split",
    },
    words={"diagnosis": known_diagnosis, "image_type": IMAGE_TYPES},
    keep=(*SIGNS, "level_of_diagnostic_difficulty", "elevation", "management"),
    measures=("seven_point_score",),
    reads=tuple(IMAGE_TYPES),
)
