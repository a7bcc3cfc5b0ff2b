"""How much each member of an ensemble counts."""

import keras
import numpy as np
from scipy.optimize import minimize

_TINY = 1e-12


@keras.saving.register_keras_serializable(package="keras_derm")
class WeightedAverage(keras.layers.Layer):
    """Weighted mean of tensors of one shape.

    Args:
        weights: Weight of each tensor, not negative, with the sum 1; at least two.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: The weights are not on the simplex.

    Example:
        >>> mean = WeightedAverage([0.75, 0.25])([probabilities, others])
    """

    def __init__(self, weights, **kwargs):
        super().__init__(**kwargs)
        self.weights_of_members = checked_weights(weights)

    def call(self, inputs):
        pairs = zip(self.weights_of_members, inputs, strict=True)
        return sum(weight * tensor for weight, tensor in pairs)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_of_members}


def checked_weights(weights, n_members=None):
    """Return weights on the simplex as a list of float.

    Args:
        weights: One number a member.
        n_members: How many there must be, or None for any.

    Raises:
        ValueError: One is negative, their sum is not 1, or their number is another.
    """
    values = np.asarray(weights, dtype="float64")
    right = values.ndim == 1 and len(values) == (n_members or len(values))
    if not right or (values < 0).any() or abs(values.sum() - 1) > 1e-6:
        raise ValueError(
            "`weights` must be one number a member, none below 0, with the sum 1. "
            f"Received: {values.tolist()}"
            + (f" for {n_members} members" if n_members else "")
        )
    return values.tolist()


def fit_ensemble_weights(targets, probabilities):
    """Weights of the members with the least log-loss of their weighted mean.

    The loss is convex in the weights, so that there is no other minimum. Fit on
    validation images: on those trained on, the member that fits them most gets all.

    Args:
        targets: Class indices, shape `(n,)`.
        probabilities: `(n_members, n, n_classes)`: what each member gives.

    Returns:
        float64 `(n_members,)`, not negative, with the sum 1.

    Raises:
        ValueError: The shapes do not belong together.
    """
    targets, probabilities = np.asarray(targets), np.asarray(probabilities, "float64")
    if probabilities.ndim != 3 or probabilities.shape[1] != len(targets):
        raise ValueError(
            "`probabilities` must be (n_members, n, n_classes) for n targets. "
            f"Received: {probabilities.shape} for {len(targets)}"
        )
    n_members = len(probabilities)
    of_truth = probabilities[:, np.arange(len(targets)), targets]

    def loss(weights):
        mean = np.maximum(weights @ of_truth, _TINY)
        return -np.log(mean).mean(), -(of_truth / mean).mean(axis=1)

    found = minimize(
        loss,
        np.full(n_members, 1 / n_members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * n_members,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = np.clip(found.x, 0, 1)
    return weights / weights.sum()
