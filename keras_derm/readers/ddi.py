"""Diverse Dermatology Images (Stanford): clinical photographs on three tone groups.

Needs `ddi_metadata.csv` and the images `000001.png` ... The tone is a pair of
Fitzpatrick types: 12, 34 or 56. No patient is known. Most of the 78 diseases are none
of our diagnoses and count as UNK; `disease` keeps them, and `malignant` says of all
whether they are (task benign_malignant).

Reference:
    Daneshjou et al. (2022), Disparities in dermatology AI performance on a diverse,
    curated clinical image set, Science Advances 8.
"""

from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.labels import known_diagnosis

read = ArchiveReader(
    "ddi",
    files=("ddi_metadata.csv",),
    columns={
        "isic_id": "DDI_file",
        "diagnosis": "disease",
        "benign_malignant": "malignant",
        "skin_tone_label": "skin_tone",
    },
    words={
        "diagnosis": known_diagnosis,
        "benign_malignant": {"true": "malignant", "false": "benign"},
    },
    fixed={"image_type": "clinical: close-up"},
    # Labelled by two dermatologists, with photographs and demographics at hand.
    skin_tone=("fitzpatrick_pairs", "dermatologists"),
    keep=("disease",),
)
