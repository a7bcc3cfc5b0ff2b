"""ISIC 2019 challenge, training set, as challenge.isic-archive.com gives it.

Needs `ISIC_2019_Training_GroundTruth.csv`, one column per diagnosis, and
`ISIC_2019_Training_Metadata.csv`; images in any folder.
"""

from keras_derm.catalog.catalog import DIAGNOSES8
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.joined_table import JoinedTable

KNOWN = ("lesion_id", "age_approx", "sex", "anatom_site_general")

read = ArchiveReader(
    "isic2019",
    files=("ISIC_2019_Training_GroundTruth.csv",),
    joined=(JoinedTable(("ISIC_2019_Training_Metadata.csv",), "image", KNOWN),),
    columns={"isic_id": "image"} | {name: name for name in KNOWN},
    one_hot={name: name for name in (*DIAGNOSES8, "UNK")},
    fixed={"image_type": "dermoscopic", "copyright_license": "CC-BY-NC"},
)
