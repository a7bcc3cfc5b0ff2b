"""SIIM-ISIC 2020 challenge, training set, as the challenge and Kaggle give it.

`ISIC_2020_Training_GroundTruth_v2.csv` and Kaggle's `train.csv` are taken as well.
`ISIC_2020_Training_Duplicates.csv` fills `duplicate_group`; without it a warning tells
that duplicates are not known. The label "unknown", benign in every case, counts as UNK
with `benign_malignant` "benign".

Reference:
    Rotemberg et al. (2021), A patient-centric dataset of images and metadata for
    identifying melanomas using clinical context, Scientific Data 8.
"""

import numpy as np
import pandas as pd

from keras_derm.catalog.groups import group_of_rows
from keras_derm.catalog.photograph_ids import file_stem
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.notes import warn
from keras_derm.readers.tables import read_found, row_faults

DUPLICATES = "ISIC_2020_Training_Duplicates.csv"
PAIR = ("image_name_1", "image_name_2")


def _more(rows, root):
    malignancy = rows["benign_malignant"].str.strip().str.lower()
    expected = malignancy.map({"benign": 0, "malignant": 1})
    target = pd.to_numeric(rows["target"], errors="coerce")
    wrong = ~(target == expected).fillna(False).to_numpy(dtype=bool)
    cause = "must be 1 where benign_malignant is malignant, 0 where it is benign"
    groups = _duplicate_groups(root, rows["isic_id"])
    columns = {"benign_malignant": malignancy, "duplicate_group": groups}
    return columns, [row_faults(rows, wrong, "target", cause)]


def _duplicate_groups(root, ids):
    """Return the first id of each group of listed duplicates, NA elsewhere."""
    pairs = read_found(
        root,
        DUPLICATES,
        key=PAIR[0],
        required=PAIR,
        needed=False,
    )
    if pairs is None:
        warn(
            f"{DUPLICATES} is not under {root}: duplicate photographs of different "
            "patients may end up in different splits."
        )
        return pd.Series(pd.NA, index=ids.index, dtype="string")
    pairs = pairs.assign(
        **{name: pairs[name].map(file_stem, na_action="ignore") for name in PAIR}
    )
    members = pd.concat([pairs[name] for name in PAIR])
    table = pd.DataFrame(
        {"pair": np.tile(np.arange(len(pairs)), 2), "member": members.to_numpy()}
    )
    first = members.groupby(group_of_rows(table, list(table))).transform("min")
    named = pd.Series(first.to_numpy(), index=members.to_numpy())
    named = named[~named.index.duplicated()]
    return ids.map(named).astype("string")


read = ArchiveReader(
    "isic2020",
    files=("ISIC_2020_Training_GroundTruth*.csv", "train.csv"),
    columns={
        "isic_id": "image_name",
        "diagnosis": "diagnosis",
        "patient_id": "patient_id",
        "lesion_id": "lesion_id",
        "age_approx": "age_approx",
        "sex": "sex",
        "anatom_site_general": "anatom_site_general_challenge",
    },
    optional=("lesion_id",),
    required=("benign_malignant", "target"),
    words={
        "diagnosis": {
            "melanoma": "MEL",
            "nevus": "NV",
            "seborrheic keratosis": "BKL",
            "lichenoid keratosis": "BKL",
            "solar lentigo": "BKL",
            "lentigo nos": "BKL",
            "cafe-au-lait macule": "UNK",
            "atypical melanocytic proliferation": "UNK",
            "unknown": "UNK",
        }
    },
    fixed={"image_type": "dermoscopic", "copyright_license": "CC-BY-NC"},
    more=_more,
)
