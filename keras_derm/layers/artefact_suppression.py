"""Find rulers, ink, gel bubbles and dark corners, and paint them over."""

import keras
import tensorflow as tf

from keras_derm.layers.colour_spaces import rgb_to_lab
from keras_derm.layers.image_layer import ImageLayer
from keras_derm.layers.morphology import (
    length_scale,
    odd_size,
    square_black_hat,
    square_dilation,
)
from keras_derm.layers.pyramid_fill import masked_mean, pyramid_fill
from keras_derm.preparations.rulers import (
    BAND,
    BLACK,
    LEAST_FALL,
    LEAST_PERIODICITY,
    PERIODS,
    RIM_WIDTH,
    TICK_DENSITY,
    TICK_RESPONSE,
    TICK_WIDTH,
)

ARTEFACTS = ("dark_corners", "ruler", "ink", "bubbles")
LARGEST_SHARES = {"dark_corners": 0.35, "ruler": 0.08, "ink": 0.10, "bubbles": 0.08}
"""Share of the picture above which an artefact is a reason to leave the image out."""

_INK_CHROMA, _INK_DISTANCE = 38.0, 18.0
_MIDDLE = 0.3
_GLINT_WIDTH, _GLINT_RESPONSE = 9, 40
_WHITE_WIDTH, _WHITE = 25, 240


@keras.saving.register_keras_serializable(package="keras_derm")
class ArtefactSuppression(ImageLayer):
    """Find what lies on the skin but is not skin, and paint it over.

    - dark corners: black from the border inwards without a break;
    - ruler: thin dark marks in a band along one side that come back at equal
      distances (autocorrelation of their density above 0.45);
    - ink: violet, blue or green of strong colour, far from the colour of the
      picture, in areas, not specks, and away from the middle of the picture, where
      blue is a blue naevus or the veil of a melanoma;
    - bubbles: small glints, brighter than everything around them, and small white
      areas.

    Lengths grow with the short side of the image. Curved scales, rulers that cross
    the picture, ink of the colour of skin or in the middle, and the dark rims of
    bubbles are not found. Skin between dark hairs glints too: remove hair first. A
    blue lesion that is off the middle may still be taken for ink, so look at what
    is found before painting it over.

    Args:
        suppress: Which of `"dark_corners"`, `"ruler"`, `"ink"`, `"bubbles"` are
            painted over; all are found.

    Example:
        >>> layer = ArtefactSuppression()
        >>> clean = layer(images)
        >>> reasons = layer.exclusion_reasons(images)
    """

    def __init__(self, suppress=ARTEFACTS, **kwargs):
        super().__init__(**kwargs)
        unknown = set(suppress) - set(ARTEFACTS)
        if unknown or not suppress:
            raise ValueError(
                f"`suppress` must name some of {ARTEFACTS}. Received: {suppress}"
            )
        self.suppress = tuple(suppress)

    def masks(self, images):
        """Return where each artefact is: masks by name, (batch, height, width, 1)."""
        images = tf.stop_gradient(tf.cast(images, tf.float32))
        scale = length_scale(images)
        grey = tf.cast(tf.round(tf.reduce_mean(images, axis=-1)), tf.uint8)
        corners = _dark_corners(images, scale)
        thin = square_black_hat(grey, odd_size(TICK_WIDTH * scale)) > TICK_RESPONSE
        found = {
            "dark_corners": corners,
            "ruler": _ruler(thin & ~corners),
            "ink": _ink(images, corners, scale),
            "bubbles": _bubbles(images, scale),
        }
        return {name: mask[..., None] for name, mask in found.items()}

    def shares(self, images):
        """Return the share of the picture that each artefact covers, (batch,)."""
        return {
            name: tf.reduce_mean(tf.cast(mask, tf.float32), axis=(1, 2, 3))
            for name, mask in self.masks(images).items()
        }

    def exclusion_reasons(self, images):
        """Return why each image should be left out, empty where it may stay.

        An image goes when one artefact covers more than `LARGEST_SHARES` of it: too
        much to be painted over.

        Returns:
            List of str, such as "dark corners: 41% of the picture".
        """
        shares = {name: share.numpy() for name, share in self.shares(images).items()}
        return [
            "; ".join(
                f"{name.replace('_', ' ')}: {shares[name][i]:.0%} of the picture"
                for name in ARTEFACTS
                if shares[name][i] > LARGEST_SHARES[name]
            )
            for i in range(len(images))
        ]

    def transform(self, images, training):
        masks = self.masks(images)
        chosen = tf.stack([masks[name] for name in self.suppress])
        return pyramid_fill(images, tf.reduce_any(chosen, axis=0))


def _dark_corners(images, scale):
    black = tf.cast(tf.reduce_max(images, axis=-1) < BLACK, tf.float32)
    reached = [
        tf.math.cumprod(black, axis=axis, reverse=reverse)
        for axis in (1, 2)
        for reverse in (False, True)
    ]
    corners = tf.cast(tf.reduce_max(tf.stack(reached), axis=0), tf.uint8)
    # The rim fades over some pixels. A picture black all over has no corners.
    grown = square_dilation(corners, odd_size(RIM_WIDTH * scale)) > 0
    return grown & ~tf.reduce_all(black > 0, axis=(1, 2), keepdims=True)


def _ink(images, corners, scale):
    lightness, a, b = tf.unstack(rgb_to_lab(images), axis=-1)
    seen = tf.cast(~corners & (lightness > 15), tf.float32)
    middle_a, middle_b = (masked_mean(channel, seen) for channel in (a, b))
    strong = tf.sqrt(a**2 + b**2 + 1e-6) > _INK_CHROMA
    cold = (b < tf.minimum(middle_b - _INK_DISTANCE, 0.0)) | (
        a < tf.minimum(middle_a - _INK_DISTANCE, 0.0)
    )
    found = tf.cast(strong & cold & (seen > 0) & ~_middle(lightness), tf.uint8)
    size = odd_size(5 * scale)
    opened = square_dilation(255 - square_dilation(255 - 255 * found, size), size)
    return square_dilation(opened, odd_size(3 * scale)) > 0


def _middle(pictures):
    """Return the disc in the middle of (batch, height, width), (height, width)."""
    height, width = tf.unstack(tf.cast(tf.shape(pictures)[1:], tf.float32))
    down = tf.range(height)[:, None] - (height - 1) / 2
    across = tf.range(width)[None, :] - (width - 1) / 2
    return down**2 + across**2 < (_MIDDLE * tf.minimum(height, width)) ** 2


def _ruler(thin):
    """Return the thin marks in the bands in which they come back periodically."""
    ruler = tf.zeros_like(thin)
    for axis in (1, 2):
        depth = tf.cast(
            tf.math.ceil(BAND * tf.cast(tf.shape(thin)[axis], tf.float32)), tf.int32
        )
        position = tf.range(tf.shape(thin)[axis])
        for near in (position < depth, position >= tf.shape(thin)[axis] - depth):
            band = thin & (near[None, :, None] if axis == 1 else near[None, None, :])
            density = tf.reduce_sum(tf.cast(band, tf.float32), axis=axis)
            periodic = _periodicity(density) > LEAST_PERIODICITY
            dense = tf.reduce_mean(density, axis=-1) > TICK_DENSITY * tf.cast(
                depth, tf.float32
            )
            ruler |= band & (periodic & dense)[:, None, None]
    return square_dilation(tf.cast(ruler, tf.uint8), 3) > 0


def _periodicity(density):
    """Return the greatest autocorrelation of (batch, length) within the periods."""
    length = tf.shape(density)[1]
    signal = density - tf.reduce_mean(density, axis=-1, keepdims=True)
    # Zeros behind the signal, so that the circle of the transform does not close.
    spectrum = tf.signal.rfft(signal, [2 * length])
    power = tf.cast(tf.abs(spectrum) ** 2, tf.complex64)
    correlation = tf.signal.irfft(power, [2 * length])[:, :length]
    lag = tf.range(length)
    overlap = tf.cast(length - lag, tf.float32) / tf.cast(length, tf.float32)
    relative = tf.math.divide_no_nan(correlation, correlation[:, :1] * overlap)
    share = tf.cast(lag, tf.float32) / tf.cast(length, tf.float32)
    asked = (share >= PERIODS[0]) & (share <= PERIODS[1])
    # A hump at a short distance is a wide mark, not a repetition: it must first fall.
    fallen = tf.math.cumsum(tf.cast(relative < LEAST_FALL, tf.float32), axis=-1) > 0
    return tf.reduce_max(tf.where(asked & fallen, relative, 0.0), axis=-1)


def _bubbles(images, scale):
    least = tf.cast(tf.round(tf.reduce_min(images, axis=-1)), tf.uint8)
    # A wide area of white, or bright skin around it, is overexposure.
    glint, wide = (
        square_black_hat(255 - least, odd_size(width * scale)) > _GLINT_RESPONSE
        for width in (_GLINT_WIDTH, _WHITE_WIDTH)
    )
    white = wide & (least >= _WHITE)
    return square_dilation(tf.cast(glint | white, tf.uint8), odd_size(3 * scale)) > 0
