"""What an epoch of a classifier is judged by."""

import keras
import numpy as np

from keras_derm.classifiers import classification_objective
from keras_derm.settings.train_classifier import MONITORS


def test_loss_that_is_trained_is_a_score_beside_the_cross_entropy():
    loss = keras.losses.CategoricalFocalCrossentropy(alpha=[0.75, 0.25], gamma=2.0)
    objective = classification_objective(loss)
    targets = np.eye(2)[[0, 0, 1, 1]]
    positive = np.array([0.1, 0.4, 0.3, 0.8])
    found = objective.scores(targets, np.stack([1 - positive, positive], axis=1))
    right = np.where(targets[:, 1] == 1, positive, 1 - positive)
    alpha = np.where(targets[:, 1] == 1, 0.25, 0.75)
    focal = -alpha * (1 - right) ** 2 * np.log(right)  # equation 6 of melanet
    np.testing.assert_allclose(found["val_training_loss"], focal.mean(), rtol=1e-5)
    np.testing.assert_allclose(found["val_loss"], -np.log(right).mean(), rtol=1e-6)
    assert set(objective.monitors) == set(MONITORS) <= set(found)
    assert objective.direction("val_training_loss") == "min"
