"""Standardisation by the channel statistics of ImageNet."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)


@keras.saving.register_keras_serializable(package="keras_derm")
class ImageNetNormalization(ImageLayer):
    """Give each channel the scale that PyTorch's ImageNet networks were trained on.

    (x / 255 - mean) / standard deviation, with the means 0.485, 0.456, 0.406 and the
    deviations 0.229, 0.224, 0.225 of red, green and blue: what
    `keras.applications.imagenet_utils.preprocess_input(mode="torch")` does. The one
    image layer whose result is not within [0, 255]: it stands last in a chain. The
    classifiers of this package scale their input themselves and need none.

    Example:
        >>> inputs = ImageNetNormalization()(images)
    """

    def transform(self, images, training):
        return (images / 255.0 - tf.constant(MEAN)) / tf.constant(STANDARD_DEVIATION)
