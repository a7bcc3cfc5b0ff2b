"""SIIM-ISIC 2020 challenge, as challenge.isic-archive.com and Kaggle give it."""

import warnings

import numpy as np
import pandas as pd

from keras_derm.catalog.faults import CatalogError, faults_at
from keras_derm.catalog.groups import group_of_rows
from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    find_masks,
    make_catalog,
    mapped_diagnosis,
    numbers,
    read_csv,
    without_unknown,
)

DIAGNOSES_OF_LABEL = {
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
DUPLICATES = "ISIC_2020_Training_Duplicates.csv"


def read(path, skip_bad=False):
    """Read the training set of SIIM-ISIC 2020.

    Needs `ISIC_2020_Training_GroundTruth.csv` (`_v2` and Kaggle's `train.csv` are taken
    as well) and images in any folder. `ISIC_2020_Training_Duplicates.csv` fills
    `duplicate_group`; without it a warning tells that duplicates are not known.

    Args:
        path: Folder of the archive.
        skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.

    Returns:
        A `Catalog`, `source` "isic2020". The label "unknown", benign in every case,
        counts as UNK with `benign_malignant` "benign".

    Raises:
        CatalogError: With every fault, each with file and row.

    Reference:
        Rotemberg et al. (2021), A patient-centric dataset of images and metadata for
        identifying melanomas using clinical context, Scientific Data 8.
    """
    root = archive_root(path)
    csv = find_csv(root, "ISIC_2020_Training_GroundTruth*.csv", "train.csv")
    site = "anatom_site_general_challenge"
    required = ("image_name", "patient_id", "sex", "age_approx", site)
    rows = read_csv(csv, (*required, "diagnosis", "benign_malignant", "target"))
    rows = rows.rename(columns={"image_name": "isic_id"})
    diagnosis, label_faults = mapped_diagnosis(rows, "diagnosis", DIAGNOSES_OF_LABEL)
    age, age_faults = numbers(rows, "age_approx")
    malignancy = rows["benign_malignant"].str.strip().str.lower()
    table = pd.DataFrame(
        {
            "isic_id": rows["isic_id"],
            "diagnosis": diagnosis,
            "benign_malignant": malignancy,
            "patient_id": rows["patient_id"],
            "lesion_id": rows.get("lesion_id"),
            "duplicate_group": _duplicate_groups(root, rows["isic_id"]),
            "age_approx": age,
            "sex": without_unknown(rows["sex"]),
            "anatom_site_general": without_unknown(rows[site]),
            "mask_path": rows["isic_id"].str.lower().map(find_masks(root)),
            "copyright_license": "CC-BY-NC",
            "_file": rows["_file"],
            "_row": rows["_row"],
        }
    )
    faults = [label_faults, age_faults, _target_faults(rows, malignancy)]
    return make_catalog(table, root, "isic2020", skip_bad, faults)


def _target_faults(rows, malignancy):
    expected = malignancy.map({"benign": 0, "malignant": 1})
    target = pd.to_numeric(rows["target"], errors="coerce")
    wrong = ~(target == expected).fillna(False).to_numpy(dtype=bool)
    cause = "must be 1 where benign_malignant is malignant, 0 where it is benign"
    return faults_at(
        rows, wrong, "target", cause, rows["_file"].tolist(), rows["_row"].tolist()
    )


def _duplicate_groups(root, ids):
    """Return the first id of each group of listed duplicates, NA elsewhere."""
    try:
        csv = find_csv(root, DUPLICATES)
    except CatalogError:
        warnings.warn(
            f"{DUPLICATES} is not under {root}: duplicate photographs of different "
            "patients may end up in different splits.",
            UserWarning,
            stacklevel=3,
        )
        return pd.Series(pd.NA, index=ids.index, dtype="string")
    pairs = read_csv(csv, ("image_name_1", "image_name_2"))
    # A pair is two rows with one "patient", an id in several pairs one "lesion".
    members = pd.concat([pairs["image_name_1"], pairs["image_name_2"]])
    table = pd.DataFrame(
        {
            "isic_id": np.arange(len(members)),
            "patient_id": np.tile(np.arange(len(pairs)), 2),
            "lesion_id": members.to_numpy(),
            "duplicate_group": pd.NA,
            "parent_id": pd.NA,
        }
    )
    first = members.groupby(group_of_rows(table)).transform("min")
    named = pd.Series(first.to_numpy(), index=members.to_numpy())
    named = named[~named.index.duplicated()]
    return ids.map(named).astype("string")
