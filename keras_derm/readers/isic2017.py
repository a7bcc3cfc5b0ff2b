"""ISIC 2017 challenge: part 3 (classification), with the masks of part 1.

Needs `ISIC-2017_Training_Part3_GroundTruth.csv`, or that of the validation set, or of
`Test_v2`, or several; they give `split`. What is neither melanoma nor seborrheic
keratosis is a nevus. Lesions and patients are not known.

Reference:
    Codella et al. (2018), Skin lesion analysis toward melanoma detection: a challenge
    at ISBI 2017, arXiv:1710.05006.
"""

from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.joined_table import JoinedTable

read = ArchiveReader(
    "isic2017",
    files=("ISIC-2017_{part}_Part3_GroundTruth.csv",),
    parts={"train": "Training", "val": "Validation", "test": "Test_v2"},
    joined=(
        JoinedTable(
            ("ISIC-2017_{part}_Data_metadata.csv",),
            by="image_id",
            columns=("age_approximate", "sex"),
            absent="age and sex are not known",
        ),
    ),
    columns={"isic_id": "image_id", "age_approx": "age_approximate", "sex": "sex"},
    one_hot={"melanoma": "MEL", "seborrheic_keratosis": "BKL"},
    one_hot_else="NV",
    fixed={"image_type": "dermoscopic", "copyright_license": "CC-0"},
)
