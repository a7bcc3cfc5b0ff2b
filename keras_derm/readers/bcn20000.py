"""BCN20000 as figshare gives it: dermoscopy of the Hospital Clínic in Barcelona.

Needs `bcn_20k_train.csv`, or `bcn_20k_test.csv`, or both; they give `split`. "OOD", out
of the training set's distribution, counts as UNK. The ISIC Archive's copy is read by
`isic_archive`. Copies differ in their licence, so that none is filled in.

Reference:
    Hernández-Pérez et al. (2024), BCN20000: dermoscopic lesions in the wild, Scientific
    Data 11.
"""

from keras_derm.readers.archive import ArchiveReader

CLASSES = ("MEL", "NV", "BCC", "AK", "SCC", "BKL", "DF", "VASC")

read = ArchiveReader(
    "bcn20000",
    files=("bcn_20k_{part}.csv",),
    parts={"train": "train", "test": "test"},
    columns={
        "isic_id": "bcn_filename",
        "diagnosis": "diagnosis",
        "lesion_id": "lesion_id",
        "age_approx": "age_approx",
        "sex": "sex",
        "anatom_site_general": "anatom_site_general",
    },
    words={"diagnosis": {name.lower(): name for name in CLASSES} | {"ood": "UNK"}},
    fixed={"image_type": "dermoscopic"},
    keep=("capture_date",),
)
