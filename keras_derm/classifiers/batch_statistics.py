"""Statistics of batch normalisation that belong to the weights."""

import contextlib

import keras
import numpy as np

N_BATCHES = 30


@contextlib.contextmanager
def statistics_measured(model, batches):
    """Within this context the moving statistics are measured anew with the weights.

    Averages of weights are a network that has never seen a batch: the moving
    statistics are those of the weights that made the steps, and with them whole
    classes are named too often or too seldom.

    Args:
        model: Classifier; layers that do not train keep their statistics.
        batches: Iterable of `(images, ...)`, as the network is trained on.

    Reference:
        Izmailov et al., Averaging weights leads to wider optima and better
        generalization, UAI 2018, section 3.2.
    """
    layers = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    before = [
        [np.asarray(value) for value in (layer.moving_mean, layer.moving_variance)]
        for layer in layers
    ]
    momenta = [layer.momentum for layer in layers]
    try:
        for n_seen, (images, *_) in enumerate(batches if layers else ()):
            for layer in layers:
                layer.momentum = n_seen / (n_seen + 1)  # the mean over the batches
            model(images, training=True)
        yield
    finally:
        for layer, momentum, (mean, variance) in zip(
            layers, momenta, before, strict=True
        ):
            layer.momentum = momentum
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
