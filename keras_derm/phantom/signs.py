"""Dermoscopic signs of the eight diagnoses, and how hard they are to tell apart.

A lesion is painted from its signs alone: the painter never sees the diagnosis.
So the posterior of the signs bounds what any classifier can learn from the images:
the ideal observer of the signs names 86 % of lesions rightly at equal frequencies
(recall 77-96 %), and 93 % at archive frequencies (mean recall 80 %; always-nevus
67 %). `bayes_accuracy` measures it.

The frequencies are design values: rounded, and pulled together so that the classes
overlap. Their order follows the literature named with each sign; they are not a
transcription of any one table.
"""

from dataclasses import dataclass

import numpy as np

from keras_derm.catalog import DIAGNOSES8

PRESENCE = {
    #                        MEL   NV   BCC   AK   BKL   DF   VASC  SCC
    "typical_network":      (0.12, 0.50, 0.01, 0.02, 0.08, 0.32, 0.01, 0.01),
    "atypical_network":     (0.48, 0.12, 0.02, 0.03, 0.08, 0.08, 0.01, 0.02),
    "globules":             (0.28, 0.38, 0.06, 0.02, 0.08, 0.04, 0.02, 0.03),
    "irregular_dots":       (0.48, 0.10, 0.08, 0.05, 0.10, 0.03, 0.02, 0.04),
    "streaks":              (0.32, 0.04, 0.02, 0.01, 0.02, 0.01, 0.01, 0.01),
    "blue_white_veil":      (0.42, 0.03, 0.10, 0.01, 0.05, 0.02, 0.05, 0.03),
    "regression":           (0.38, 0.06, 0.06, 0.03, 0.12, 0.05, 0.02, 0.04),
    "milia_like_cysts":     (0.04, 0.04, 0.05, 0.02, 0.58, 0.02, 0.01, 0.03),
    "comedo_like_openings": (0.01, 0.02, 0.01, 0.03, 0.45, 0.01, 0.01, 0.02),
    "arborising_vessels":   (0.05, 0.02, 0.68, 0.02, 0.03, 0.02, 0.04, 0.10),
    "blue_grey_nests":      (0.05, 0.03, 0.48, 0.01, 0.03, 0.01, 0.05, 0.02),
    "ulceration":           (0.10, 0.01, 0.30, 0.05, 0.03, 0.02, 0.10, 0.35),
    "lacunae":              (0.01, 0.01, 0.02, 0.01, 0.01, 0.01, 0.82, 0.01),
    "scale":                (0.05, 0.01, 0.08, 0.68, 0.20, 0.08, 0.03, 0.62),
    "strawberry_pattern":   (0.01, 0.01, 0.01, 0.62, 0.02, 0.01, 0.01, 0.12),
    "central_white_patch":  (0.03, 0.02, 0.04, 0.01, 0.02, 0.62, 0.02, 0.04),
    "dotted_vessels":       (0.15, 0.06, 0.05, 0.15, 0.08, 0.12, 0.02, 0.38),
    "white_circles":        (0.02, 0.01, 0.03, 0.12, 0.04, 0.01, 0.01, 0.45),
}  # fmt: skip
"""Probability that a sign is present, by diagnosis in `DIAGNOSES8` order."""

GRADES = {
    #                       MEL         NV          BCC         AK
    #                       BKL         DF          VASC        SCC
    "asymmetry":           ((5.0, 2.5), (2.0, 5.0), (3.0, 3.5), (3.0, 3.0),
                            (3.0, 4.0), (1.8, 5.0), (2.0, 4.5), (3.5, 3.0)),
    "border_irregularity": ((4.0, 2.5), (2.0, 5.0), (2.5, 4.0), (4.0, 3.0),
                            (3.0, 4.0), (2.0, 5.0), (2.0, 4.5), (3.0, 3.0)),
    "variegation":         ((4.0, 2.5), (2.0, 5.0), (3.0, 3.5), (2.0, 4.5),
                            (2.5, 4.0), (2.0, 4.5), (2.0, 4.5), (2.5, 3.5)),
    "pigmentation":        ((4.5, 3.0), (3.5, 3.5), (1.8, 5.0), (1.6, 6.0),
                            (3.0, 4.0), (2.0, 4.5), (1.5, 5.0), (1.6, 6.0)),
    "redness":             ((2.0, 4.5), (1.6, 5.0), (3.0, 3.5), (3.5, 3.0),
                            (2.0, 5.0), (2.2, 4.0), (4.0, 3.0), (4.0, 3.0)),
    "border_sharpness":    ((3.5, 3.0), (3.0, 3.5), (3.0, 4.0), (1.5, 5.0),
                            (4.5, 2.5), (1.6, 5.0), (4.5, 2.5), (2.0, 4.0)),
    "diameter":            ((3.5, 3.0), (2.5, 4.0), (3.0, 3.5), (3.0, 3.5),
                            (3.0, 3.0), (2.0, 4.0), (2.0, 4.5), (3.5, 3.0)),
}  # fmt: skip
"""Beta distribution (a, b) of a graded sign in [0, 1], by diagnosis."""

SOURCES = {
    "seven-point checklist (atypical network, blue-white veil, atypical vessels, "
    "streaks, pigmentation, dots and globules, regression)": "Argenziano et al., "
    "Arch Dermatol 134 (1998)",
    "ABCD rule (asymmetry, border, colour, structures)": "Stolz et al., Eur J "
    "Dermatol 4 (1994)",
    "vocabulary": "Kittler et al., J Am Acad Dermatol 74 (2016)",
    "basal cell carcinoma": "Menzies et al., Arch Dermatol 136 (2000)",
    "actinic keratosis (strawberry pattern)": "Zalaudek et al., Br J Dermatol 155 "
    "(2006)",
    "seborrhoeic keratosis": "Braun et al., Arch Dermatol 138 (2002)",
    "dermatofibroma (central white patch)": "Zaballos et al., Arch Dermatol 144 (2008)",
    "vascular lesions (lacunae)": "Zaballos et al., Dermatology 208 (2004)",
    "squamous cell carcinoma (white circles, keratin)": "Rosendahl et al., Arch "
    "Dermatol 148 (2012)",
}


@dataclass(frozen=True)
class Signs:
    """What dermoscopy shows of one lesion.

    Args:
        present: Frozen set of the names in `PRESENCE` that are there.
        grades: Dictionary from the names in `GRADES` to values in [0, 1].

    Example:
        >>> signs = draw_signs(rng, "MEL")
        >>> "blue_white_veil" in signs.present
    """

    present: frozenset
    grades: dict


def draw_signs(rng, diagnosis):
    """Draw the signs of one lesion of `diagnosis`.

    Args:
        rng: NumPy generator.
        diagnosis: One of `DIAGNOSES8`.
    """
    column = DIAGNOSES8.index(diagnosis)
    present = frozenset(
        name for name, chances in PRESENCE.items() if rng.random() < chances[column]
    )
    # Rounded, so that the last bits of a library's beta sampler decide nothing.
    grades = {
        name: min(max(round(float(rng.beta(*shapes[column])), 3), 0.001), 0.999)
        for name, shapes in GRADES.items()
    }
    return Signs(present, grades)


def posterior(signs, prior=None):
    """Probability of each diagnosis given a lesion's signs (Bayes' rule).

    Args:
        signs: List of `Signs`.
        prior: Diagnosis frequencies (8,); equal by default.

    Returns:
        float array (len(signs), 8), rows sum to 1.
    """
    from scipy.stats import beta

    prior = np.full(8, 1 / 8) if prior is None else np.asarray(prior, float)
    log = np.tile(np.log(np.maximum(prior, 1e-300)), (len(signs), 1))
    for name, chances in PRESENCE.items():
        there = np.array([name in item.present for item in signs])[:, None]
        log += np.log(np.where(there, chances, 1 - np.array(chances)))
    for name, shapes in GRADES.items():
        values = np.array([item.grades[name] for item in signs])[:, None]
        a, b = np.array(shapes).T
        log += beta.logpdf(values, a, b)
    likelihood = np.exp(log - log.max(axis=1, keepdims=True))
    return likelihood / likelihood.sum(axis=1, keepdims=True)


def bayes_accuracy(n=4000, seed=0, prior=None):
    """Share of lesions that the ideal observer of the signs names rightly.

    Args:
        n: Lesions to draw.
        seed: Non-negative integer.
        prior: Diagnosis frequencies (8,); equal by default.

    Returns:
        Tuple: accuracy, and a float array (8,) of each diagnosis' recall (NaN where
        none was drawn).
    """
    from keras_derm.phantom.fields import generator

    prior = np.full(8, 1 / 8) if prior is None else np.asarray(prior, float)
    rng = generator(seed, 11)
    truth = rng.choice(8, size=n, p=prior / prior.sum())
    signs = [draw_signs(rng, DIAGNOSES8[index]) for index in truth]
    right = posterior(signs, prior).argmax(axis=1) == truth
    recall = [
        right[truth == k].mean() if (truth == k).any() else np.nan for k in range(8)
    ]
    return float(right.mean()), np.array(recall)
