"""Pruning and clustering of weights with TF-MOT."""

from functools import partial

import tensorflow_model_optimization as tfmot
import tf_keras

from keras_derm.export.tf_keras.fine_tuning import inner
from keras_derm.export.tf_keras.twin_description import SCALING


def pruning(job):
    """Remove the smallest weights of convolutions and dense layers step by step."""
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=job["sparsity"],
        begin_step=0,
        end_step=max(1, int(0.6 * job["n_steps"])),
        frequency=max(1, job["n_steps"] // 30),
    )

    wrap = partial(tfmot.sparsity.keras.prune_low_magnitude, pruning_schedule=schedule)
    return (
        partial(with_wrapped_kernels, wrap=wrap),
        tfmot.sparsity.keras.strip_pruning,
        [tfmot.sparsity.keras.UpdatePruningStep()],
    )


def clustering(job):
    """Let the weights of a layer share a few values that learn."""
    keras_clustering = tfmot.clustering.keras
    wrap = partial(
        keras_clustering.cluster_weights,
        number_of_clusters=job["n_clusters"],
        cluster_centroids_init=keras_clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
    )
    prepare = partial(with_wrapped_kernels, wrap=wrap)
    return prepare, keras_clustering.strip_clustering, []


def with_wrapped_kernels(twin, wrap):
    """Copy of the twin with its convolutions and dense layers wrapped.

    Depthwise kernels stay: they are few, and the network depends on each.
    """

    def wrapped(layer):
        copy = type(layer).from_config(layer.get_config())
        kinds = tf_keras.layers.Conv2D, tf_keras.layers.Dense
        if type(layer) not in kinds or layer.name == SCALING:
            return copy
        copy.build(layer.input_shape)
        copy.set_weights(layer.get_weights())
        return wrap(copy)

    model = tf_keras.models.clone_model(twin, clone_function=wrapped)
    for layer in twin.layers:
        copy = next(other for other in model.layers if inner(other).name == layer.name)
        if copy is inner(copy):
            copy.set_weights(layer.get_weights())
    return model
