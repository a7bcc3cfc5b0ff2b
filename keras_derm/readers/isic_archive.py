"""The ISIC Archive's own layout: what `isic image download` writes.

Needs `metadata.csv` with `isic_id` and either `diagnosis` or `diagnosis_1` to
`diagnosis_5`; all other columns are optional. Labels outside the eight diagnoses become
UNK, and a warning counts them. `image_type` is kept where it is given; who gave the
Fitzpatrick types the archive does not say.
"""

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.labels import known_diagnosis
from keras_derm.readers.tables import FITZPATRICK_WORDS, translated

COLUMNS = {
    "isic_id": "isic_id",
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "age_approx": "age_approx",
    "sex": "sex",
    "anatom_site_general": "anatom_site_general",
    "image_type": "image_type",
    "skin_tone_label": "fitzpatrick_skin_type",
    "copyright_license": "copyright_license",
}
KEPT = (
    *("attribution", "dermoscopic_type", "image_manipulation"),
    *("diagnosis_confirm_type", "anatom_site_special"),
)
READ = ("diagnosis", "benign_malignant", *(f"diagnosis_{n}" for n in range(1, 6)))


def more(rows, root):
    """Diagnosis and malignancy of rows of a `metadata.csv`, for an `ArchiveReader`."""
    label = _labels(rows, root)
    diagnosis, faults = translated(
        rows.assign(diagnosis=label), "diagnosis", known_diagnosis
    )
    return {"diagnosis": diagnosis, "benign_malignant": _malignancy(rows)}, faults


def _labels(rows, root):
    """Return the most specific label of each row."""
    columns = [f"diagnosis_{level}" for level in (5, 4, 3, 2)] + ["diagnosis"]
    columns = [column for column in columns if column in rows]
    if not columns:
        raise CatalogError(
            f"metadata.csv under {root}: column 'diagnosis', or 'diagnosis_1' to "
            f"'diagnosis_5', missing. Received: {list(rows)}"
        )
    specific = rows[columns].bfill(axis=1).iloc[:, 0]
    if "diagnosis_3" not in rows:
        return specific
    # A level 4 label such as "Nodular" needs its level 3, "Melanoma Invasive".
    broader = rows["diagnosis_3"].where(rows["diagnosis_3"] != specific)
    return (broader + "; " + specific).fillna(specific)


def _malignancy(rows):
    unknown = pd.Series(pd.NA, rows.index, dtype="string")
    words = rows.get("diagnosis_1", rows.get("benign_malignant", unknown))
    words = words.str.strip().str.lower()
    is_open = words.str.startswith("indeterminate", na=False)
    return words.mask(is_open, "indeterminate")


read = ArchiveReader(
    "isic_archive",
    files=("metadata.csv",),
    columns=COLUMNS,
    optional=tuple(name for name in COLUMNS if name != "isic_id"),
    words={"skin_tone_label": FITZPATRICK_WORDS},
    skin_tone=("fitzpatrick", "archive"),
    keep=KEPT,
    reads=READ,
    more=more,
)
