"""Probabilities of a data set."""

import numpy as np


def predict_probabilities(model, dataset):
    """Probabilities `(n, n_classes)` of `model` for a data set whose elements are
    images or tuples that begin with images."""
    images = dataset.map(lambda *element: element[0])
    scores = np.asarray(model.predict(images, verbose=0), dtype="float64")
    return scores / scores.sum(axis=1, keepdims=True)  # float32 sums to 1 but for 1e-7
