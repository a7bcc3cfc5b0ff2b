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

    Raises:
        ValueError: If a number of steps is negative, or `decay_steps` 0.

    Example:
        >>> Adam(LinearDecay(2e-4, constant_steps=100, decay_steps=100))
    """

    def __init__(self, learning_rate, constant_steps, decay_steps):
        super().__init__()
        if constant_steps < 0 or decay_steps < 1:
            raise ValueError(
                "`constant_steps` must not be negative and `decay_steps` be positive. "
                f"Received: constant_steps={constant_steps}, decay_steps={decay_steps}"
            )
        self.learning_rate = learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        decayed = (ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.learning_rate * (1 - ops.clip(decayed, 0.0, 1.0))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }
