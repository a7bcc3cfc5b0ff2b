"""The ISIC challenges' own scores, by their definitions."""

import numpy as np

from keras_derm.evaluation.class_scores import metrics


def balanced_multiclass_accuracy(y_true, y_prob):
    """Score of ISIC 2018 task 3 and ISIC 2019: mean sensitivity over the classes.

    It is `metrics.balanced_accuracy` but for one rule: where two classes share the
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
    confusion = metrics.confusion_matrix(y_true, y_pred, n_classes + 1)
    return float(metrics.balanced_accuracy(confusion))


def isic2020_score(is_malignant, score):
    """Score of SIIM-ISIC 2020: the area under the ROC curve.

    Args:
        is_malignant: bool array of shape `(n,)`.
        score: array of shape `(n,)`, higher for malignant.

    Returns:
        The area in [0, 1]; NaN unless both classes are present.
    """
    return metrics.auc(is_malignant, score)


def isic2024_score(is_malignant, score):
    """Score of ISIC 2024: area under the ROC curve and above 80 % sensitivity.

    Args:
        is_malignant: bool array of shape `(n,)`.
        score: array of shape `(n,)`, higher for malignant.

    Returns:
        The area in [0, 0.2]; chance is 0.02. NaN unless both classes are present.
    """
    return metrics.partial_auc(is_malignant, score, least_sensitivity=0.80)
