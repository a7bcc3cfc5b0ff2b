"""Strata of a test set: which images belong to each, and which can be judged."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.catalog import TONE_GROUPS
from keras_derm.evaluation.class_scores.metrics import metric_label

UNKNOWN = "unknown"
TONE = "tone_group"
TONE_LEVELS = (*TONE_GROUPS, UNKNOWN)
TITLES = {
    "anatom_site_general": "site",
    "photograph_colour": "colour of the photograph",
}
"""Variables that are called otherwise than their column, for a reader."""

LEAST_POSITIVES = 10
CLASS_AVERAGES = ("balanced_accuracy", "macro_auc", "macro_f1")
TOO_FEW = "too few to judge"


@dataclass(frozen=True)
class Stratum:
    """The images that share a value of one variable.

    Args:
        name: the variable, such as `tone_group`; `all` for the whole set.
        value: its value here, such as `dark`.
        mask: bool array of shape `(n,)`.

    Example:
        >>> dark = Stratum("tone_group", "dark", np.asarray(tone) == "dark")
    """

    name: str
    value: str
    mask: np.ndarray


def tone_group_strata(tone_group):
    """Strata by the tone of people's skin, every level shown: absent tones are news.

    Args:
        tone_group: `light`, `medium` or `dark` for each image; missing or `unknown`
            where nothing is known of the person.

    Returns:
        Categorical with the levels `light`, `medium`, `dark` and `unknown`, also
        those without images.

    Raises:
        ValueError: if a value is none of these.
    """
    tones = pd.Series(np.asarray(tone_group, dtype=object))
    tones = tones.where(tones.notna(), UNKNOWN)
    others = sorted(set(tones) - set(TONE_LEVELS), key=str)
    if others:
        raise ValueError(
            f"`tone_group` must hold {', '.join(TONE_GROUPS)}, or nothing. "
            f"Received: {others}"
        )
    return pd.Categorical(tones, TONE_LEVELS)


def describe_tone_sources(table):
    """Say for each tone group how many images are in it, and how that is known.

    Args:
        table: `Catalog.table`.

    Returns:
        A sentence; a second one where groups were made of ITA, as a run may ask for.
    """
    tones = table["tone_group"]
    if tones.isna().all():
        return (
            f"The tone of the skin is unknown for all {len(table):,}: nobody labelled "
            "it, and no estimator told it."
        )
    sources = table["tone_source"].fillna("a source that is not named")
    sources = sources.replace("label", "people's labels")
    told = []
    for tone in TONE_GROUPS:
        by = sources[tones.eq(tone).fillna(False)].value_counts()
        parts = [f"{n:,} by {source}" for source, n in by.items()]
        told.append(f"{tone}: {', '.join(parts) or 'none'}")
    said = f"Tone of the skin: {'; '.join(told)}; unknown: {tones.isna().sum():,}."
    if sources[tones.notna()].str.endswith("ITA of the photograph").any():
        said += (
            " Groups by ITA of dermoscopy are of the colour of photographs: read "
            "nothing about people from them."
        )
    return said


def stratum_title(name):
    """What a variable is called in a sentence or figure."""
    words = [TITLES.get(part, part) for part in name.split(" x ")]
    return " x ".join(words).replace("_", " ")


def build_strata(strata, n):
    """List the strata of `evaluate` as `Stratum`, the whole set of `n` images first.

    A categorical shows every level, also those without images. A missing value is
    the stratum `unknown`, which `tone_group` always has.
    """
    variables = {}
    for name, values in (strata or {}).items():
        if np.shape(values) != (n,):
            raise ValueError(
                f"stratum `{name}` must have shape {(n,)}. "
                f"Received: shape {np.shape(values)}"
            )
        variables[name] = tone_group_strata(values) if name == TONE else values
    listed = [Stratum("all", "all", np.ones(n, dtype=bool))]
    for name, values in variables.items():
        listed += _levels(name, values)
    return listed


def _levels(name, values):
    values = pd.Categorical(values)
    levels = [
        Stratum(name, str(level), np.asarray(values == level))
        for level in values.categories
    ]
    unknown = np.asarray(values.isna())
    return levels + ([Stratum(name, UNKNOWN, unknown)] if unknown.any() else [])


def describe_stratum(stratum, y_true, cluster, classes, positive):
    """Count a stratum's images and say whether it can be judged.

    It can where the positive images and the negative ones come from at least ten
    patients or lesions each; ten photographs of one lesion are one observation.

    Args:
        stratum: a `Stratum`.
        y_true, cluster: class and patient or lesion of all images, shape `(n,)`.
        classes, positive: class names, and the index of the positive one.

    Returns:
        A dict: `stratum`, `value`, `n`, `n_groups`, `n_positive`,
        `n_positive_groups`, `n_negative_groups`, `n_per_class`, `n_groups_per_class`,
        `judged` and `mark`, which is empty or begins "too few to judge".
    """
    truth, groups = y_true[stratum.mask], cluster[stratum.mask]
    is_positive = truth == positive
    n_positive_groups = len(np.unique(groups[is_positive]))
    n_negative_groups = len(np.unique(groups[~is_positive]))
    name = classes[positive]
    found = {name: n_positive_groups, f"non-{name}": n_negative_groups}
    short = [
        f"{kind} images from {count} patients or lesions"
        for kind, count in found.items()
        if count < LEAST_POSITIVES
    ]
    counts = np.bincount(truth, minlength=len(classes))
    of_class, _ = np.unique(np.stack([truth, groups]), axis=1)
    group_counts = np.bincount(of_class, minlength=len(classes))
    return {
        "stratum": stratum.name,
        "value": stratum.value,
        "n": len(truth),
        "n_groups": len(np.unique(groups)),
        "n_positive": int(is_positive.sum()),
        "n_positive_groups": n_positive_groups,
        "n_negative_groups": n_negative_groups,
        "n_per_class": dict(zip(classes, counts.tolist(), strict=True)),
        "n_groups_per_class": dict(zip(classes, group_counts.tolist(), strict=True)),
        "judged": not short,
        "mark": f"{TOO_FEW}: {', '.join(short)}" if short else "",
    }


def judging_metric(metric, description):
    """Choose the metric by which a verdict on a stratum may be given.

    A mean over classes lets a class of three lesions weigh as much as one of a
    thousand, and three lesions say nothing of what chance can do to it.

    Returns:
        Tuple of the metric, which is `auc` in place of a mean over classes one of
        which has images from fewer than ten patients or lesions, and a sentence that
        says so, with a space before it, else "".
    """
    rare = {
        name: count
        for name, count in description["n_groups_per_class"].items()
        if 0 < count < LEAST_POSITIVES
    }
    if metric not in CLASS_AVERAGES or not rare:
        return metric, ""
    told = ", ".join(f"{count} of {name}" for name, count in rare.items())
    label = metric_label(metric, "")
    return "auc", (
        f" {label[0].upper()}{label[1:]} is not judged: too few patients or lesions, "
        f"{told}."
    )


def undefined_reason(metric, description, name):
    """Say why a metric is NaN in a stratum; `name` is that of the positive class."""
    n, n_positive = description["n"], description["n_positive"]
    metric = metric.partition("_at_")[0]
    reasons = {
        "macro_auc": "all images are of one class",
        "ppv": f"no image was called {name}",
        "npv": f"every image was called {name}",
        "f1": f"no image is {name} or was called so",
    }
    if n == 0 or metric in reasons:
        return "no images" if n == 0 else reasons[metric]
    if metric == "calibration_slope" and 0 < n_positive < n:
        return "no finite slope: the probabilities do not overlap or do not differ"
    return f"no {name} images" if n_positive == 0 else f"only {name} images"
