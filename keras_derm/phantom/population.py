"""Who is photographed: patients, their lesions, and the views of each lesion."""

import numpy as np
import pandas as pd

from keras_derm.catalog import DIAGNOSES8
from keras_derm.phantom.fields import generator
from keras_derm.phantom.optics import (
    BLOOD_RANGE,
    MELANIN_RANGES,
    OXYGENATION_RANGE,
    skin_ita,
)

TONE_FREQUENCIES = {
    "archive": {"I": 0.14, "II": 0.42, "III": 0.28, "IV": 0.10, "V": 0.04, "VI": 0.02},
    "balanced": dict.fromkeys(MELANIN_RANGES, 1 / 6),
}
"""Share of patients of each type. "archive": over 80 % types I-III and under 8 % V-VI,
as in the public archives; the split within these is a design choice."""

_HAM = {"MEL": 1113, "NV": 6705, "BCC": 514, "AKIEC": 327, "BKL": 1099, "DF": 115,
        "VASC": 142}  # fmt: skip
DIAGNOSIS_FREQUENCIES = {
    # HAM10000 does not part AK and SCC; ISIC 2019 has 867 and 628 of them.
    "archive": {
        "MEL": _HAM["MEL"] / 10015,
        "NV": _HAM["NV"] / 10015,
        "BCC": _HAM["BCC"] / 10015,
        "AK": _HAM["AKIEC"] / 10015 * 867 / 1495,
        "BKL": _HAM["BKL"] / 10015,
        "DF": _HAM["DF"] / 10015,
        "VASC": _HAM["VASC"] / 10015,
        "SCC": _HAM["AKIEC"] / 10015 * 628 / 1495,
    },
    "balanced": dict.fromkeys(DIAGNOSES8, 1 / 8),
}
"""Share of lesions of each diagnosis. "archive": HAM10000 (Tschandl et al. 2018)."""

IMAGES_PER_PATIENT = (0.40, 0.25, 0.15, 0.10, 0.06, 0.04)
VIEWS_PER_LESION = (0.74, 0.19, 0.07)
SITES = ("anterior torso", "posterior torso", "upper extremity", "lower extremity",
         "head/neck")  # fmt: skip
_SITE_SHARES = {
    "sun": (0.10, 0.12, 0.18, 0.12, 0.48),
    "body": (0.26, 0.30, 0.16, 0.22, 0.06),
}
_AGE_MEAN = {"MEL": 60, "NV": 42, "BCC": 67, "AK": 69, "BKL": 63, "DF": 48, "VASC": 52,
             "SCC": 71}  # fmt: skip
_BENIGN_MALIGNANT = {"MEL": "malignant", "BCC": "malignant", "SCC": "malignant",
                     "AK": "indeterminate"}  # fmt: skip
BLOCK = 12


def frequencies(value, presets, name):
    """Turn a preset's name or a mapping into frequencies that sum to 1.

    Args:
        value: Key of `presets`, or a mapping from some of a preset's keys to
            non-negative weights; keys left out have frequency 0.
        presets: `TONE_FREQUENCIES` or `DIAGNOSIS_FREQUENCIES`.
        name: Name of the argument, for errors.

    Returns:
        Dictionary from every key to its frequency.

    Raises:
        ValueError: If the preset or a key is unknown, or a weight negative.
    """
    keys = list(presets["balanced"])
    if isinstance(value, str):
        if value not in presets:
            raise ValueError(
                f"{name} must be one of {sorted(presets)} or weights of some of "
                f"{keys}. Received: {value!r}"
            )
        return presets[value]
    weights = {str(key): float(weight) for key, weight in dict(value).items()}
    strange = [key for key in weights if key not in keys]
    wrong = [w for w in weights.values() if not (0 <= w < float("inf"))]
    if strange or wrong or sum(weights.values()) <= 0:
        raise ValueError(
            f"{name} must give non-negative weights, not all 0, of some of {keys}. "
            f"Received: {value}"
        )
    total = sum(weights.values())
    return {key: weights.get(key, 0.0) / total for key in keys}


def population(n, seed, tone_frequencies="archive", diagnosis_frequencies="archive"):
    """Plan the first `n` photographs of the phantom clinic `seed`.

    Row i depends on the seed, the frequencies and i alone: a longer data set begins
    with the shorter one.

    Args:
        n: Number of photographs, at least 1.
        seed: Non-negative integer.
        tone_frequencies: "archive", "balanced" or weights of the Fitzpatrick types;
            shares of patients.
        diagnosis_frequencies: "archive", "balanced" or weights of the diagnoses;
            shares of lesions.

    Returns:
        `pandas.DataFrame`, one row per photograph, with the ISIC Archive's columns
        and the truths `melanin_fraction`, `blood_fraction`, `oxygenation`, `true_ita`
        (degrees), plus `lesion_key` and `view`, which name the random streams.
    """
    tones = frequencies(tone_frequencies, TONE_FREQUENCIES, "tone_frequencies")
    diagnoses = frequencies(
        diagnosis_frequencies, DIAGNOSIS_FREQUENCIES, "diagnosis_frequencies"
    )
    rows = []
    for block in range(-(-n // BLOCK)):
        rows.extend(_block(seed, block, tones, diagnoses))
    table = pd.DataFrame(rows[:n])
    ita = skin_ita(
        table["melanin_fraction"].to_numpy(), table["blood_fraction"].to_numpy()
    )
    table["true_ita"] = np.round(ita, 3)
    return table


def _block(seed, block, tones, diagnoses):
    """`BLOCK` consecutive rows, of whole patients."""
    rng = generator(seed, 1, block)
    rows, patient = [], 0
    while len(rows) < BLOCK:
        images = min(_pick(rng, IMAGES_PER_PATIENT) + 1, BLOCK - len(rows))
        person = _patient(rng, seed, block, patient, tones)
        first = list(diagnoses)[_pick(rng, diagnoses.values())]
        person["age_approx"] = _age(rng, first)
        lesion, left = 0, images
        while left:
            views = min(_pick(rng, VIEWS_PER_LESION) + 1, left)
            drawn = list(diagnoses)[_pick(rng, diagnoses.values())]
            shown = _lesion(rng, first if lesion == 0 else drawn)
            key = (block * BLOCK + patient) * BLOCK + lesion
            for view in range(views):
                rows.append({
                    "isic_id": f"PHANTOM_{seed}_{block * BLOCK + len(rows):07d}",
                    **shown, **person,
                    "lesion_id": f"PL_{seed}_{key:08d}",
                    "lesion_key": key, "view": view,
                })  # fmt: skip
            left, lesion = left - views, lesion + 1
        patient += 1
    return rows


def _patient(rng, seed, block, patient, tones):
    tone = list(tones)[_pick(rng, tones.values())]
    low, high = MELANIN_RANGES[tone]
    return {
        "patient_id": f"PP_{seed}_{block * BLOCK + patient:07d}",
        "sex": "male" if rng.random() < 0.53 else "female",
        "fitzpatrick_skin_type": tone,
        "melanin_fraction": round(low + (high - low) * rng.random(), 5),
        "blood_fraction": _between(rng, BLOOD_RANGE),
        "oxygenation": _between(rng, OXYGENATION_RANGE),
    }


def _lesion(rng, diagnosis):
    sun = diagnosis in ("BCC", "AK", "SCC")
    return {
        "diagnosis": diagnosis,
        "benign_malignant": _BENIGN_MALIGNANT.get(diagnosis, "benign"),
        "anatom_site_general": SITES[
            _pick(rng, _SITE_SHARES["sun" if sun else "body"])
        ],
    }


def _age(rng, diagnosis):
    bell = rng.random() + rng.random() + rng.random() - 1.5
    years = _AGE_MEAN[diagnosis] + 30 * bell
    return float(min(max(5 * round(years / 5), 5), 85))


def _between(rng, limits):
    return round(limits[0] + (limits[1] - limits[0]) * rng.random(), 5)


def _pick(rng, shares):
    """Index drawn with the given shares (which sum to 1)."""
    shares = list(shares)
    position, total = rng.random(), 0.0
    for index, share in enumerate(shares):
        total += share
        if position < total:
            return index
    return max(index for index, share in enumerate(shares) if share > 0)
