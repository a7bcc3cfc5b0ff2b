"""Classification metrics from confusion counts and from ranks.

Every ratio is NaN, never 0, where its denominator is 0. Classes carry the ISIC
names (`MEL`, `NV`, ...) and predictions are the class of highest probability; of
equal probabilities the first class wins.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_curve

LABELS = {
    "sensitivity": "{positive} sensitivity",
    "specificity": "{positive} specificity",
    "ppv": "{positive} positive predictive value",
    "npv": "{positive} negative predictive value",
    "f1": "{positive} F1",
    "false_negatives": "{positive} false negatives, images",
    "auc": "{positive} AUC",
    "partial_auc": "{positive} partial AUC above 80 % sensitivity (best is 0.2)",
    "average_precision": "{positive} average precision",
    "balanced_accuracy": "balanced accuracy",
    "macro_auc": "macro AUC",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "brier_score": "Brier score",
    "calibration_slope": "{positive} calibration slope",
    "expected_calibration_error": "expected calibration error",
}
METRICS = tuple(LABELS)
PER_CLASS_METRICS = METRICS[: METRICS.index("balanced_accuracy")]
OPERATING_METRICS = ("sensitivity", "specificity", "ppv", "false_negatives")
LOWER_IS_BETTER = ("false_negatives", "brier_score", "expected_calibration_error")
OPERATING_SENSITIVITIES = (0.90, 0.95)
LEAST_SENSITIVITY = 0.80
SUM_TOLERANCE = 0.01


class BinaryCounts(NamedTuple):
    """Counts of one class against the rest; numbers or arrays of one shape.

    Example:
        >>> sensitivity(BinaryCounts(8, 2, 3, 87))
        0.8
    """

    true_positive: np.ndarray
    false_negative: np.ndarray
    false_positive: np.ndarray
    true_negative: np.ndarray


def metric_label(name, positive):
    """Return the words for a metric, such as "MEL sensitivity".

    `sensitivity_at_90` is the sensitivity at the threshold that has 90 % sensitivity
    on val.
    """
    base, _, percent = name.partition("_at_")
    label = LABELS[base].format(positive=positive)
    if percent:
        label += f", threshold of {percent} % sensitivity on validation images"
    return label


def bounds(name):
    """Return the least and the greatest value that a metric can have."""
    base = name.partition("_at_")[0]
    if base == "calibration_slope":
        return -np.inf, np.inf
    greatest = {"false_negatives": np.inf, "brier_score": 2, "partial_auc": 0.2}
    return 0, greatest.get(base, 1)


def operating_name(metric, sensitivity):
    """Name of a metric at the threshold with that `sensitivity` on val."""
    return f"{metric}_at_{100 * sensitivity:g}"


def check_targets(y_true, classes):
    """Return class indices `(n,)` as int64, or say in a `ValueError` what is wrong."""
    y_true, n_classes = np.asarray(y_true), len(classes)
    if len(set(classes)) != n_classes or n_classes < 2:
        raise ValueError(
            f"`classes` must be two or more different names. Received: {classes}"
        )
    if y_true.ndim != 1 or not len(y_true):
        raise ValueError(
            f"`y_true` must have shape (n,) with n > 0. Received: shape {y_true.shape}"
        )
    bad = ~np.isin(y_true, np.arange(n_classes))
    if bad.any():
        raise ValueError(
            f"`y_true` must hold class indices from 0 to {n_classes - 1}. "
            f"Received: {y_true[bad][0]} at row {np.flatnonzero(bad)[0]}"
        )
    return y_true.astype(np.int64)


def check_probabilities(y_prob, n, n_classes):
    """Return probabilities as float64, or say in a `ValueError` what is wrong."""
    y_prob = np.asarray(y_prob, dtype=np.float64)
    if y_prob.shape != (n, n_classes):
        raise ValueError(
            f"`y_prob` must have shape {(n, n_classes)}, a row for each target and "
            f"a column for each class. Received: shape {y_prob.shape}"
        )
    bad = ~((y_prob >= 0) & (y_prob <= 1 + 1e-6)).all(axis=1)
    bad |= ~sums_to_one(y_prob)
    if bad.any():
        row = np.flatnonzero(bad)[0]
        raise ValueError(
            "each row of `y_prob` must hold probabilities that sum to 1 within "
            f"{SUM_TOLERANCE}; {bad.sum()} of {n} rows do not. "
            f"Received: {y_prob[row].tolist()} at row {row}"
        )
    return y_prob


def sums_to_one(y_prob):
    """Whether each row sums to 1 within the tolerance, rounding set aside: `(n,)`."""
    return np.abs(y_prob.sum(axis=1) - 1) <= SUM_TOLERANCE + 1e-9


def ratio(numerator, denominator):
    """Divide; NaN where the denominator is 0."""
    numerator = np.asarray(numerator, dtype=np.float64)
    denominator = np.asarray(denominator, dtype=np.float64)
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    quotient = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient[()]


def confusion_matrix(y_true, y_pred, n_classes):
    """Count images by true class (row) and predicted class (column)."""
    cell = np.asarray(y_true, dtype=np.int64) * n_classes + np.asarray(y_pred)
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)


def binary_counts(confusion, index):
    """Reduce confusion `(classes, classes, ...)`, true class first, to one class."""
    true_positive = confusion[index, index]
    false_negative = confusion[index].sum(axis=0) - true_positive
    false_positive = confusion[:, index].sum(axis=0) - true_positive
    everything = confusion.sum(axis=(0, 1))
    true_negative = everything - true_positive - false_negative - false_positive
    return BinaryCounts(true_positive, false_negative, false_positive, true_negative)


def sensitivity(counts):
    """TP / (TP + FN): of the positive images, the share that is called positive."""
    return ratio(counts.true_positive, counts.true_positive + counts.false_negative)


def specificity(counts):
    """TN / (TN + FP): of the negative images, the share that is called negative."""
    return ratio(counts.true_negative, counts.true_negative + counts.false_positive)


def ppv(counts):
    """TP / (TP + FP): of the images called positive, the share that is."""
    return ratio(counts.true_positive, counts.true_positive + counts.false_positive)


def npv(counts):
    """TN / (TN + FN): of the images called negative, the share that is."""
    return ratio(counts.true_negative, counts.true_negative + counts.false_negative)


def f1(counts):
    """2 TP / (2 TP + FP + FN): harmonic mean of sensitivity and PPV."""
    hits = 2 * counts.true_positive
    return ratio(hits, hits + counts.false_positive + counts.false_negative)


def false_negatives(counts):
    """FN: how many positive images were called negative; NaN without positives."""
    missed = np.asarray(counts.false_negative, dtype=np.float64)
    has_positives = counts.true_positive + counts.false_negative > 0
    return np.where(has_positives, missed, np.nan)[()]


def accuracy(confusion):
    """Share of images whose predicted class is the true class."""
    return ratio(np.einsum("kk...->...", confusion), confusion.sum(axis=(0, 1)))


def balanced_accuracy(confusion):
    """Mean sensitivity over the classes that are present among the true classes."""
    recall = ratio(np.einsum("kk...->k...", confusion), confusion.sum(axis=1))
    return mean_of_defined(recall)


def macro_f1(confusion):
    """Mean F1 over the classes that are present among the true or predicted classes."""
    hits = 2 * np.einsum("kk...->k...", confusion)
    return mean_of_defined(ratio(hits, confusion.sum(axis=0) + confusion.sum(axis=1)))


def mean_of_defined(values):
    """Mean along the first axis over what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0))


def auc(is_positive, score):
    """Area under the ROC curve; ties count one half (Mann-Whitney).

    Args:
        is_positive: bool array of shape `(n,)`.
        score: array of shape `(n,)`, higher for positive.

    Returns:
        The area in [0, 1]; NaN unless both classes are present.
    """
    is_positive = np.asarray(is_positive, dtype=bool)
    n_positive = is_positive.sum()
    rank_sum = rankdata(score)[is_positive].sum()
    wins = rank_sum - n_positive * (n_positive + 1) / 2
    return float(ratio(wins, n_positive * (len(is_positive) - n_positive)))


def partial_auc(is_positive, score, least_sensitivity=LEAST_SENSITIVITY):
    """Area under the ROC curve and above a least sensitivity.

    Args:
        is_positive, score: as in `auc`.
        least_sensitivity: only the part of the curve above it counts, in [0, 1).

    Returns:
        The area in [0, 1 - least_sensitivity]; NaN unless both classes are present.

    Reference:
        ISIC 2024 challenge (Kurtansky et al.): primary score, above 0.80.
    """
    is_positive = np.asarray(is_positive, dtype=bool)
    if is_positive.all() or not is_positive.any():
        return np.nan
    false_alarms, found, _ = roc_curve(is_positive, score)
    last = np.flatnonzero(found <= least_sensitivity)[-1]
    start = np.interp(
        least_sensitivity, found[last : last + 2], false_alarms[last : last + 2]
    )
    x = np.concatenate([[start], false_alarms[last + 1 :]])
    y = np.concatenate([[0], found[last + 1 :] - least_sensitivity])
    return float(np.trapezoid(y, x))


def one_vs_rest_auc(y_true, y_prob):
    """AUC of each class against the rest, shape `(classes,)`; NaN where absent."""
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob)
    return np.array([auc(y_true == k, y_prob[:, k]) for k in range(y_prob.shape[1])])


def macro_auc(y_true, y_prob):
    """Mean one-vs-rest AUC over the classes that have images in and out of them."""
    return float(mean_of_defined(one_vs_rest_auc(y_true, y_prob)))


def threshold_at_sensitivity(y_true, score, sensitivity=0.90):
    """Find the highest threshold that reaches a sensitivity, on validation data.

    An image is called positive where `score >= threshold`. Fit this on `val` and
    use it, frozen, on `test`.

    Args:
        y_true: bool array of shape `(n,)`, True for positive.
        score: probability of the positive class, shape `(n,)`.
        sensitivity: the least share of positives at or above the threshold, in
            (0, 1].

    Returns:
        The threshold, one of the positive images' scores.

    Raises:
        ValueError: if no image is positive, or `sensitivity` is out of range.
    """
    if not 0 < sensitivity <= 1:
        raise ValueError(
            f"`sensitivity` must be in (0, 1]. Received: sensitivity={sensitivity}"
        )
    positive_scores = np.sort(np.asarray(score)[np.asarray(y_true, dtype=bool)])[::-1]
    if not len(positive_scores):
        raise ValueError(
            "a threshold needs positive images in the validation set. Received: "
            f"{len(np.asarray(y_true))} images, none positive"
        )
    # The small slack keeps 0.90 * 10 from being rounded up to ten positives.
    needed = int(np.ceil(sensitivity * len(positive_scores) - 1e-9))
    return float(positive_scores[needed - 1])


def operating_points(y_true, score, sensitivities=OPERATING_SENSITIVITIES):
    """Find the thresholds of several sensitivities, as `threshold_at_sensitivity`.

    Returns:
        Dict from sensitivity to threshold, for `evaluate` and `compare`.
    """
    return {
        sensitivity: threshold_at_sensitivity(y_true, score, sensitivity)
        for sensitivity in sensitivities
    }


def balanced_multiclass_accuracy(y_true, y_prob):
    """Score of ISIC 2018 task 3 and ISIC 2019: mean sensitivity over the classes.

    It is `balanced_accuracy` but for one rule: where two classes share the
    highest probability the image counts as wrong. A class without images has no
    sensitivity and is left out of the mean, as in the official scorer.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.

    Returns:
        The score in [0, 1].

    Reference:
        github.com/ImageMarkup/isic-challenge-scoring.
    """
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob)
    n_classes = y_prob.shape[1]
    undecided = (y_prob == y_prob.max(axis=1, keepdims=True)).sum(axis=1) > 1
    # One column more, for images that were not decided.
    y_pred = np.where(undecided, n_classes, y_prob.argmax(axis=1))
    confusion = confusion_matrix(y_true, y_pred, n_classes + 1)
    return float(balanced_accuracy(confusion))


def isic2020_score(is_malignant, score):
    """Score of SIIM-ISIC 2020: the area under the ROC curve.

    Returns:
        The area in [0, 1]; NaN unless both classes are present.
    """
    return auc(is_malignant, score)


def milk10k_score(y_true, y_prob):
    """Score of MILK10k (ISIC 2025): mean over the classes of the F1 at 0.5.

    A lesion is called of each class whose probability is above 0.5, and so of none
    where no class has that much. A class without lesions that no lesion is called of
    counts as 1, as in the official scorer.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.

    Returns:
        The score in [0, 1].

    Reference:
        github.com/ImageMarkup/isic-challenge-scoring, whose word for F1 is Dice.
    """
    y_prob = np.asarray(y_prob)
    truth = np.eye(y_prob.shape[1], dtype=bool)[np.asarray(y_true)]
    called = y_prob > 0.5
    wrong = (truth != called).sum(axis=0)
    found = 2 * (truth & called).sum(axis=0)
    return float(np.where(found + wrong > 0, ratio(found, found + wrong), 1.0).mean())


def isic2024_score(is_malignant, score):
    """Score of ISIC 2024: area under the ROC curve and above 80 % sensitivity.

    Returns:
        The area in [0, 0.2]; chance is 0.02. NaN unless both classes are present.
    """
    return partial_auc(is_malignant, score, least_sensitivity=0.80)
