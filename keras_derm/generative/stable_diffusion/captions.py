"""What is said of an image: captions by a template, from what a catalog knows."""

import re
import string

import pandas as pd

from keras_derm.catalog import DIAGNOSES
from keras_derm.catalog.tasks import MELANOCYTIC
from keras_derm.evaluation import UNKNOWN
from keras_derm.generative.conditions import CONDITION_TONES

DIAGNOSIS_WORDS = {
    "MEL": "melanoma",
    "NV": "melanocytic nevus",
    "BCC": "basal cell carcinoma",
    "AK": "actinic keratosis",
    "BKL": "benign keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular lesion",
    "SCC": "squamous cell carcinoma",
    "INF": "inflammatory lesion",
    "BEN_OTH": "benign lesion",
    "MAL_OTH": "malignant lesion",
}
TONE_WORDS = {"light": "light", "medium": "medium brown", "dark": "dark"}
PHOTOGRAPHS = {
    "clinical: close-up": "clinical close-up",
    "clinical: overview": "clinical photograph",
}
DERMOSCOPY = "dermoscopic photograph"
SIZE_COLUMN = "clin_size_long_diam_mm"
FIELDS = ("photograph", "lesion", "diagnosis", "tone", "site", "size")
OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


class Captions:
    """Captions of images by templates.

    A template has words in braces: `{photograph}` (dermoscopic photograph, clinical
    close-up), `{lesion}` (melanocytic or non-melanocytic), `{diagnosis}`, `{tone}` of
    the skin, `{site}` and `{size}` in millimetres. What stands in square brackets is
    left out where a word in it is not known, so that no caption says "unknown".

    Args:
        templates: Templates, one or more. A training image gets one of them at random,
            an image that is made the first.

    Raises:
        ValueError: A template has another word, or a word that can be unknown outside
            of brackets.

    Example:
        >>> captions = Captions(["{photograph} of {diagnosis}[ on {tone} skin]"])
        >>> captions.of_condition(0, "MEL", "dark")
        'dermoscopic photograph of melanoma on dark skin'
    """

    def __init__(self, templates):
        self.templates = tuple(templates)
        if not self.templates:
            raise ValueError("`captions` must hold a template. Received: none")
        for template in self.templates:
            _check(template)

    def __len__(self):
        return len(self.templates)

    def of_words(self, number, words):
        """Caption of words as `row_words` gives them, by the template of a number."""

        def part(found):
            known = all(words.get(field) for field in _fields(found[1]))
            return found[1] if known else ""

        text = OPTIONAL.sub(part, self.templates[number])
        return " ".join(text.format(**words).split())

    def of_condition(self, number, diagnosis, tone_group, more=None):
        """Caption of a diagnosis and a tone group, as generators are asked for.

        Args:
            number: Number of the template.
            diagnosis: One of `DIAGNOSES`.
            tone_group: One of `TONE_GROUPS`, or "unknown".
            more: Further words by name: photograph, site, size.
        """
        words = condition_words(diagnosis, tone_group)
        return self.of_words(number, words | (more or {}))


def condition_words(diagnosis, tone_group):
    """Words of a diagnosis and a tone group, by the names of the template."""
    unknown = "lesion of unknown diagnosis"
    melanocytic = diagnosis in MELANOCYTIC
    return {
        "photograph": DERMOSCOPY,
        "lesion": "melanocytic" if melanocytic else "non-melanocytic",
        "diagnosis": DIAGNOSIS_WORDS.get(diagnosis, unknown),
        "tone": TONE_WORDS.get(tone_group, ""),
        "site": "",
        "size": "",
    }


def row_words(row):
    """Words of a row of a catalog's table; what is not known is empty."""
    tone = row.get("tone_group")
    words = condition_words(row["diagnosis"], UNKNOWN if _is_none(tone) else tone)
    image_type, site = row.get("image_type"), row.get("anatom_site_general")
    size = row.get(SIZE_COLUMN)
    if not _is_none(image_type):
        words["photograph"] = PHOTOGRAPHS.get(image_type, DERMOSCOPY)
    words["site"] = "" if _is_none(site) or site == UNKNOWN else str(site)
    words["size"] = "" if _is_none(size) else f"{float(size):.0f}"
    return words


def condition_of(indices):
    """Diagnosis and tone group of a pair of `condition_indices`."""
    diagnosis, tone = indices
    return DIAGNOSES[diagnosis], CONDITION_TONES[tone]


def _is_none(value):
    return pd.isna(value) or value == ""


def _fields(template):
    return [field for _, field, _, _ in string.Formatter().parse(template) if field]


def _check(template):
    try:
        always = set(_fields(OPTIONAL.sub("", template)))
        fields = set(_fields(template))
    except ValueError as error:
        raise ValueError(
            f"`captions`: {error} in a template. Received: {template!r}"
        ) from error
    if fields - set(FIELDS):
        raise ValueError(
            f"`captions` can say {{{'}, {'.join(FIELDS)}}}. Received: {template!r}"
        )
    if always & {"tone", "site", "size"}:
        raise ValueError(
            "`captions`: tone, site and size are not known of each image: put what "
            f"says them in square brackets. Received: {template!r}"
        )
