"""Diagnoses in words, as the ISIC Archive and clinics write them."""

import re

import pandas as pd

from keras_derm.catalog.catalog import DIAGNOSES
from keras_derm.readers.ham10000 import DIAGNOSES_OF_DX

# The first that fits wins: a melanoma in a nevus is a melanoma. What denies something,
# as "not melanoma" does, is no diagnosis, and not every nevus is melanocytic.
PATTERNS = (
    ("UNK", r"\bno\b|\bnot\b(?! otherwise)|\bnon\b|\bexcluded\b|\bruled out\b"),
    ("MEL", r"\bmelanoma|lentigo maligna"),
    ("BCC", r"basal cell carcinoma"),
    ("SCC", r"squamous cell carcinoma|bowen"),
    ("AK", r"actinic keratos[ei]s"),
    ("BKL", r"seborr?h?eic keratos[ei]s|lentigo nos|lichenoid keratos[ei]s"),
    ("BKL", r"solar lentig(o|ines)\b|lichen planus.like keratos[ei]s"),
    ("BKL", r"(pigmented )?benign keratos[ei]s"),
    ("DF", r"dermatofibromas?\b"),
    ("VASC", r"angiomas?\b|angiokeratomas?\b|pyogenic granuloma|vascular lesion"),
    ("UNK", r"sebac|epiderm|becker|comedon|an[ae]*mi|connective|lipomat|flammeus"),
    ("UNK", r"depigment"),
    ("NV", r"\bn[ae]*v(us|i)\b|\bmoles?\b"),
)
LONG_NAMES = {
    "actinic keratoses and intraepithelial carcinoma bowen s disease": "AK",
    "actinic keratosis bowen s disease": "AK",
}
"""Names of HAM10000's and ISIC 2018's classes that hold two of our diagnoses."""

WITHIN = re.compile(r"\b(in|within|arising|associated|with|on)\b")
"""Words by which a further diagnosis tells where the first one grew."""


def diagnosis_of_label(label):
    """Return the diagnosis that a label in words stands for, "UNK" if it is none."""
    words = _plain(label)
    return next((name for name, part in PATTERNS if re.search(part, words)), "UNK")


def diagnoses_in(word):
    """Return the different diagnoses that the name of a class holds, in their order.

    "melanoma in a nevus" holds one, as the nevus is where the melanoma grew.
    """
    words = _plain(word)
    found = {name: words for name, part in PATTERNS if re.search(part, words)}
    names = [name for name in found if name != "UNK"]
    return names[:1] if WITHIN.search(words) or "UNK" in list(found)[:1] else names


def diagnosis_of_word(word):
    """Return the diagnosis of a class's name, None if it is none, or several.

    Args:
        word: A code in any case (`MEL`), one of HAM10000 (`akiec`), a diagnosis in
            words, in the singular or plural, or "unknown".
    """
    word = word.strip().lower()
    if word.upper() in DIAGNOSES:
        return word.upper()
    if word in DIAGNOSES_OF_DX:
        return DIAGNOSES_OF_DX[word]
    long_name = re.sub(r"[\W_]+", " ", word)
    if long_name in LONG_NAMES:
        return LONG_NAMES[long_name]
    if len(diagnoses_in(word)) > 1:
        return None
    found = diagnosis_of_label(word)
    return found if found != "UNK" or word == "unknown" else None


def _plain(label):
    return "" if pd.isna(label) else re.sub("[_-]", " ", label.lower())


def known_diagnosis(label):
    """As `diagnosis_of_label`, but None where the label is no diagnosis of ours."""
    found = diagnosis_of_label(label)
    return None if found == "UNK" else found
