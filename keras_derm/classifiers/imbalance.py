"""What is done about rare classes, each way one word."""

from typing import get_args

import keras
import numpy as np
from keras import ops

from keras_derm.settings.kinds import Imbalance

IMBALANCE = get_args(Imbalance)
"""Ways to train on classes of very different size: see `TrainClassifierSettings`."""


@keras.saving.register_keras_serializable(package="keras_derm")
class LogitAdjustedCrossentropy(keras.losses.Loss):
    """Cross-entropy of probabilities after the frequencies of the classes are put in.

    To the log-probabilities of the model the logarithms of the class priors are added
    (times `temperature`) before the softmax of the loss. What the model itself gives
    is thereby free of the priors: its largest probability is the decision of least
    balanced error. Nothing is added at inference. Below a temperature of 1 a part of
    the priors stays in what it gives; `times_frequencies` puts it in afterwards.

    Args:
        priors: Share of each class among the training images, `(n_classes,)`, all
            above 0; they are divided by their sum.
        temperature: Factor of the log-priors; 1 is consistent for the balanced error.
        reduction: As `keras.losses.Loss` takes it.
        name: Name of the loss.

    Call arguments: one-hot targets and probabilities, both `(batch, n_classes)`.

    Raises:
        ValueError: A prior is not above 0.

    Example:
        >>> loss = LogitAdjustedCrossentropy(np.bincount(targets))

    Reference:
        Menon et al., Long-tail learning via logit adjustment, ICLR 2021, equation 10.
    """

    def __init__(
        self,
        priors,
        temperature=1.0,
        reduction="sum_over_batch_size",
        name="logit_adjusted_crossentropy",
    ):
        super().__init__(name=name, reduction=reduction)
        priors = np.asarray(priors, dtype="float64")
        if priors.ndim != 1 or not (priors > 0).all():
            raise ValueError(
                "`priors` must be above 0 for every class: leave out classes without a "
                f"training image. Received: {priors.tolist()}"
            )
        self.priors = (priors / priors.sum()).tolist()
        self.temperature = temperature

    def call(self, y_true, y_pred):
        # No softmax of float32 logits that differ by less than 69 is cut off.
        logits = ops.log(ops.maximum(y_pred, 1e-30))
        logits += self.temperature * ops.log(ops.array(self.priors, logits.dtype))
        return -ops.sum(y_true * ops.log_softmax(logits), axis=-1)

    def get_config(self):
        own = {"priors": self.priors, "temperature": self.temperature}
        return {**super().get_config(), **own}


def class_weights(targets, n_classes):
    """Weight of each class, inverse to its frequency, mean 1 over the samples.

    Args:
        targets: Class indices, shape `(n,)`.
        n_classes: Number of classes.

    Returns:
        float32 `(n_classes,)`: `n / (n_present * count)`; 0 for a class without
        samples. scikit-learn's "balanced".
    """
    counts = np.bincount(np.asarray(targets), minlength=n_classes)
    n_present = np.count_nonzero(counts)
    weights = len(targets) / (n_present * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0.0).astype("float32")


def sample_weights(imbalance, targets, n_classes):
    """Weight of each training image in the loss.

    Args:
        imbalance: One of `IMBALANCE`.
        targets: Class indices of the training images, shape `(n,)`.
        n_classes: Number of classes.

    Returns:
        float32 `(n,)`: the weights of the classes for `"class_weights"`, else 1.
    """
    _known(imbalance)
    if imbalance == "class_weights":
        return class_weights(targets, n_classes)[targets]
    return np.ones(len(targets), "float32")


def smoothed_targets(imbalance, targets, n_classes, share):
    """One-hot targets, a share of each spread over all classes.

    Logit adjustment divides what a network learns by the frequencies of the classes.
    A share spread evenly would come out as a preference for the rare classes, several
    times what it was; so there it is spread by the frequencies, and comes out even.
    It then gives images of frequent classes a floor under each rare class that images
    of rare classes do not have: the AUC of rare classes falls as the network becomes
    sure. Little or no smoothing goes with logit adjustment.

    Args:
        imbalance: One of `IMBALANCE`.
        targets: Class indices of the training images, shape `(n,)`.
        n_classes: Number of classes.
        share: What is spread, in [0, 1).

    Returns:
        float64 `(n, n_classes)`; each row sums to 1.

    Reference:
        Szegedy et al., Rethinking the Inception architecture for computer vision,
        CVPR 2016, section 7.
    """
    _known(imbalance)
    targets = np.asarray(targets)
    spread = np.full(n_classes, 1 / n_classes)
    if imbalance == "logit_adjustment":
        spread = np.bincount(targets, minlength=n_classes) / len(targets)
    return (1 - share) * np.eye(n_classes)[targets] + share * spread


def classification_loss(
    imbalance,
    targets,
    n_classes,
    focal_gamma=2.0,
    focal_alpha=None,
    positive_class=None,
    logit_adjustment=1.0,
):
    """The loss that goes with a way of treating imbalance.

    Args:
        imbalance: One of `IMBALANCE`.
        targets: Class indices of the training images, shape `(n,)`: the priors of
            `"logit_adjustment"`.
        n_classes: Number of classes.
        focal_gamma: Exponent of the focal loss, which counts images that are told apart
            with ease for less: 0 counts all the same.
        focal_alpha: Weight of the positive class in the focal loss, in (0, 1); all
            other classes have `1 - focal_alpha`. None weighs none.
        positive_class: Index of the positive class; needed with `focal_alpha`.
        logit_adjustment: `temperature` of `LogitAdjustedCrossentropy`.

    Returns:
        `keras.losses.Loss` of one-hot targets and probabilities.

    Raises:
        ValueError: The way is unknown, `focal_alpha` is out of range or comes without
            a positive class, or a class has no image for logit adjustment.

    Reference:
        Lin et al., Focal loss for dense object detection, ICCV 2017.
    """
    _known(imbalance)
    if imbalance == "logit_adjustment":
        counts = np.bincount(np.asarray(targets), minlength=n_classes)
        return LogitAdjustedCrossentropy(counts, logit_adjustment)
    if imbalance != "focal":
        return keras.losses.CategoricalCrossentropy()
    alpha = 1.0
    if focal_alpha is not None:
        if positive_class is None or not 0 < focal_alpha < 1:
            raise ValueError(
                "`focal_alpha` must lie between 0 and 1 and needs a task with a "
                f"positive class. Received: {focal_alpha} with {positive_class}"
            )
        alpha = [1 - focal_alpha] * n_classes
        alpha[positive_class] = focal_alpha
    return keras.losses.CategoricalFocalCrossentropy(alpha=alpha, gamma=focal_gamma)


def _known(imbalance):
    if imbalance not in IMBALANCE:
        raise ValueError(
            f"`imbalance` must be one of {', '.join(IMBALANCE)}. "
            f"Received: {imbalance!r}"
        )
