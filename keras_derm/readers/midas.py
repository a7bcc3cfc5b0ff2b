"""MRA-MIDAS (Stanford AIMI): dermoscopy and close-ups from two distances.

Needs `release_midas.xlsx` and the images. The table says `.jpeg` where files are
`.jpg`. "6in" is a close-up and "1ft" an overview; what a patient took at home
("n/a - virtual") has no image type. Lesions are not numbered: `patient_id` is the
record, which may have several.

Reference:
    Chiou et al. (2024), Multimodal image dataset for AI-based skin cancer (MIDAS)
    benchmarking, medRxiv 2024.06.27.24309562.
"""

import re

from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_table
from keras_derm.readers.tables import FITZPATRICK_WORDS, one_row_a_photograph, read_rows

DIAGNOSES_OF_PATH = {
    "malignant-melanoma": "MEL",
    "malignant-bcc": "BCC",
    "malignant-scc": "SCC",
    "malignant-sccis": "SCC",
    "malignant-ak": "AK",
    "malignant-other": "MAL_OTH",
    "benign-melanocytic nevus": "NV",
    "benign-seborrheic keratosis": "BKL",
    "benign-dermatofibroma": "DF",
    "benign-fibrous papule": "BEN_OTH",
    "benign-hemangioma": "VASC",
    "benign-other": "BEN_OTH",
}
NEEDED = (
    *("midas_record_id", "midas_distance", "midas_path", "midas_fitzpatrick"),
    "midas_file_name",
)


def _rows(root):
    file = find_table(root, "release_midas.xlsx", "release_midas.csv")
    return one_row_a_photograph(read_rows(file, NEEDED), ("midas_file_name",))


def _diagnosis(path):
    return DIAGNOSES_OF_PATH.get(re.sub(r"\s*-\s*", "-", path))


def _fitzpatrick(words):
    """The type in words such as `ii fair skin, blue eyes`."""
    return FITZPATRICK_WORDS.get(words.split()[0])


read = ArchiveReader(
    "midas",
    rows=_rows,
    columns={
        "isic_id": "photograph",
        "diagnosis": "midas_path",
        "patient_id": "midas_record_id",
        "age_approx": "midas_age",
        "sex": "midas_gender",
        "anatom_site_general": "midas_location",
        "image_type": "midas_distance",
        "skin_tone_label": "midas_fitzpatrick",
    },
    words={
        "diagnosis": _diagnosis,
        "image_type": {
            "dscope": "dermoscopic",
            "6in": "clinical: close-up",
            "1ft": "clinical: overview",
            "n/a - virtual": None,
        },
        "skin_tone_label": _fitzpatrick,
    },
    skin_tone=("fitzpatrick", "archive"),
    keep=(
        *("midas_iscontrol", "midas_distance", "midas_path", "midas_melanoma"),
        *("clinical_impression_1", "clinical_impression_2", "clinical_impression_3"),
    ),
    measures=("length_(mm)", "width_(mm)"),
    reads=NEEDED,
)
