"""A learning rate that falls to zero at last."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant at first, then in a straight line to 0.

    Args:
        learning_rate: Learning rate at first.
        constant_steps: Number of steps that it is kept.
        decay_steps: Number of steps in which it then falls to 0.
        warm_up_steps: Of the constant ones, the first in which it rises from 0.

    Raises:
        ValueError: If a number of steps is negative, or `decay_steps` 0.

    Example:
        >>> Adam(LinearDecay(2e-4, constant_steps=100, decay_steps=100))
    """

    def __init__(self, learning_rate, constant_steps, decay_steps, warm_up_steps=0):
        super().__init__()
        if not 0 <= warm_up_steps <= constant_steps or decay_steps < 1:
            raise ValueError(
                "`warm_up_steps` must not be negative nor more than `constant_steps`, "
                "and `decay_steps` be positive. Received: "
                f"warm_up_steps={warm_up_steps}, constant_steps={constant_steps}, "
                f"decay_steps={decay_steps}"
            )
        self.learning_rate = learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps
        self.warm_up_steps = warm_up_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        decayed = (step - self.constant_steps) / self.decay_steps
        rate = self.learning_rate * (1 - ops.clip(decayed, 0.0, 1.0))
        if self.warm_up_steps:
            rate = rate * ops.minimum((step + 1) / self.warm_up_steps, 1.0)
        return rate

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
            "warm_up_steps": self.warm_up_steps,
        }
