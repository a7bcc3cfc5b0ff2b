"""Optimizers and the rules by which a training slows down and ends."""

import keras
import numpy as np

OPTIMIZERS = ("adamw", "adam", "adadelta")
SCHEDULES = ("cosine", "plateau", "constant")
MONITORS = {"val_auc": max, "val_accuracy": max, "val_loss": min}
"""Figures of each epoch that may be watched, and which of two is the better one."""

MIN_DELTA = 1e-4
"""Less than this is no progress for a plateau, as `keras.callbacks` has it."""


@keras.saving.register_keras_serializable(package="keras_derm")
class CoupledAdam(keras.optimizers.Adam):
    """Adam in which weight decay is part of the gradient.

    `keras.optimizers.Adam(weight_decay=...)` shrinks the weights beside the step, which
    is AdamW. Where a publication says Adam with weight decay, the penalty mostly goes
    through Adam's moments, as in PyTorch; the gradient is clipped before it is added.

    Args:
        l2: Weight decay: this times a weight is added to its gradient.
        **kwargs: Arguments of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate=0.001, l2=0.0, name="coupled_adam", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        penalty = self.l2 * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient + penalty, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}


@keras.saving.register_keras_serializable(package="keras_derm")
class CountingLossScale(keras.optimizers.LossScaleOptimizer):
    """Loss scaling for float16 that counts the steps it leaves out, too.

    A step whose gradients overflow changes no weights, and the inner optimizer does not
    count it; a training that goes on where it was must, for its batch has been used.

    Args:
        inner_optimizer: `keras.optimizers.Optimizer` that makes the steps.
        **kwargs: Arguments of `keras.optimizers.LossScaleOptimizer`.
    """

    @property
    def iterations(self):
        return self._iterations

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        self._iterations.assign_add(1)


def build_optimizer(
    name,
    learning_rate,
    weight_decay=0.0,
    clip_norm=1.0,
    ema_momentum=None,
    precision="float32",
):
    """The optimizer of a recipe.

    Args:
        name: `"adamw"`; `"adam"`, whose weight decay goes through the gradient; or
            `"adadelta"`, with a decay rate of 0.95.
        learning_rate: Float or schedule.
        weight_decay: Weight decay, 0 for none.
        clip_norm: Largest global norm of the gradient, None or 0 for any.
        ema_momentum: Share of the moving average of the weights that a step keeps, in
            (0, 1); None for no average.
        precision: Dtype policy of the model; mixed_float16 has the loss scaled.

    Returns:
        `keras.optimizers.Optimizer`, whose `iterations` are all steps made.

    Raises:
        ValueError: The name is unknown.

    Reference:
        Loshchilov and Hutter, ICLR 2019 (AdamW); Kingma and Ba, ICLR 2015 (Adam);
        Zeiler, arXiv:1212.5701 (Adadelta).
    """
    if precision == "mixed_float16":
        settings = (learning_rate, weight_decay, clip_norm, ema_momentum)
        return CountingLossScale(build_optimizer(name, *settings))
    options = {"global_clipnorm": clip_norm or None}
    if ema_momentum is not None:
        options |= {"use_ema": True, "ema_momentum": ema_momentum}
    if name == "adamw":
        return keras.optimizers.AdamW(
            learning_rate, weight_decay=weight_decay, **options
        )
    if name == "adam":
        return CoupledAdam(learning_rate, l2=weight_decay, **options)
    if name == "adadelta":
        return keras.optimizers.Adadelta(
            learning_rate, weight_decay=weight_decay or None, **options
        )
    raise ValueError(
        f"`optimizer` must be one of {', '.join(OPTIMIZERS)}. Received: {name!r}"
    )


def warm_cosine(learning_rate, n_steps, warmup_fraction):
    """Linear warm-up from a 25th of the learning rate, then a cosine decay to 0.

    Args:
        learning_rate: Peak.
        n_steps: Steps in all.
        warmup_fraction: Part of all steps spent warming up.

    Returns:
        `keras.optimizers.schedules.CosineDecay`.
    """
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(1, int(n_steps * (1 - warmup_fraction))),
        warmup_target=learning_rate,
        warmup_steps=max(1, int(n_steps * warmup_fraction)),
    )


def plateau_learning_rate(values, monitor, learning_rate, factor, patience, minimum):
    """Learning rate after epochs that gave these values.

    A function of the history alone, so that a training that was stopped goes on with
    the rate it would have had.

    Args:
        values: Monitored figure of each epoch so far.
        monitor: A name in `MONITORS`.
        learning_rate: Rate at the beginning.
        factor: What the rate is multiplied by.
        patience: Epochs without progress after which it is.
        minimum: Rate below which it does not fall.

    Returns:
        Float, as `keras.callbacks.ReduceLROnPlateau` would have set it.
    """
    better, best, waited = MONITORS[monitor], None, 0
    for value in values:
        if best is None or _improves(value, best, better, MIN_DELTA):
            best, waited = value, 0
            continue
        waited += 1
        if waited >= patience:
            learning_rate, waited = max(learning_rate * factor, minimum), 0
    return learning_rate


def epochs_since_best(values, monitor):
    """Number of epochs since the monitored figure was at its best, 0 for none.

    Args:
        values: Monitored figure of each epoch so far.
        monitor: A name in `MONITORS`.
    """
    better, best, at = MONITORS[monitor], None, -1
    for epoch, value in enumerate(values):
        if best is None or _improves(value, best, better, 0.0):
            best, at = value, epoch
    return len(values) - 1 - at if best is not None else 0


def _improves(value, best, better, min_delta):
    if np.isnan(best):
        return not np.isnan(value)
    return value > best + min_delta if better is max else value < best - min_delta
