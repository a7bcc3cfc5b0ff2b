"""The tf_keras twin of a classifier: built, checked, put into an ensemble's place."""

import numpy as np
import tensorflow as tf
import tf_keras

from keras_derm.export.tf_keras.twin_description import TwinLayer


def build_twin(folder, layers):
    """Build the network that `describe_twin` described."""
    outputs = {}
    with np.load(folder / "weights.npz") as weights:
        for layer in map(lambda fields: TwinLayer(**fields), layers):
            built = getattr(tf_keras.layers, layer.kind)(
                name=layer.name, **as_arguments(layer.config)
            )
            if not layer.inputs:
                inputs = outputs[layer.name] = built.output
                continue
            taken = [outputs[name] for name in layer.inputs]
            outputs[layer.name] = built(taken if len(taken) > 1 else taken[0])
            built.set_weights([weights[name] for name in layer.weights])
            built.trainable = layer.trainable
    return tf_keras.Model(inputs, outputs[layers[-1]["name"]])


def as_arguments(config):
    """JSON has lists where Keras wants tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config.items()
    }


def as_member(model, n_views):
    """Function from images of any size to probabilities, as a member of an ensemble.

    What `keras_derm.classifiers.build_ensemble` does for a member, which needs Keras 3.
    """

    def probabilities(images):
        images = resized(images, model)
        if n_views == 1:
            return model(images, training=False)
        outputs = model(symmetric_views(images, n_views), training=False)
        each = tf.reshape(outputs, (n_views, -1, outputs.shape[-1]))
        return tf.reduce_mean(each, axis=0)

    return probabilities


def resized(images, model):
    """Images of the size that the model takes, float32."""
    images, size = tf.cast(images, "float32"), model.input_shape[1:3]
    if tuple(images.shape[1:3]) == size:
        return images
    return tf.image.resize(images, size)


def symmetric_views(images, n_views):
    """The quarter turns, and of eight views the mirror images of them too."""
    turned = tf.transpose(images, (0, 2, 1, 3))
    views = [images, turned[:, ::-1], images[:, ::-1, ::-1], turned[:, :, ::-1]]
    if n_views == 8:
        views += [view[:, :, ::-1] for view in views]
    return tf.concat(views, axis=0)
