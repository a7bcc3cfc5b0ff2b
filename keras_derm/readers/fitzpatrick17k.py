"""Fitzpatrick17k: clinical photographs with Fitzpatrick types that people gave."""

import os

import pandas as pd

from keras_derm.catalog.catalog import SKIN_TONES
from keras_derm.catalog.faults import faults_at
from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    find_images,
    make_catalog,
    read_csv,
)

DIAGNOSES_OF_LABEL = {
    "melanoma": "MEL",
    "malignant melanoma": "MEL",
    "superficial spreading melanoma ssm": "MEL",
    "lentigo maligna": "MEL",
    "nevocytic nevus": "NV",
    "halo nevus": "NV",
    "congenital nevus": "NV",
    "basal cell carcinoma": "BCC",
    "basal cell carcinoma morpheiform": "BCC",
    "solid cystic basal cell carcinoma": "BCC",
    "actinic keratosis": "AK",
    "seborrheic keratosis": "BKL",
    "dermatofibroma": "DF",
    "pyogenic granuloma": "VASC",
    "granuloma pyogenic": "VASC",
    "squamous cell carcinoma": "SCC",
}
MALIGNANCY = {
    "malignant": "malignant",
    "benign": "benign",
    "non-neoplastic": "benign",
}
TYPES = {str(number): tone for number, tone in enumerate(SKIN_TONES, start=1)}


def read(path, skip_bad=False):
    """Read Fitzpatrick17k.

    Needs `fitzpatrick17k.csv`; the images are `<md5hash>.jpg`, or have the name in the
    column `url_alphanum`, in any folder.

    Args:
        path: Folder of the archive.
        skip_bad: Leave out rows with a fault; `catalog.skipped` lists them. Many of the
            archive's addresses are dead, so that few users have all images.

    Returns:
        A `Catalog`, `source` "fitzpatrick17k", with `fitzpatrick_skin_type` from
        `fitzpatrick_scale` (-1, not known, is NA). Most of the 114 labels are no
        lesion of the eight and count as UNK; `label` and `qc` keep the archive's words.

    Raises:
        CatalogError: With every fault, each with file and row.

    Reference:
        Groh et al. (2021), Evaluating deep neural networks trained on clinical images
        in dermatology with the Fitzpatrick 17k dataset, arXiv:2104.09957.
    """
    root = archive_root(path)
    rows = read_csv(
        find_csv(root, "fitzpatrick17k.csv"),
        ("md5hash", "fitzpatrick_scale", "label", "three_partition_label"),
    ).rename(columns={"md5hash": "isic_id"})
    scale = rows["fitzpatrick_scale"].str.strip().str.removesuffix(".0")
    names, lines = rows["_file"].tolist(), rows["_row"].tolist()
    bad_scale = ~scale.isin([*TYPES, "-1"]) & scale.notna()
    no_label = rows["label"].isna()
    faults = [
        faults_at(
            *(rows, bad_scale, "fitzpatrick_scale", "must be 1 to 6, or -1"),
            *(names, lines),
        ),
        faults_at(rows, no_label, "label", "is empty", names, lines),
    ]
    label = rows["label"].str.strip().str.lower()
    table = pd.DataFrame(
        {
            "isic_id": rows["isic_id"],
            "path": _paths(rows, root),
            "diagnosis": label.map(DIAGNOSES_OF_LABEL).fillna("UNK"),
            "benign_malignant": rows["three_partition_label"].map(MALIGNANCY),
            "fitzpatrick_skin_type": scale.map(TYPES),
            "copyright_license": "CC-BY-NC-SA",
            "label": label,
            "qc": rows.get("qc"),
            "_file": names,
            "_row": lines,
        }
    )
    return make_catalog(table, root, "fitzpatrick17k", skip_bad, faults)


def _paths(rows, root):
    found = find_images(root)
    paths = rows["isic_id"].str.lower().map(found)
    if "url_alphanum" in rows:
        stems = rows["url_alphanum"].map(_stem, na_action="ignore")
        paths = paths.fillna(stems.map(found))
    return paths.fillna(rows["isic_id"] + ".jpg").astype("string")


def _stem(name):
    return os.path.splitext(name)[0].lower()
