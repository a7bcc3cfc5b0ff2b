"""ISIC 2019 challenge, training set, as challenge.isic-archive.com gives it.

Needs `ISIC_2019_Training_GroundTruth.csv`, one column per diagnosis, and
`ISIC_2019_Training_Metadata.csv`; images in any folder.
"""

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import DIAGNOSES8
from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    make_catalog,
    numbers,
    read_csv,
    row_faults,
    without_unknown,
)

CLASSES = (*DIAGNOSES8, "UNK")
METADATA = ("lesion_id", "age_approx", "sex", "anatom_site_general")


def read(path, skip_bad=False):
    """Read the archive, as an `ArchiveReader` does."""
    root = archive_root(path)
    truth, metadata = (
        read_csv(
            find_csv(root, f"ISIC_2019_Training_{part}.csv"), ("image", *columns)
        ).rename(columns={"image": "isic_id"})
        for part, columns in (("GroundTruth", CLASSES), ("Metadata", METADATA))
    )
    diagnosis, label_faults = _one_hot_diagnosis(truth)
    age, age_faults = numbers(metadata, "age_approx")
    alone = ~truth["isic_id"].isin(metadata["isic_id"])
    cause = "has no row in ISIC_2019_Training_Metadata.csv"
    double = metadata["isic_id"].duplicated()
    faults = [
        label_faults,
        age_faults,
        row_faults(truth, alone, "isic_id", cause),
        row_faults(metadata, double, "isic_id", "double id"),
    ]
    known = metadata.assign(
        age_approx=age,
        sex=without_unknown(metadata["sex"]),
        anatom_site_general=without_unknown(metadata["anatom_site_general"]),
    )
    known = known[~double].set_index("isic_id")[list(METADATA)]
    known = known.reindex(truth["isic_id"]).set_axis(truth.index)
    table = truth[["isic_id", "_file", "_row"]].join(known)
    table = table.assign(diagnosis=diagnosis, copyright_license="CC-BY-NC")
    return make_catalog(table, root, "isic2019", skip_bad, faults)


def _one_hot_diagnosis(truth):
    labels = truth[list(CLASSES)].apply(pd.to_numeric, errors="coerce")
    labels = labels.to_numpy(dtype=float, na_value=np.nan)
    sound = (np.isin(labels, (0, 1)).all(axis=1)) & (np.nansum(labels, axis=1) == 1)
    cause = f"must have one 1 and else 0 in the columns {', '.join(CLASSES)}"
    shown = truth.assign(MEL=truth[list(CLASSES)].fillna("").agg(",".join, axis=1))
    faults = row_faults(shown, ~sound, "MEL", cause)
    chosen = np.where(sound, np.nanargmax(np.nan_to_num(labels), axis=1), -1)
    names = pd.Series(np.array(CLASSES, object)[chosen], index=truth.index)
    return names, faults
