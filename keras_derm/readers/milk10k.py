"""MILK10k (ISIC 2025): a dermoscopic and a clinical photograph of each lesion.

Needs `MILK10k_Training_Metadata.csv` with `..._GroundTruth.csv`, or
`MILK10k_Test_Metadata.csv`, whose labels are held back (diagnosis UNK), or both; they
give `split`. `skin_tone_class` runs from 0, very dark, to 5, very light; who gave it is
not published. The MONET columns say how likely a network finds each concept.

Reference:
    MILK study team (2025), challenge.isic-archive.com/landing/milk10k.
"""

from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.joined_table import JoinedTable

DIAGNOSES_OF_CLASS = {
    "AKIEC": "AK",
    "BCC": "BCC",
    "BEN_OTH": "BEN_OTH",
    "BKL": "BKL",
    "DF": "DF",
    "INF": "INF",
    "MAL_OTH": "MAL_OTH",
    "MEL": "MEL",
    "NV": "NV",
    "SCCKA": "SCC",  # keratoacanthoma too
    "VASC": "VASC",
}
MONET = (
    "MONET_ulceration_crust",
    "MONET_hair",
    "MONET_vasculature_vessels",
    "MONET_erythema",
    "MONET_pigmented",
    "MONET_gel_water_drop_fluid_dermoscopy_liquid",
    "MONET_skin_markings_pen_ink_purple_pen",
)

read = ArchiveReader(
    "milk10k",
    files=("MILK10k_{part}_Metadata.csv",),
    parts={"train": "Training", "test": "Test"},
    joined=(
        JoinedTable(
            ("MILK10k_{part}_GroundTruth.csv",),
            by="lesion_id",
            columns=tuple(DIAGNOSES_OF_CLASS),
            part="Training",
        ),
        JoinedTable(
            ("MILK10k_{part}_Supplement.csv",),
            by="isic_id",
            part="Training",
            absent="the full diagnoses and how they were confirmed are not known",
        ),
    ),
    columns={
        "isic_id": "isic_id",
        "lesion_id": "lesion_id",
        "image_type": "image_type",
        "age_approx": "age_approx",
        "sex": "sex",
        "anatom_site_general": "site",
        "skin_tone_label": "skin_tone_class",
        "copyright_license": "copyright_license",
    },
    one_hot=DIAGNOSES_OF_CLASS,
    skin_tone=("milk10k", "not known"),
    keep=(
        *("attribution", "image_manipulation", "diagnosis_full"),
        *("diagnosis_confirm_type", "invasion_thickness_interval"),
    ),
    measures=MONET,
)
