import keras
import numpy as np
import pytest

from keras_derm.training import build_optimizer
from keras_derm.training.schedules import (
    epochs_since_best,
    plateau_learning_rate,
    warm_cosine,
)

SEQUENCES = [
    [0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.65, 0.65],
    [0.5, 0.50005, 0.5001, 0.50015, 0.5002, 0.9],
    [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
    [float("nan"), 0.5, float("nan"), 0.4, 0.3, 0.6],
]


class Recorded:
    """What `keras.callbacks` needs of a model."""

    def __init__(self, learning_rate):
        self.optimizer = keras.optimizers.SGD(learning_rate)
        self.stop_training = False


@pytest.mark.parametrize("direction", ["max", "min"])
@pytest.mark.parametrize("values", SEQUENCES[:3])
@pytest.mark.parametrize("patience", [1, 3])
def test_plateau_is_that_of_keras(values, direction, patience):
    callback = keras.callbacks.ReduceLROnPlateau(
        "watched",
        factor=0.5,
        patience=patience,
        min_lr=2e-3,
        mode=direction,
    )
    callback.set_model(Recorded(0.01))
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"watched": value})
        expected = float(callback.model.optimizer.learning_rate)
        found = plateau_learning_rate(
            values[: epoch + 1], direction, 0.01, 0.5, patience, 2e-3
        )
        assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("values", SEQUENCES[:3])
def test_early_stopping_is_that_of_keras(values):
    callback = keras.callbacks.EarlyStopping("val_auc", patience=2, mode="max")
    callback.set_model(Recorded(0.01))
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_auc": value})
        since = epochs_since_best(values[: epoch + 1], "max")
        assert (since >= 2) == callback.model.stop_training
        if callback.model.stop_training:
            return


def test_undefined_figures_are_no_progress():
    assert epochs_since_best(SEQUENCES[3], "max") == 0
    assert epochs_since_best(SEQUENCES[3][:-1], "max") == 3
    assert epochs_since_best([], "max") == 0


def step(optimizer, weights, gradients):
    variable = keras.Variable(np.array(weights, "float32"))
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.array(gradient, "float32")])
    return np.asarray(variable)


def test_weight_decay_of_adam_goes_through_its_moments():
    """Kingma and Ba's algorithm 1 on the gradient of loss + l2 / 2 * |w|^2."""
    rate, decay, first, second = 0.1, 0.01, 0.0, 0.0
    w = np.array([1.0, -2.0])
    gradients = [[0.3, 0.1], [-0.2, 0.4], [0.1, 0.1]]
    for t, gradient in enumerate(gradients, start=1):
        g = np.array(gradient) + decay * w
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        corrected = np.sqrt(second / (1 - 0.999**t))
        w = w - rate * first / (1 - 0.9**t) / (corrected + 1e-7)
    found = step(build_optimizer("adam", rate, decay, None), [1.0, -2.0], gradients)
    np.testing.assert_allclose(found, w, rtol=1e-4)


def test_decay_of_adamw_does_not_depend_on_the_gradient():
    found = step(build_optimizer("adamw", 0.1, 0.01), [1.0, -2.0], [[0.0, 0.0]])
    np.testing.assert_allclose(found, [0.999, -1.998], rtol=1e-6)


def test_gradient_is_clipped_by_its_global_norm():
    """Adadelta's first step depends on the size of the gradient that reaches it."""
    steps = {
        norm: step(build_optimizer("adadelta", 1.0, 0.0, norm), [0.0, 0.0], [[3, 4]])
        for norm in (1.0, None)
    }
    for norm, g in ((1.0, np.array([0.6, 0.8])), (None, np.array([3.0, 4.0]))):
        expected = -np.sqrt(1e-7) / np.sqrt(0.05 * g**2 + 1e-7) * g
        np.testing.assert_allclose(steps[norm], expected, rtol=1e-4)


def test_coupled_adam_is_saved_with_its_weight_decay():
    optimizer = build_optimizer("adam", warm_cosine(1e-3, 100, 0.1), 0.03)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.l2 == 0.03 and again.global_clipnorm == 1.0


def test_cosine_warms_up_and_ends_at_nothing():
    schedule = warm_cosine(0.1, 100, 0.1)
    rates = [float(schedule(step)) for step in (0, 10, 55, 100)]
    np.testing.assert_allclose(rates, [0.004, 0.1, 0.05, 0.0], atol=1e-6)
