"""Fitzpatrick17k: clinical photographs with Fitzpatrick types that people gave.

The images are `<md5hash>.jpg`, or have the name in the column `url_alphanum`, in any
folder. Many of the archive's addresses are dead, so that few users have all of them:
`skip_bad` goes on without the rest. The label of skin tone is `fitzpatrick_scale` (-1,
not known, is NA). Most of the 114 labels are no lesion of the eight and count as UNK;
`label` and `qc` keep the archive's words.

Reference:
    Groh et al. (2021), Evaluating deep neural networks trained on clinical images in
    dermatology with the Fitzpatrick 17k dataset, arXiv:2104.09957.
"""

from keras_derm.catalog.photograph_ids import file_stem
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_images
from keras_derm.readers.tables import FITZPATRICK_WORDS, row_faults

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


def _more(rows, root):
    columns = {
        "label": rows["label"].str.strip().str.lower(),
        "path": _paths(rows, root),
    }
    return columns, [row_faults(rows, rows["label"].isna(), "label", "is empty")]


def _paths(rows, root):
    """Photographs named by hash, or by the end of their address."""
    found, paths = find_images(root), rows["path"]
    if "url_alphanum" not in rows:
        return paths
    stems = rows["url_alphanum"].map(file_stem, na_action="ignore").str.lower()
    absent = ~rows["isic_id"].str.lower().isin(list(found))
    return paths.mask(absent, stems.map(found).astype("string").fillna(paths))


read = ArchiveReader(
    "fitzpatrick17k",
    files=("fitzpatrick17k.csv",),
    columns={
        "isic_id": "md5hash",
        "diagnosis": "label",
        "benign_malignant": "three_partition_label",
        "skin_tone_label": "fitzpatrick_scale",
    },
    words={
        "diagnosis": DIAGNOSES_OF_LABEL.get,
        "benign_malignant": {
            "malignant": "malignant",
            "benign": "benign",
            "non-neoplastic": "benign",
        },
        "skin_tone_label": FITZPATRICK_WORDS | {"-1": None, "-1.0": None},
    },
    fixed={"image_type": "clinical: close-up", "copyright_license": "CC-BY-NC-SA"},
    skin_tone=("fitzpatrick", "crowd annotators"),
    keep=("qc",),
    reads=("url_alphanum",),
    more=_more,
)
