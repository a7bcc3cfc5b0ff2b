"""Networks whose weights are moving averages of those that are trained."""

import keras
import tensorflow as tf


def averaged_copy(network):
    """A network of the same weights, which no optimizer moves."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def move_average(average, network, share):
    """Move averaged weights towards those that are trained, on all replicas.

    Moving statistics of normalisation are averages already, and are taken over.

    Args:
        average: What `averaged_copy` gave of `network`.
        network: Network that is trained.
        share: Part of the way to go, in [0, 1]: a number or scalar tensor.
    """

    def move(strategy):
        for averaged, weight in zip(average.weights, network.weights, strict=True):
            strategy.extended.update(
                averaged.value,
                lambda variable, value, part: variable.assign_add(
                    part * (value - variable)
                ),
                args=(weight.value, share if weight.trainable else 1.0),
            )

    tf.distribute.get_replica_context().merge_call(move)
