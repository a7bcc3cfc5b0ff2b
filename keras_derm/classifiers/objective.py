"""What classifiers are trained for, and the probabilities that they are judged by."""

import keras
import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from keras_derm.settings.train_classifier import MONITORS
from keras_derm.training import Objective, predict, translate_tensorflow_errors

RISING = ("val_auc", "val_accuracy")
"""Monitors of which more is better."""


def classification_objective(loss=None):
    """Objective of a classifier: by default the epoch of the best macro AUC is kept.

    Args:
        loss: `keras.losses.Loss` of one-hot targets and probabilities, such as
            `classification_loss` gives; categorical cross-entropy by default.

    Returns:
        `keras_derm.training.Objective`. Its head begins behind the layer "pooling". Of
        its scores `val_training_loss` is the mean of `loss`, the others are those of
        `classification_scores`.

    Example:
        >>> fit(model, train, validation, "classifier", classification_objective(), ...)
    """
    loss = loss or keras.losses.CategoricalCrossentropy()

    def scores(targets, predictions):
        own = {"val_training_loss": float(loss(targets, predictions))}
        return classification_scores(targets, predictions) | own

    return Objective(
        loss=loss,
        scores=scores,
        monitors={name: "max" if name in RISING else "min" for name in MONITORS},
        best="val_auc",
        metrics=lambda: [keras.metrics.CategoricalAccuracy(name="accuracy")],
        head_begins_after="pooling",
    )


def classification_scores(targets, predictions):
    """Scores of a classifier on a validation set.

    Args:
        targets: One-hot array `(n, n_classes)`.
        predictions: Probabilities `(n, n_classes)`.

    Returns:
        Dict: `val_auc`, the mean one-vs-rest AUC over the classes present (NaN where
        there is one class alone), `val_loss` and `val_accuracy`.
    """
    probabilities, classes = as_probabilities(predictions), targets.argmax(axis=1)
    loss = log_loss(classes, probabilities, labels=range(targets.shape[1]))
    right = classes == probabilities.argmax(axis=1)
    return {
        "val_auc": _macro_auc(targets, probabilities),
        "val_loss": float(loss),
        "val_accuracy": float(np.mean(right)),
    }


def _macro_auc(targets, scores):
    present = [c for c in range(targets.shape[1]) if 0 < targets[:, c].mean() < 1]
    if not present:
        return float("nan")
    return float(np.mean([roc_auc_score(targets[:, c], scores[:, c]) for c in present]))


def predict_probabilities(model, dataset, what=None):
    """Probabilities of a classifier for a data set.

    Args:
        model: Classifier or ensemble.
        dataset: Batches of images, as `predict` takes them.
        what: What it is done for, in words, should it fail; `predicting with` the name
            of the model by default.

    Returns:
        float64 array `(n, n_classes)`, whose rows sum to 1.

    Raises:
        UnreadableData: An image could not be read.
        RuntimeError: A batch could not be computed.
    """
    with translate_tensorflow_errors(what or f"predicting with {model.name}"):
        return as_probabilities(predict(model, dataset))


def as_probabilities(predictions):
    """Probabilities in float64: those of float32 sum to 1 but for 1e-7."""
    predictions = np.asarray(predictions, dtype="float64")
    return predictions / predictions.sum(axis=1, keepdims=True)
