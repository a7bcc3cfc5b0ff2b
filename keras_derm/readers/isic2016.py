"""ISIC 2016 challenge, part 3 (classification), training and test set.

Needs `ISBI2016_ISIC_Part3_Training_GroundTruth.csv` (lines `ISIC_0000000,benign`), or
`ISBI2016_ISIC_Part3_Test_GroundTruth.csv` (lines `ISIC_0000003,0.0`), or both; neither
has a header. They give `split`, and `split_name` is "isic2016". Malignant means
melanoma in this archive; benign images have the diagnosis UNK.

Reference:
    Gutman et al. (2016), Skin lesion analysis toward melanoma detection,
    arXiv:1605.01397.
"""

from keras_derm.readers.archive import ArchiveReader

BENIGN, MALIGNANT = ("benign", "0.0", "0"), ("malignant", "1.0", "1")

read = ArchiveReader(
    "isic2016",
    files=("*Part3_{part}_GroundTruth.csv",),
    names=("image", "malignancy"),
    parts={"train": "Training", "test": "Test"},
    columns={
        "isic_id": "image",
        "diagnosis": "malignancy",
        "benign_malignant": "malignancy",
    },
    words={
        "diagnosis": dict.fromkeys(BENIGN, "UNK") | dict.fromkeys(MALIGNANT, "MEL"),
        "benign_malignant": dict.fromkeys(BENIGN, "benign")
        | dict.fromkeys(MALIGNANT, "malignant"),
    },
    fixed={"image_type": "dermoscopic", "copyright_license": "CC-0"},
)
