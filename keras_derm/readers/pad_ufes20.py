"""PAD-UFES-20: clinical photographs by smartphone, with what patients said.

Needs `metadata.csv`; the images lie in `imgs_part_1` to `imgs_part_3` or anywhere.
`fitspatrick` (spelt so) is empty where there was no questionnaire.

Reference:
    Pacheco et al. (2020), PAD-UFES-20: a skin lesion dataset composed of patient data
    and clinical images collected from smartphones, Data in Brief 32.
"""

from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.tables import FITZPATRICK_WORDS

read = ArchiveReader(
    "pad_ufes20",
    files=("metadata.csv",),
    columns={
        "isic_id": "img_id",
        "diagnosis": "diagnostic",
        "patient_id": "patient_id",
        "lesion_id": "lesion_id",
        "age_approx": "age",
        "sex": "gender",
        "anatom_site_general": "region",
        "skin_tone_label": "fitspatrick",
    },
    words={
        "diagnosis": {
            "ack": "AK",
            "bcc": "BCC",
            "mel": "MEL",
            "nev": "NV",
            "scc": "SCC",  # Bowen's disease too
            "sek": "BKL",
        },
        "skin_tone_label": FITZPATRICK_WORDS,
    },
    fixed={"image_type": "clinical: close-up", "copyright_license": "CC-BY"},
    skin_tone=("fitzpatrick", "clinician, by questionnaire"),
    keep=(
        *("smoke", "drink", "background_father", "background_mother", "pesticide"),
        *("skin_cancer_history", "cancer_history", "itch", "grew", "hurt", "changed"),
        *("bleed", "elevation", "biopsed"),
    ),
    measures=("diameter_1", "diameter_2"),
)
