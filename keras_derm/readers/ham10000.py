"""HAM10000 as Harvard Dataverse and Kaggle give it.

The images may lie in `HAM10000_images_part_1`, `_part_2` or any other folder. Dataverse
names the table `HAM10000_metadata` or, with tabs between its columns, `.tab`.

Reference:
    Tschandl, Rosendahl, Kittler (2018), The HAM10000 dataset, Scientific Data 5.
"""

from keras_derm.readers.archive import ArchiveReader

DIAGNOSES_OF_DX = {
    "akiec": "AK",  # actinic keratosis and Bowen's disease
    "bcc": "BCC",
    "bkl": "BKL",
    "df": "DF",
    "mel": "MEL",
    "nv": "NV",
    "vasc": "VASC",
}

read = ArchiveReader(
    "ham10000",
    files=("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata"),
    columns={
        "isic_id": "image_id",
        "diagnosis": "dx",
        "lesion_id": "lesion_id",
        "age_approx": "age",
        "sex": "sex",
        "anatom_site_general": "localization",
    },
    words={"diagnosis": DIAGNOSES_OF_DX},
    fixed={"image_type": "dermoscopic", "copyright_license": "CC-BY-NC"},
    keep=("dx_type", "dataset"),
)
