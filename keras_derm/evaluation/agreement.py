"""How far readers agree: kappas and Krippendorff's alpha."""

import itertools

import numpy as np
from sklearn.metrics import cohen_kappa_score

from keras_derm.evaluation.statistics.bootstrap import (
    cluster_weights,
    percentile_interval,
)
from keras_derm.evaluation.tone_scores import weighted_kappa

LEAST_IMAGES = 5
TOO_FEW = f"fewer than {LEAST_IMAGES} images that two answered"


def agreement(answers, ordered=False, n_replicates=200, seed=0):
    """Agreement of several readers on the same images, beyond chance.

    Args:
        answers: `(readers, images)` of integers as float, NaN where a reader did not
            answer; each integer is a category.
        ordered: Whether the categories have an order, and near ones are half right:
            weights and distances are then the squared differences.
        n_replicates, seed: Of the bootstrap of images. The readers stay: the intervals
            are of these readers.

    Returns:
        Dict from "Fleiss kappa" (without order), "Cohen kappa, mean of pairs"
        (quadratic weights where ordered) and "Krippendorff alpha" (of an interval scale
        where ordered) to a dict of `value`, `low`, `high`, `n` images and `reason`. 1
        is full agreement, 0 that of chance; NaN where all answers are alike.

    Raises:
        ValueError: There are fewer than two readers.

    Reference:
        Fleiss, Psychological Bulletin 76 (1971). Cohen, Psychological Bulletin 70
        (1968). Krippendorff, Content Analysis (2004).
    """
    answers = np.atleast_2d(np.asarray(answers, float))
    if len(answers) < 2:
        raise ValueError(
            f"agreement needs two readers or more. Received: {len(answers)}"
        )
    twice = np.isfinite(answers).sum(axis=0) > 1
    answers = answers[:, twice]
    measures = {
        "Fleiss kappa": _fleiss,
        "Cohen kappa, mean of pairs": lambda part: _mean_cohen(part, ordered),
        "Krippendorff alpha": lambda part: _alpha(part, ordered),
    }
    if ordered:
        del measures["Fleiss kappa"]
    return _with_intervals(measures, answers, n_replicates, seed)


def self_agreement(first, again, ordered=False, n_replicates=200, seed=0):
    """Agreement of readers with themselves, on images they saw twice.

    Args:
        first, again: Answers to the same images in the same order, `(n,)`, of all
            readers one after the other; NaN where there is none.
        ordered, n_replicates, seed: As `agreement`.

    Returns:
        Dict as that of `agreement`, of "Cohen kappa" and "share that is alike".
    """
    pairs = np.stack([np.asarray(first, float), np.asarray(again, float)])
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    measures = {
        "Cohen kappa": lambda part: _cohen(*part, ordered),
        "share that is alike": lambda part: float((part[0] == part[1]).mean()),
    }
    return _with_intervals(measures, pairs, n_replicates, seed)


def _with_intervals(measures, answers, n_replicates, seed):
    n = answers.shape[1]
    if n < LEAST_IMAGES:
        nothing = dict.fromkeys(("value", "low", "high"), np.nan)
        return {name: {**nothing, "n": n, "reason": TOO_FEW} for name in measures}
    draws = {name: [] for name in measures}
    for weights in cluster_weights(n, n_replicates, seed):
        for column in weights.T.astype(int):
            drawn = answers[:, np.repeat(np.arange(n), column)]
            for name, measure in measures.items():
                draws[name].append(measure(drawn))
    found = {}
    for name, measure in measures.items():
        low, high, reason = percentile_interval(np.array(draws[name]))
        row = {"value": measure(answers), "low": low, "high": high}
        found[name] = {**row, "n": n, "reason": reason}
    return found


def _fleiss(answers):
    """Fleiss' kappa of images that all readers answered; NaN without variation."""
    answers = answers[:, np.isfinite(answers).all(axis=0)]
    n_readers, n_images = answers.shape
    if not n_images:
        return np.nan
    counts = (answers[..., None] == np.unique(answers)).sum(axis=0)
    by_chance = ((counts.sum(axis=0) / (n_readers * n_images)) ** 2).sum()
    pairs = n_readers * (n_readers - 1)
    alike = ((counts**2).sum(axis=1) - n_readers).mean() / pairs
    return float((alike - by_chance) / (1 - by_chance)) if by_chance < 1 else np.nan


def _mean_cohen(answers, ordered):
    pairs = itertools.combinations(answers, 2)
    found = [_cohen(first, second, ordered) for first, second in pairs]
    found = [kappa for kappa in found if np.isfinite(kappa)]
    return float(np.mean(found)) if found else np.nan


def _cohen(first, second, ordered):
    """Cohen's kappa of the images that both answered; NaN where all are alike."""
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both].astype(int), second[both].astype(int)
    if len(np.union1d(first, second)) < 2:
        return np.nan
    if ordered:
        least = min(first.min(), second.min())
        n_labels = max(first.max(), second.max()) - least + 1
        return weighted_kappa(first - least, second - least, n_labels)
    return float(cohen_kappa_score(first, second))


def _alpha(answers, ordered):
    from nltk.metrics.agreement import AnnotationTask  # takes seconds to load

    if len(np.unique(answers[np.isfinite(answers)])) < 2:
        return np.nan
    given = [
        (f"reader {reader}", f"image {image}", int(answers[reader, image]))
        for reader, image in np.argwhere(np.isfinite(answers))
    ]
    squared = {"distance": lambda a, b: float((a - b) ** 2)} if ordered else {}
    return float(AnnotationTask(given, **squared).alpha())
