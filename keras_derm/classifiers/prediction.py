"""Probabilities of a data set."""

import numpy as np

from keras_derm.training import predict, translate_tensorflow_errors


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
