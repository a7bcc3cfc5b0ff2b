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
    ("AK", r"actinic keratosis"),
    ("BKL", r"seborr?h?eic keratosis|solar lentigo|lentigo nos|lichenoid keratosis"),
    ("BKL", r"lichen planus.like keratosis|pigmented benign keratosis"),
    ("DF", r"dermatofibroma\b"),
    ("VASC", r"angioma\b|angiokeratoma|pyogenic granuloma|vascular lesion"),
    ("UNK", r"sebac|epiderm|becker|comedon|an[ae]*mi|connective|lipomat|flammeus"),
    ("UNK", r"depigment"),
    ("NV", r"\bn[ae]*v(us|i)\b"),
)


def diagnosis_of_label(label):
    """Return the diagnosis that a label in words stands for, "UNK" if it is none."""
    words = "" if pd.isna(label) else re.sub("[_-]", " ", label.lower())
    return next((name for name, part in PATTERNS if re.search(part, words)), "UNK")


def diagnosis_of_word(word):
    """Return the diagnosis of a class's name, None if it is none.

    Args:
        word: A code in any case (`MEL`), one of HAM10000 (`akiec`), a diagnosis in
            words, or "unknown".
    """
    word = word.strip().lower()
    if word.upper() in DIAGNOSES:
        return word.upper()
    if word in DIAGNOSES_OF_DX:
        return DIAGNOSES_OF_DX[word]
    found = diagnosis_of_label(word)
    return found if found != "UNK" or word == "unknown" else None


def known_diagnosis(label):
    """As `diagnosis_of_label`, but None where the label is no diagnosis of ours."""
    found = diagnosis_of_label(label)
    return None if found == "UNK" else found
