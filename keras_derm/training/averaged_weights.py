"""Judge and keep the moving averages of the weights."""

import keras

from keras_derm.training.batch_statistics import N_BATCHES, BatchStatistics


class EvaluateAveragedWeights(keras.callbacks.Callback):
    """Run other callbacks after each epoch on the moving averages of the weights.

    The training itself goes on with the weights it had, and with their statistics of
    batch normalisation; the averages have statistics of their own.

    Args:
        images: `tf.data.Dataset` of batches `(images, ...)`, the first of which the
            statistics are measured on.
        *callbacks: Those that measure and keep the model; of their methods
            `on_epoch_end` alone is called.

    Example:
        >>> EvaluateAveragedWeights(train, scores, best_model)
    """

    def __init__(self, images, *callbacks):
        super().__init__()
        self.batches, self.callbacks = images.take(N_BATCHES), callbacks
        self.swap = keras.callbacks.SwapEMAWeights()

    def set_model(self, model):
        super().set_model(model)
        self.statistics = BatchStatistics(model)
        for callback in (self.swap, *self.callbacks):
            callback.set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        self.swap.on_test_begin()
        try:
            with self.statistics.measured(self.batches):
                for callback in self.callbacks:
                    callback.on_epoch_end(epoch, logs)
        finally:
            self.swap.on_test_end()
