"""The ISIC Archive's own layout: what `isic image download` writes.

Needs `metadata.csv` with `isic_id` and either `diagnosis` or `diagnosis_1` to
`diagnosis_5`; all other columns are optional. Labels outside the eight diagnoses become
UNK, and a warning counts them. `image_type` is kept where it is given.
"""

import re
import warnings

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import ArchiveReader

OPTIONAL = (
    *("patient_id", "lesion_id", "age_approx", "sex", "anatom_site_general"),
    *("fitzpatrick_skin_type", "image_type", "copyright_license"),
)

# The first that fits wins: a melanoma in a nevus is a melanoma. What denies something,
# as "not melanoma" does, is no diagnosis, and not every nevus is melanocytic.
PATTERNS = (
    ("UNK", r"\bno\b|\bnot\b(?! otherwise)|\bnon\b|\bexcluded\b|\bruled out\b"),
    ("MEL", r"\bmelanoma|lentigo maligna"),
    ("BCC", r"basal cell carcinoma"),
    ("SCC", r"squamous cell carcinoma|bowen"),
    ("AK", r"actinic keratosis"),
    ("BKL", r"seborr?h?eic keratosis|solar lentigo|lentigo nos|lichenoid keratosis"),
    ("BKL", r"lichen planus.like keratosis|pigmented benign keratosis"),
    ("DF", r"dermatofibroma\b"),
    ("VASC", r"angioma\b|angiokeratoma|pyogenic granuloma|vascular lesion"),
    ("UNK", r"sebac|epiderm|becker|comedon|an[ae]*mi|connective|lipomat|flammeus"),
    ("UNK", r"depigment"),
    ("NV", r"\bn[ae]*vus\b"),
)


def diagnosis_of_label(label):
    """Return the diagnosis that a label in words stands for, "UNK" if it is none."""
    words = "" if pd.isna(label) else label.lower().replace("_", " ")
    return next((name for name, part in PATTERNS if re.search(part, words)), "UNK")


def _more(rows, root):
    label = _labels(rows, root)
    diagnosis = label.map(diagnosis_of_label).fillna("UNK").astype("string")
    _warn_of_others(label[(diagnosis == "UNK") & label.notna()])
    columns = {"diagnosis": diagnosis, "benign_malignant": _malignancy(rows)}
    if "fitzpatrick_skin_type" in rows:
        columns["fitzpatrick_skin_type"] = rows["fitzpatrick_skin_type"].str.upper()
    return columns, []


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


def _warn_of_others(labels):
    if len(labels):
        counts = labels.value_counts()
        most = ", ".join(f"{name!r} {count}" for name, count in counts.head(10).items())
        warnings.warn(
            f"{len(labels)} images have a diagnosis outside the eight and count as "
            f"UNK: {most}{', ...' if len(counts) > 10 else ''}",
            UserWarning,
            stacklevel=4,
        )


read = ArchiveReader(
    "isic_archive",
    files=("metadata.csv",),
    columns={"isic_id": "isic_id"} | {name: name for name in OPTIONAL},
    optional=OPTIONAL,
    more=_more,
)
