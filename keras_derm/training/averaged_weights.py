"""Moving averages of the weights, judged with statistics that belong to them."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

N_BATCHES = 30
"""Batches that the statistics are measured on; those of an epoch where it has fewer."""


class BatchStatistics:
    """Measure the moving statistics of batch normalisation anew with the weights.

    Averages of weights are a network that has never seen a batch: the moving
    statistics are those of the weights that made the steps, and with them whole
    classes are named too often or too seldom.

    Args:
        model: Functional model, perhaps of nested ones; layers that do not train keep
            their statistics.

    Example:
        >>> with BatchStatistics(model).measured(train.take(30)):
        ...     probabilities = predict_probabilities(model, validation)

    Reference:
        Izmailov et al., Averaging weights leads to wider optima and better
        generalization, UAI 2018, section 3.2. Touvron et al., Fixing the train-test
        resolution discrepancy, NeurIPS 2019, section 3: augmentation changes the
        statistics, which should be those of images as they are in use.
    """

    def __init__(self, model):
        self.layers = [
            layer
            for layer in model._flatten_layers(include_self=False)
            if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        ]
        pairs = [(one.moving_mean, one.moving_variance) for one in self.layers]
        self.statistics = sum(pairs, ())
        self.forward = tf.function(  # a graph keeps no feature map longer than needed
            lambda images: model(images, training=True), reduce_retracing=True
        )

    @contextlib.contextmanager
    def measured(self, batches):
        """Set each statistic to its mean over the batches within this context.

        Args:
            batches: Iterable of `(images, ...)`, training images as they are in use.
        """
        before, momenta = self._values(), [layer.momentum for layer in self.layers]
        try:
            for layer in self.layers:
                layer.momentum = 0  # what is left is the statistic of the last batch
            seen = []
            for images, *_ in batches if self.layers else ():
                self.forward(images)
                seen.append(self._values())
            if seen:
                by_statistic = zip(*seen, strict=True)
                self._assign([np.mean(values, axis=0) for values in by_statistic])
            yield
        finally:
            for layer, momentum in zip(self.layers, momenta, strict=True):
                layer.momentum = momentum
            self._assign(before)

    def _values(self):
        return [np.asarray(variable) for variable in self.statistics]

    def _assign(self, values):
        for variable, value in zip(self.statistics, values, strict=True):
            variable.assign(value)


class EvaluateAveragedWeights(keras.callbacks.Callback):
    """Run other callbacks after each epoch on the moving averages of the weights.

    The training itself goes on with the weights it had, and with their statistics of
    batch normalisation; the averages have statistics of their own.

    Args:
        images: `tf.data.Dataset` of batches `(images, ...)`, the first of which the
            statistics are measured on.
        steps_per_epoch: Batches that an epoch has.
        *callbacks: Those that measure and keep the model; of their methods
            `on_epoch_end` alone is called.

    Example:
        >>> EvaluateAveragedWeights(train, 200, scores, best_model)
    """

    def __init__(self, images, steps_per_epoch, *callbacks):
        super().__init__()
        self.batches = images.take(min(N_BATCHES, steps_per_epoch))
        self.callbacks = callbacks
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
