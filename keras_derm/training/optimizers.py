"""Optimizers with the weight decay and the clipping of a recipe."""

import keras


@keras.saving.register_keras_serializable(package="keras_derm")
class CoupledAdam(keras.optimizers.Adam):
    """Adam in which weight decay is part of the gradient.

    `keras.optimizers.Adam(weight_decay=...)` shrinks the weights beside the step, which
    is AdamW. Where a publication says Adam with weight decay, the penalty mostly goes
    through Adam's moments, as in PyTorch; the gradient is clipped before it is added.

    Args:
        l2: Weight decay: this times a weight is added to its gradient.
        **kwargs: Arguments of `keras.optimizers.Adam`.

    Example:
        >>> model.compile(CoupledAdam(1e-3, l2=1e-4), "categorical_crossentropy")
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
    """Loss scaling for float16 that also counts the steps it leaves out.

    A step whose gradients overflow changes no weights, and the inner optimizer does not
    count it. A training that is resumed must: the batch of that step has been used.

    Args:
        inner_optimizer: `keras.optimizers.Optimizer` that makes the steps.
        **kwargs: Arguments of `keras.optimizers.LossScaleOptimizer`.

    Example:
        >>> optimizer = CountingLossScale(keras.optimizers.AdamW(1e-3))
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
    """Build an optimizer by its name.

    Args:
        name, clip_norm, ema_momentum: `optimizer` and the others as in
            `OptimizationSettings`; the decay rate of adadelta is 0.95.
        learning_rate: Float or schedule.
        weight_decay: Weight decay, 0 for none.
        precision: Dtype policy of the model; mixed_float16 has the loss scaled.

    Returns:
        `keras.optimizers.Optimizer`, whose `iterations` are all steps made.

    Raises:
        ValueError: The name is unknown.

    Reference:
        Loshchilov and Hutter, ICLR 2019 (AdamW); Kingma and Ba, ICLR 2015 (Adam);
        Zeiler, arXiv:1212.5701 (Adadelta).
    """
    options = {"global_clipnorm": clip_norm or None}
    if ema_momentum is not None:
        options |= {"use_ema": True, "ema_momentum": ema_momentum}
    known = {
        "adamw": (keras.optimizers.AdamW, {"weight_decay": weight_decay}),
        "adam": (CoupledAdam, {"l2": weight_decay}),
        "adadelta": (keras.optimizers.Adadelta, {"weight_decay": weight_decay or None}),
    }
    if name not in known:
        raise ValueError(
            f"`optimizer` must be one of {', '.join(known)}. Received: {name!r}"
        )
    kind, decay = known[name]
    optimizer = kind(learning_rate, **decay, **options)
    return CountingLossScale(optimizer) if precision == "mixed_float16" else optimizer
