"""The random numbers of an epoch, the same when training is resumed."""

import keras
import numpy as np


class EpochSeed(keras.callbacks.Callback):
    """Let the random layers of a model begin each epoch with that epoch's seed.

    The state of their generators is not saved with the model, so a training that is
    resumed would draw other numbers.

    Args:
        workers: `Workers`, each of which draws numbers of its own, or None.

    Example:
        >>> model.fit(train, epochs=3, callbacks=[EpochSeed()])
    """

    def __init__(self, workers=None):
        super().__init__()
        self.index, self.count = (workers.index, workers.count) if workers else (0, 1)

    def on_train_begin(self, logs=None):
        self.states = [
            variable
            for variable in self.model.variables
            if "seed_generator_state" in variable.path
        ]
        self.seeds = [int(np.asarray(state)[0]) for state in self.states]

    def on_epoch_begin(self, epoch, logs=None):
        for state, seed in zip(self.states, self.seeds, strict=True):
            begin = (epoch * self.count + self.index) << 20
            state.assign([seed, begin % (1 << 32)])
