"""The views of an image under which no lesion changes its diagnosis."""

import keras


@keras.saving.register_keras_serializable(package="keras_derm")
class SymmetricViews(keras.layers.Layer):
    """The eight flips and quarter turns of square images, one batch after the other.

    Call arguments: images `(batch, side, side, channels)`.

    Returns:
        `(8 * batch, side, side, channels)`; the images as they are come first.

    Example:
        >>> views = SymmetricViews()(images)
    """

    def call(self, images):
        views = [images, keras.ops.transpose(images, (0, 2, 1, 3))]
        # Slices, not ops.flip, which TFLite may quantise by a wrong scale.
        views += [view[:, ::-1] for view in views]
        views += [view[:, :, ::-1] for view in views]
        return keras.ops.concatenate(views, axis=0)

    def compute_output_shape(self, input_shape):
        batch, *rest = input_shape
        return (None if batch is None else 8 * batch, *rest)
