"""SCIN (Google): photographs that people in the US took of their own skin.

Needs `scin_cases.csv` and `scin_labels.csv`; a case has up to three photographs, and is
the `lesion_id`. The label of skin tone is the median of the Fitzpatrick types that
dermatologists gave (the lighter of two in the middle), else the type that the person
gave; `skin_tone_rater` says which. The graders' Monk tones stay in
`monk_skin_tone_label_india` and `_us`. The diagnosis is the condition that has more
than half of the dermatologists' weight, where it is one of ours; nearly all are UNK.

Reference:
    Ward et al. (2024), Creating an empirical dermatology dataset through crowdsourcing
    with web search advertisements, JAMA Network Open 7.
"""

import ast
import statistics

import pandas as pd

from keras_derm.catalog.catalog import FITZPATRICK_TYPES
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_table
from keras_derm.readers.joined_table import JoinedTable
from keras_derm.readers.labels import known_diagnosis
from keras_derm.readers.tables import one_row_a_photograph, read_rows, row_faults

PHOTOGRAPHS = tuple(f"image_{number}_path" for number in (1, 2, 3))
TYPES = {f"FST{n}": tone for n, tone in enumerate(FITZPATRICK_TYPES, start=1)}
GRADED = "dermatologist_fitzpatrick_skin_type_label_{}"
GRADABLE = "dermatologist_gradable_for_fitzpatrick_skin_type_{}"
CONDITIONS = "weighted_skin_condition_label"
SHOTS = {
    "CLOSE_UP": "clinical: close-up",
    "AT_AN_ANGLE": "clinical: close-up",
    "AT_DISTANCE": "clinical: overview",
}


def _rows(root):
    file = find_table(root, "scin_cases.csv")
    needed = ("case_id", "fitzpatrick_skin_type", PHOTOGRAPHS[0])
    cases = read_rows(file, needed)
    views = [name for name in PHOTOGRAPHS if name in cases]
    rows = one_row_a_photograph(cases, views)
    rows["shot_type"] = pd.NA
    for view in views:
        shots = rows.get(view.replace("_path", "_shot_type"))
        if shots is not None:
            rows["shot_type"] = rows["shot_type"].mask(rows["view"] == view, shots)
    return rows


def _more(rows, root):
    graded = _graded_type(rows)
    said = rows["fitzpatrick_skin_type"].str.strip().str.upper().map(TYPES)
    said = said.astype("string")  # also where nobody said it
    conditions = rows[CONDITIONS].map(_likely_condition, na_action="ignore")
    conditions = conditions.astype("string")
    diagnoses = conditions.map(known_diagnosis, na_action="ignore").astype("string")
    unreadable = conditions.isna() & rows[CONDITIONS].notna()
    rater = graded.notna().map({True: "dermatologists", False: "self-report"})
    labels = graded.fillna(said)
    return {
        "image_type": rows["shot_type"].str.strip().str.upper().map(SHOTS),
        "diagnosis": diagnoses.fillna("UNK"),
        "skin_tone_label": labels,
        "skin_tone_scale": labels.notna().map({True: "fitzpatrick", False: pd.NA}),
        "skin_tone_rater": rater.where(labels.notna()),
        "self_reported_fitzpatrick": said,
    }, [row_faults(rows, unreadable, CONDITIONS, "must be a dict of weights")]


def _graded_type(rows):
    """Median of the types that dermatologists gave to what they could grade."""
    grades = {}
    for number in (1, 2, 3):
        label, gradable = GRADED.format(number), GRADABLE.format(number)
        if label in rows:
            given = rows[label].str.strip().str.upper().str.removeprefix("FST")
            given = pd.to_numeric(given, errors="coerce").astype("float64")
            if gradable in rows:
                word = rows[gradable].str.strip().str.upper()
                given = given.mask(word.str.startswith(("NO", "FALSE"), na=False))
            grades[label] = given.where(given.between(1, len(FITZPATRICK_TYPES)))
    found = [
        FITZPATRICK_TYPES[int(statistics.median_low(known)) - 1] if known else pd.NA
        for row in zip(*grades.values(), strict=True)
        for known in [[grade for grade in row if pd.notna(grade)]]
    ]
    return pd.Series(found if grades else pd.NA, rows.index, dtype="string")


def _likely_condition(text):
    """The condition with over half of the weight, "" without one, None if unread."""
    try:
        weights = ast.literal_eval(text)
        total = sum(weights.values())
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError):
        return None
    return next((name for name, w in weights.items() if w > total / 2), "")


read = ArchiveReader(
    "scin",
    rows=_rows,
    joined=(JoinedTable(("scin_labels.csv",), by="case_id", columns=(CONDITIONS,)),),
    columns={"isic_id": "photograph", "lesion_id": "case_id", "sex": "sex_at_birth"},
    keep=(
        *("age_group", "shot_type", "related_category", "condition_duration"),
        CONDITIONS,
    ),
    measures=("monk_skin_tone_label_india", "monk_skin_tone_label_us"),
    reads=(
        *("fitzpatrick_skin_type", *PHOTOGRAPHS),
        *(name.replace("_path", "_shot_type") for name in PHOTOGRAPHS),
        *(name.format(n) for name in (GRADED, GRADABLE) for n in (1, 2, 3)),
    ),
    more=_more,
)
