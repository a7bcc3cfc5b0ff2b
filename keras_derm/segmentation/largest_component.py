"""One lesion, in one piece, without holes."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_derm")
class LargestComponent(keras.layers.Layer):
    """Keep the largest connected area of a mask, and fill its holes.

    Areas are connected over sides and corners. Each pixel of the mask takes the
    largest number among its neighbours until nothing changes: then all of an area
    have one number. Holes are what the outside, going inwards from the border over
    sides alone, does not reach.

    Args:
        threshold: Probability above which a pixel is lesion.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input:
        Probabilities `(batch, height, width, 1)`, of one size within the batch.

    Output:
        float32, 0 or 1, of the same shape; all 0 where no pixel is above the threshold.

    Example:
        >>> masks = LargestComponent()(probabilities)
    """

    def __init__(self, threshold=0.5, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def call(self, inputs):
        mask = tf.cast(tf.cast(inputs, tf.float32) > self.threshold, tf.float32)
        shape = tf.shape(mask)
        n_pixels = shape[1] * shape[2]
        numbers = tf.reshape(tf.range(1, n_pixels + 1), (1, shape[1], shape[2], 1))
        areas = _spread(tf.cast(numbers, tf.float32) * mask, mask, _square)
        largest = tf.reshape(_commonest(areas, n_pixels), (-1, 1, 1, 1))
        area = tf.cast((areas == largest) & (mask > 0), tf.float32)
        around = tf.pad(1 - area, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1.0)
        seed = tf.zeros_like(around)
        seed += tf.pad(
            tf.zeros_like(area), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1.0
        )
        outside = _spread(seed, around, _cross)
        return 1 - outside[:, 1:-1, 1:-1]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"threshold": self.threshold}


def _spread(values, mask, neighbours):
    """Let the largest value of each area of the mask reach all of it."""

    def step(values, _):
        grown = neighbours(values) * mask
        return grown, tf.reduce_any(grown != values)

    grown, _ = tf.while_loop(
        lambda values, changes: changes, step, (values, tf.constant(True))
    )
    return grown


def _square(values):
    return tf.nn.max_pool2d(values, 3, 1, "SAME")


def _cross(values):
    across = tf.nn.max_pool2d(values, (1, 3), 1, "SAME")
    return tf.maximum(across, tf.nn.max_pool2d(values, (3, 1), 1, "SAME"))


def _commonest(areas, n_pixels):
    """Number of the largest area of each image, `(batch,)`, float32."""
    n_images = tf.shape(areas)[0]
    numbers = tf.cast(tf.reshape(areas, (n_images, n_pixels)), tf.int32)
    # All images at once, by operations that LiteRT has.
    offsets = tf.range(n_images)[:, None] * (n_pixels + 1)
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(numbers), numbers + offsets, n_images * (n_pixels + 1)
    )
    counts = tf.reshape(counts, (n_images, n_pixels + 1))[:, 1:]
    return tf.cast(tf.argmax(counts, axis=-1) + 1, tf.float32)


def with_outline(model, threshold=0.5):
    """A segmenter that gives the lesion itself, in one graph.

    Args:
        model: Segmenter, RGB images in [0, 255] to probabilities of lesion.
        threshold: Probability above which a pixel is lesion.

    Returns:
        Functional `keras.Model` from the same images to a dict of `probabilities` and
        `mask`, both `(batch, side, side, 1)`; the mask is 0 or 1, of one area without
        holes.
    """
    mask = LargestComponent(threshold, name="mask")(model.output)
    outputs = {"probabilities": model.output, "mask": mask}
    return keras.Model(model.inputs[0], outputs, name=f"{model.name}_outline")
