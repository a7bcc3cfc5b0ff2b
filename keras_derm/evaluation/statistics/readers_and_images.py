"""Intervals of what several readers made of the same images: both were drawn.

Another reader would have answered otherwise, and so would the same readers on other
images. Readers share the images, so that their figures vary together; an interval by
images alone, or by answers as if each were independent, is too narrow.

The method is that of Obuchowski and Rockette with the degrees of freedom of Hillis: one
figure for each reader, the covariance that readers have by the images they share, and
Student's t for the few readers there are. It takes accuracies and AUCs alike. Two
things are ours, since without them intervals of two to five readers cover too seldom
(`benchmarks/reader_study_coverage.py`): what readers differ in beyond their images is
never taken for less than nothing, and the interval is made of log odds. A two-way
bootstrap of readers and images, which has no degrees of freedom, covers 82 % for three
readers of very different skill, where it should 95 %; and the odds ratios of a
mixed-effects model are neither accuracy nor AUC.

Reference:
    Obuchowski and Rockette, Communications in Statistics - Simulation and Computation
    24 (1995). Hillis, A comparison of denominator degrees of freedom methods for
    multiple observer ROC analysis, Statistics in Medicine 26 (2007). Hillis, A
    marginal-mean ANOVA approach for analyzing multireader multicase radiological
    imaging data, Statistics in Medicine 33 (2014): one modality alone.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata, t

ONE_READER = "one reader alone: the interval is of this reader, on other images"
ALL_ALIKE = "no interval: every answer is alike"
TOO_FEW_IMAGES = "no interval: fewer than two images"


class ReadersEstimate(NamedTuple):
    """What readers are worth on average, with its interval.

    Args:
        value: mean of the figure of each reader.
        low, high: interval, of other readers and other images; NaN where there is none.
        n_readers: readers who have the figure.
        reason: why there is no interval, or what it does not cover; empty else.

    Example:
        >>> mean_over_readers(*reader_means(is_right, is_synthetic)).low
        0.61
    """

    value: float
    low: float
    high: float
    n_readers: int
    reason: str


def reader_means(answers, strata=None):
    """Mean of the answers of each reader, and the covariance of these means.

    Args:
        answers: `(readers, images)`, such as 1 for right and 0 for wrong; NaN where a
            reader did not answer.
        strata: a label for each image, `(images,)`, where the study fixed how many of
            each there are, such as real and synthetic. None takes all as drawn from
            one population.

    Returns:
        `(means, covariance)`, shapes `(readers,)` and `(readers, readers)`, over the
        images that are drawn; NaN for a reader without an answer, and where a stratum
        has a single image.
    """
    answers = np.atleast_2d(np.asarray(answers, float))
    known = np.isfinite(answers)
    strata = np.zeros(answers.shape[1]) if strata is None else np.asarray(strata)
    counts = known.sum(axis=1, keepdims=True)
    values = np.where(known, answers, 0)
    means = _ratio(values.sum(axis=1), counts[:, 0])
    influence = np.zeros(answers.shape)
    for stratum in np.unique(strata):
        inside = known & (strata == stratum)
        n = inside.sum(axis=1, keepdims=True)
        centred = values - _ratio((values * inside).sum(axis=1, keepdims=True), n)
        influence += np.where(inside, centred * _unbiased(n), 0) / np.maximum(counts, 1)
    return means, _covariance(influence, means)


def reader_aucs(is_positive, scores):
    """AUC of each reader, and the covariance of these areas.

    Args:
        is_positive: bool `(images,)`.
        scores: `(readers, images)`, higher for positive; NaN where a reader did not
            answer. Ties count one half.

    Returns:
        `(areas, covariance)` as `reader_means`; NaN for a reader who did not answer
        for images of both classes.

    Reference:
        DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    is_positive = np.asarray(is_positive, bool)
    scores = np.atleast_2d(np.asarray(scores, float))
    areas = np.full(len(scores), np.nan)
    influence = np.zeros(scores.shape)
    for reader, given in enumerate(scores):
        positive = np.flatnonzero(is_positive & np.isfinite(given))
        negative = np.flatnonzero(~is_positive & np.isfinite(given))
        if not len(positive) or not len(negative):
            continue
        ranks = rankdata(given[np.concatenate([positive, negative])])
        for rows, others, own in (
            (positive, negative, ranks[: len(positive)]),
            (negative, positive, ranks[len(positive) :]),
        ):
            beaten = (own - rankdata(given[rows])) / len(others)
            shares = beaten if rows is positive else 1 - beaten
            areas[reader] = shares.mean()
            centred = (shares - shares.mean()) / len(rows)
            influence[reader, rows] = centred * _unbiased(len(rows))
    return areas, _covariance(influence, areas)


def mean_over_readers(values, covariance, level=0.95, bounds=(0.0, 1.0)):
    """Mean over readers, with an interval for other readers and other images.

    Args:
        values: one figure for each reader, `(readers,)`; readers with NaN are left out.
        covariance: theirs, over the images that were drawn, `(readers, readers)`; who
            answered too little to have a variance is left out too.
        level: coverage in (0, 1).
        bounds: what the figure cannot leave, nor its interval; None where it has no
            bounds, as a difference.

    Returns:
        A `ReadersEstimate`. Of one reader the interval is of that reader alone, and
        says so.
    """
    values, covariance = np.asarray(values, float), np.asarray(covariance, float)
    answered = np.isfinite(values)
    if not answered.any():
        return ReadersEstimate(np.nan, np.nan, np.nan, 0, "no answer")
    kept = answered & np.isfinite(np.diag(covariance))
    if not kept.any():
        n, mean = int(answered.sum()), float(values[answered].mean())
        return ReadersEstimate(mean, np.nan, np.nan, n, TOO_FEW_IMAGES)
    n, mean = int(kept.sum()), float(values[kept].mean())
    values, covariance = values[kept], covariance[np.ix_(kept, kept)]
    variance, freedom = _variance_of_mean(values, covariance)
    if not variance > 0:
        return ReadersEstimate(mean, np.nan, np.nan, n, ALL_ALIKE)
    reach = t.ppf((1 + level) / 2, freedom) * np.sqrt(variance)
    low, high = _bounded(mean, reach, bounds)
    return ReadersEstimate(mean, low, high, n, ONE_READER if n == 1 else "")


def _variance_of_mean(values, covariance):
    """Variance of the mean over readers, and its degrees of freedom."""
    n = len(values)
    own = np.trace(covariance) / n
    if n == 1:
        return float(own), np.inf
    shared = max((covariance.sum() - n * own) / (n * (n - 1)), 0.0)
    # Readers of one skill differ by own - shared, as they see images differently.
    between = max(values.var(ddof=1), own - shared)
    total = between + n * shared
    freedom = (n - 1) * (total / between) ** 2 if between > 0 else np.inf
    return float(total / n), freedom


def _bounded(mean, reach, bounds):
    """Ends of the interval; between bounds it is even in the log odds."""
    if bounds is None:
        return float(mean - reach), float(mean + reach)
    low, high = bounds
    share = (mean - low) / (high - low)
    if not 0 < share < 1:  # the readers' mean is at a bound
        return max(mean - reach, low), min(mean + reach, high)
    away = reach / (high - low) / (share * (1 - share))
    ends = expit(logit(share) + np.array([-away, away]))
    return tuple(float(low + (high - low) * end) for end in ends)


def _ratio(numerator, denominator):
    counted = np.maximum(denominator, 1)
    return np.where(denominator > 0, numerator / counted, np.nan)


def _unbiased(n):
    """Root of n / (n - 1), NaN for a single image: a sample sees too little spread."""
    n = np.asarray(n, float)
    spread = np.divide(n, n - 1, out=np.full(n.shape, np.nan), where=n > 1)
    return np.sqrt(np.where(n == 0, 1.0, spread))


def _covariance(influence, values):
    covariance = influence @ influence.T
    absent = np.isnan(values)
    covariance[absent] = covariance[:, absent] = np.nan
    return covariance
