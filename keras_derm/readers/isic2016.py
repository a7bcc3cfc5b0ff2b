"""ISIC 2016 challenge, part 3 (classification), training and test set.

Needs `ISBI2016_ISIC_Part3_Training_GroundTruth.csv` (lines `ISIC_0000000,benign`), or
`ISBI2016_ISIC_Part3_Test_GroundTruth.csv` (lines `ISIC_0000003,0.0`), or both; neither
has a header. They give `split`, and `split_name` is "isic2016". Malignant means
melanoma in this archive; benign images have the diagnosis UNK.

Reference:
    Gutman et al. (2016), Skin lesion analysis toward melanoma detection,
    arXiv:1605.01397.
"""

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import ArchiveReader, find_csv, read_csv

PARTS = {"train": "Training", "test": "Test"}
BENIGN, MALIGNANT = ("benign", "0.0", "0"), ("malignant", "1.0", "1")


def _read_parts(root):
    parts, absent = [], None
    for split, part in PARTS.items():
        try:
            csv = find_csv(root, f"*Part3_{part}_GroundTruth.csv")
        except CatalogError as error:
            absent = error
            continue
        rows = read_csv(csv, header=None, names=["isic_id", "diagnosis"])
        parts.append(rows.assign(split=split))
    if not parts:
        raise absent
    return pd.concat(parts, ignore_index=True)


def _more(rows, root):
    benign = rows["diagnosis"].str.strip().str.lower().isin(BENIGN)
    malignancy = benign.map({True: "benign", False: "malignant"})
    return {"benign_malignant": malignancy, "split_name": "isic2016"}, []


read = ArchiveReader(
    "isic2016",
    rows=_read_parts,
    columns={"isic_id": "isic_id", "diagnosis": "diagnosis", "split": "split"},
    diagnoses=dict.fromkeys(BENIGN, "UNK") | dict.fromkeys(MALIGNANT, "MEL"),
    copyright_license="CC-0",
    more=_more,
)
