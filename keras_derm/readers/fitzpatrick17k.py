"""Fitzpatrick17k: clinical photographs with Fitzpatrick types that people gave.

The images are `<md5hash>.jpg`, or have the name in the column `url_alphanum`, in any
folder. Many of the archive's addresses are dead, so that few users have all of them:
`skip_bad` goes on without the rest. `fitzpatrick_skin_type` is `fitzpatrick_scale` (-1,
not known, is NA). Most of the 114 labels are no lesion of the eight and count as UNK;
`label` and `qc` keep the archive's words.

Reference:
    Groh et al. (2021), Evaluating deep neural networks trained on clinical images in
    dermatology with the Fitzpatrick 17k dataset, arXiv:2104.09957.
"""

import os

from keras_derm.catalog.catalog import FITZPATRICK_TYPES
from keras_derm.readers.archive import ArchiveReader, find_images, row_faults

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
TYPES = {str(number): tone for number, tone in enumerate(FITZPATRICK_TYPES, start=1)}


def _more(rows, root):
    scale = rows["fitzpatrick_scale"].str.strip().str.removesuffix(".0")
    bad_scale = ~scale.isin([*TYPES, "-1"]) & scale.notna()
    label = rows["label"].str.strip().str.lower()
    columns = {
        "path": _paths(rows, root),
        "diagnosis": label.map(DIAGNOSES_OF_LABEL).fillna("UNK"),
        "benign_malignant": rows["three_partition_label"].map(MALIGNANCY),
        "fitzpatrick_skin_type": scale.map(TYPES),
        "label": label,
    }
    return columns, [
        row_faults(rows, bad_scale, "fitzpatrick_scale", "must be 1 to 6, or -1"),
        row_faults(rows, rows["label"].isna(), "label", "is empty"),
    ]


def _paths(rows, root):
    found = find_images(root)
    paths = rows["isic_id"].str.lower().map(found).astype("string")
    if "url_alphanum" in rows:
        stems = rows["url_alphanum"].map(_stem, na_action="ignore")
        paths = paths.fillna(stems.map(found).astype("string"))
    return paths.fillna(rows["isic_id"] + ".jpg")


def _stem(name):
    return os.path.splitext(name)[0].lower()


read = ArchiveReader(
    "fitzpatrick17k",
    files=("fitzpatrick17k.csv",),
    columns={"isic_id": "md5hash", "label": "label", "qc": "qc"},
    optional=("qc",),
    required=("fitzpatrick_scale", "three_partition_label"),
    copyright_license="CC-BY-NC-SA",
    more=_more,
)
