"""ISIC 2016 challenge, part 3 (classification)."""

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    find_masks,
    make_catalog,
    mapped_diagnosis,
    read_csv,
)

PARTS = {"train": "Training", "test": "Test"}
DIAGNOSES_OF_LABEL = {
    "benign": "UNK",
    "0.0": "UNK",
    "0": "UNK",
    "malignant": "MEL",
    "1.0": "MEL",
    "1": "MEL",
}


def read(path, skip_bad=False):
    """Read ISIC 2016 part 3, training and test set.

    Needs `ISBI2016_ISIC_Part3_Training_GroundTruth.csv` (lines `ISIC_0000000,benign`),
    or `ISBI2016_ISIC_Part3_Test_GroundTruth.csv` (lines `ISIC_0000003,0.0`), or both;
    neither has a header. Lesion masks, `<image id>_Segmentation.png`, are taken where
    they are.

    Args:
        path: Folder of the archive.
        skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.

    Returns:
        A `Catalog`, `source` and `split_name` "isic2016", `split` train or test.
        Malignant means melanoma in this archive; benign images have diagnosis UNK.

    Raises:
        CatalogError: With every fault, each with file and row.

    Reference:
        Gutman et al. (2016), Skin lesion analysis toward melanoma detection,
        arXiv:1605.01397.
    """
    root = archive_root(path)
    rows = _read_parts(root)
    diagnosis, faults = mapped_diagnosis(rows, "diagnosis", DIAGNOSES_OF_LABEL)
    table = pd.DataFrame(
        {
            "isic_id": rows["isic_id"],
            "diagnosis": diagnosis,
            "benign_malignant": diagnosis.map({"MEL": "malignant", "UNK": "benign"}),
            "split": rows["split"],
            "split_name": "isic2016",
            "mask_path": rows["isic_id"].str.lower().map(find_masks(root)),
            "copyright_license": "CC-0",
            "_file": rows["_file"],
            "_row": rows["_row"],
        }
    )
    return make_catalog(table, root, "isic2016", skip_bad, [faults])


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
