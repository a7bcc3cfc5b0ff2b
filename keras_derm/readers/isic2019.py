"""ISIC 2019 challenge, as challenge.isic-archive.com gives it."""

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import DIAGNOSES
from keras_derm.catalog.faults import faults_at
from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    find_masks,
    make_catalog,
    numbers,
    read_csv,
    without_unknown,
)


def read(path, skip_bad=False):
    """Read the training set of ISIC 2019.

    Needs `ISIC_2019_Training_GroundTruth.csv`, one column per diagnosis, and
    `ISIC_2019_Training_Metadata.csv`; images in any folder.

    Args:
        path: Folder of the archive.
        skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.

    Returns:
        A `Catalog`, `source` "isic2019".

    Raises:
        CatalogError: With every fault, each with file and row.
    """
    root = archive_root(path)
    truth = read_csv(
        find_csv(root, "ISIC_2019_Training_GroundTruth.csv"), ("image", *DIAGNOSES)
    ).rename(columns={"image": "isic_id"})
    metadata = read_csv(
        find_csv(root, "ISIC_2019_Training_Metadata.csv"),
        ("image", "age_approx", "anatom_site_general", "lesion_id", "sex"),
    ).rename(columns={"image": "isic_id"})
    diagnosis, label_faults = _one_hot_diagnosis(truth)
    age, age_faults = numbers(metadata, "age_approx")
    metadata = metadata.assign(age_approx=age)
    join_faults = _join_faults(truth, metadata)
    known = metadata.drop_duplicates("isic_id").set_index("isic_id")
    known = known.reindex(truth["isic_id"]).set_axis(truth.index)
    table = pd.DataFrame(
        {
            "isic_id": truth["isic_id"],
            "diagnosis": diagnosis,
            "lesion_id": known["lesion_id"],
            "age_approx": known["age_approx"],
            "sex": without_unknown(known["sex"]),
            "anatom_site_general": without_unknown(known["anatom_site_general"]),
            "mask_path": truth["isic_id"].str.lower().map(find_masks(root)),
            "copyright_license": "CC-BY-NC",
            "_file": truth["_file"],
            "_row": truth["_row"],
        }
    )
    faults = [label_faults, age_faults, *join_faults]
    return make_catalog(table, root, "isic2019", skip_bad, faults)


def _one_hot_diagnosis(truth):
    labels = truth[list(DIAGNOSES)].apply(pd.to_numeric, errors="coerce")
    labels = labels.to_numpy(dtype=float, na_value=np.nan)
    sound = (np.isin(labels, (0, 1)).all(axis=1)) & (np.nansum(labels, axis=1) == 1)
    cause = f"must have one 1 and else 0 in the columns {', '.join(DIAGNOSES)}"
    shown = truth.assign(MEL=truth[list(DIAGNOSES)].fillna("").agg(",".join, axis=1))
    faults = faults_at(
        shown, ~sound, "MEL", cause, truth["_file"].tolist(), truth["_row"].tolist()
    )
    chosen = np.where(sound, np.nanargmax(np.nan_to_num(labels), axis=1), -1)
    names = pd.Series(np.array(DIAGNOSES, object)[chosen], index=truth.index)
    return names, faults


def _join_faults(truth, metadata):
    places = [
        (frame["_file"].tolist(), frame["_row"].tolist()) for frame in (truth, metadata)
    ]
    alone = ~truth["isic_id"].isin(metadata["isic_id"])
    cause = "has no row in ISIC_2019_Training_Metadata.csv"
    yield faults_at(truth, alone, "isic_id", cause, *places[0])
    double = metadata["isic_id"].duplicated()
    yield faults_at(metadata, double, "isic_id", "double id", *places[1])
