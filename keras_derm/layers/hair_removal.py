"""Hair removal by black-hat morphology and inpainting."""

import functools

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer
from keras_derm.layers.morphology import (
    cross_black_hat,
    cross_dilation,
    length_scale,
    longest_line_opening,
    odd_size,
    square_black_hat,
    square_dilation,
)
from keras_derm.layers.pyramid_fill import pyramid_fill
from keras_derm.preparations.hair import (
    EDGE_SHARE,
    GREY_WEIGHTS,
    HAIRS,
    N_DIRECTIONS,
)

METHODS = ("oriented", "published")


@keras.saving.register_keras_serializable(package="keras_derm")
class HairRemoval(ImageLayer):
    """Find hairs and paint them over.

    `method="oriented"` (default) looks for what hairs are: thin, long and straight
    for a while. Black-hat (dark hairs, in red, where melanin absorbs least and
    lesions are faintest) and top-hat (fair and grey hairs, in blue, where skin is
    darkest) with small squares of two widths keep thin structures; openings with
    lines in twelve directions keep those that go on for 15 or 30 pixels of 224, so
    that pigment network and dots stay. Lengths grow with the short side of the
    image.

    `method="published"` is the procedure of the sn_gan_ensemble system: grey image,
    black-hat with a cross-shaped kernel, threshold. Its mask equals OpenCV's on
    uint8 images. It finds dark hairs alone and takes dark dots, network and the
    borders of lesions for hair.

    Both paint with a push-pull pyramid fill, which unlike Telea's march runs on a
    GPU and draws no streaks.

    Args:
        method: `"oriented"` or `"published"`.
        kernel_size: Side of the published cross in pixels, odd, 3 or more; 17
            belongs to 224-pixel images, see `scaled_kernel_size` for others.
        threshold: Published black-hat response above which a pixel is hair, in
            levels of 255.
        sensitivity: Factor on the responses of the oriented method: above 1 finds
            fainter hairs and more that are none.

    Example:
        >>> layer = HairRemoval()
        >>> clean = layer(images)

    Reference:
        Lee et al., Dullrazor, Computers in Biology and Medicine 27, 1997 (black-hat
        with lines).
    """

    def __init__(
        self,
        method="oriented",
        kernel_size=17,
        threshold=10,
        sensitivity=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if method not in METHODS:
            raise ValueError(f"`method` must be one of {METHODS}. Received: {method!r}")
        if kernel_size < 3 or kernel_size % 2 != 1:
            raise ValueError(
                f"`kernel_size` must be odd and 3 or more. Received: {kernel_size}"
            )
        if not 0 <= threshold <= 255:
            raise ValueError(
                f"`threshold` must be within [0, 255]. Received: {threshold}"
            )
        if not sensitivity > 0:
            raise ValueError(f"`sensitivity` must be above 0. Received: {sensitivity}")
        self.method = method
        self.kernel_size = int(kernel_size)
        self.threshold = threshold
        self.sensitivity = float(sensitivity)

    def mask(self, images):
        """Return the hair mask, (batch, height, width, 1), bool."""
        return self._find(images)[2]

    def stages(self, images):
        """Return the pictures of every step.

        Returns:
            Dict of `grey` and `black_hat`, (batch, height, width, 1), float32 in
            [0, 255]; `mask`, the same shape, bool; `result`, the images without
            hair. The oriented method gives red for grey and its greatest line
            response for the black-hat.
        """
        images = tf.cast(images, tf.float32)
        grey, black_hat, mask = self._find(images)
        return {
            "grey": tf.cast(grey, tf.float32),
            "black_hat": tf.cast(black_hat, tf.float32),
            "mask": mask,
            "result": self._fill(images, mask),
        }

    def transform(self, images, training):
        return self._fill(images, self.mask(images))

    def _fill(self, images, mask):
        if self.method == "oriented":
            # The lens blurs a hair over its neighbours: they are no source of paint.
            grown = cross_dilation(tf.cast(mask[..., 0], tf.uint8), 3)
            mask = grown[..., None] > 0
        return pyramid_fill(images, mask)

    def _find(self, images):
        images = tf.stop_gradient(tf.cast(images, tf.float32))
        find = self._published if self.method == "published" else self._oriented
        return [picture[..., None] for picture in find(images)]

    def _published(self, images):
        grey = _levels(tf.tensordot(images, tf.constant(GREY_WEIGHTS), axes=1))
        black_hat = cross_black_hat(grey, self.kernel_size)
        return grey, black_hat, _above(black_hat, self.threshold)

    def _oriented(self, images):
        red, blue = _levels(images[..., 0]), _levels(images[..., 2])
        scale = length_scale(images)
        masks, responses = [], []
        for channel, dark, width, length, least in HAIRS:
            picture = red if channel == "red" else blue
            thin = square_black_hat(
                picture if dark else 255 - picture, odd_size(width * scale)
            )
            along = longest_line_opening(thin, length * scale, N_DIRECTIONS)
            hair = _above(along, least / self.sensitivity)
            # A line ends before its hair does, and is thinner: take in what touches.
            beside = square_dilation(tf.cast(hair, tf.uint8), 3) > 0
            beside &= _above(thin, EDGE_SHARE * least / self.sensitivity)
            masks.append(beside)
            responses.append(along)
        mask = tf.reduce_any(tf.stack(masks), axis=0)
        return red, functools.reduce(tf.maximum, responses), mask


def _levels(picture):
    """Return a picture in whole levels, uint8."""
    return tf.cast(tf.round(tf.clip_by_value(picture, 0, 255)), tf.uint8)


def _above(levels, threshold):
    """Whether whole levels are above a number that need not be whole."""
    return levels > tf.constant(min(int(threshold), 255), tf.uint8)
