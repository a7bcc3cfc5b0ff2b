"""Give the skin of a photograph another tone by adding or removing melanin."""

import keras
import tensorflow as tf

from keras_derm.layers.colour_spaces import (
    linear_to_lab,
    linear_to_srgb,
    srgb_to_linear,
)
from keras_derm.layers.image_layer import ImageLayer
from keras_derm.layers.lesion_guess import lesion_guess

MELANIN_EXPONENT = -3.33
PRIMARY_WAVELENGTHS = (605.0, 545.0, 455.0)
"""Nanometres at which the red, green and blue of sRGB absorb as melanin does there."""

_SAMPLE_SIDE = 48
_LEAST_LIGHT = 1e-4
_DOSES = (-3.0, 6.0)
_N_HALVINGS = 24


@keras.saving.register_keras_serializable(package="keras_derm")
class ToneTransfer(ImageLayer):
    """Move the skin of every photograph to a target ITA.

    Melanin lies above the lesion as above the skin around it and filters the light
    (Beer and Lambert): the layer adds to the optical density -log(linear RGB) of all
    pixels the same multiple of melanin's absorption, 6.6e11 * nm^-3.33 per cm, at
    the three primaries. Differences of optical density, and so the structure of the
    lesion, stay as they are. The dose is found for each image by bisection, so that
    the median L* and b* of its skin have the target angle; a negative dose removes
    melanin.

    What it makes is a recoloured photograph of light or dark skin, not a photograph
    of another person: lesions differ between tones in more than colour. A target out
    of reach (more light than 255) is approached as far as it goes. Images on which
    no skin is seen come back unchanged.

    The angle goes with melanin where the skin is yellowish (b* above 0), as it is in
    neutral light. Under the pink cast of many dermatoscopes b* is below 0, one angle
    belongs to several doses, and the one found may be far off: there give the dose
    itself to `add_melanin`.

    Args:
        target_ita: Individual typology angle in degrees, within [-80, 85].

    Example:
        >>> darker = ToneTransfer(target_ita=-10)(images)

    Reference:
        Jacques, Origins of tissue optical properties in the UVA, visible and NIR
        regions, OSA TOPS 2, 1996 (melanin).
    """

    def __init__(self, target_ita, **kwargs):
        super().__init__(**kwargs)
        if not -80 <= target_ita <= 85:
            raise ValueError(
                f"`target_ita` must be within [-80, 85]. Received: {target_ita}"
            )
        self.target_ita = float(target_ita)

    def transform(self, images, training):
        return self.transfer(images, self.target_ita)

    def transfer(self, images, target_ita, lesions=None):
        """Return the images with skin of the target angle.

        Args:
            images: (batch, height, width, 3), RGB in [0, 255], float or uint8.
            target_ita: Degrees, a number or one for each image, (batch,).
            lesions: (batch, height, width), true or not 0 in the lesion; by default
                the lesion is looked for.

        Returns:
            float32 in [0, 255], the shape of `images`.
        """
        images = tf.cast(images, tf.float32)
        target = tf.broadcast_to(tf.cast(target_ita, tf.float32), tf.shape(images)[:1])
        light = tf.maximum(srgb_to_linear(images), _LEAST_LIGHT)
        dose = tf.stop_gradient(self._dose(light, target, lesions))
        changed = linear_to_srgb(
            light * melanin_transmission(dose[:, None, None, None])
        )
        # Black stays black: nothing is seen there that melanin could colour.
        seen = tf.reduce_max(images, axis=-1, keepdims=True) > 0
        return tf.where(seen & (dose != 0)[:, None, None, None], changed, images)

    def add_melanin(self, images, doses):
        """Return the images seen through more melanin, or through less.

        Args:
            images: As in `transfer`.
            doses: Optical density (natural logarithm) at 545 nm that is added, a
                number or one for each image, (batch,); below 0 takes melanin away. A
                dose of 0 gives the image back but for rounding: it is computed as
                any other.

        Returns:
            float32 in [0, 255], the shape of `images`.
        """
        images = tf.cast(images, tf.float32)
        doses = tf.broadcast_to(tf.cast(doses, tf.float32), tf.shape(images)[:1])
        light = tf.maximum(srgb_to_linear(images), _LEAST_LIGHT)
        through = melanin_transmission(doses[:, None, None, None])
        seen = tf.reduce_max(images, axis=-1, keepdims=True) > 0
        return tf.where(seen, linear_to_srgb(light * through), images)

    def _dose(self, light, target, lesions):
        """Return the multiple of melanin's absorption for each image, (batch,)."""
        sample = _sampled(light)
        lightness = linear_to_lab(sample)[..., 0]
        if lesions is None:
            lesion = lesion_guess(lightness)
        else:
            lesion = _sampled(tf.cast(lesions, tf.float32)[..., None])[..., 0] > 0
        skin = ~_grown(lesion) & (lightness > 15) & (tf.reduce_min(sample, -1) < 0.85)
        skin &= tf.abs(lightness - _median(lightness, skin)[:, None, None]) < 25
        low, high = (tf.fill(tf.shape(target), bound) for bound in _DOSES)
        for _ in range(_N_HALVINGS):
            middle = (low + high) / 2
            too_light = _angle(sample, skin, middle) > target
            low = tf.where(too_light, middle, low)
            high = tf.where(too_light, high, middle)
        n_skin = tf.reduce_sum(tf.cast(skin, tf.int32), axis=(1, 2))
        return tf.where(n_skin < _SAMPLE_SIDE, 0.0, (low + high) / 2)


def melanin_transmission(dose):
    """Return the share of red, green and blue light that melanin lets through.

    Args:
        dose: Its optical density at 545 nm, float32 (..., 1).

    Returns:
        float32 (..., 3), above 1 where the dose is below 0.
    """
    relative = (tf.constant(PRIMARY_WAVELENGTHS) / PRIMARY_WAVELENGTHS[1]) ** (
        MELANIN_EXPONENT
    )
    return tf.exp(-dose * relative)


def _sampled(images):
    """Return every n-th pixel, so that about 48 x 48 are left.

    Single pixels, not means over blocks: a median over them leaves hairs out.
    """
    rows, columns = (
        tf.range(_SAMPLE_SIDE) * tf.shape(images)[axis] // _SAMPLE_SIDE
        for axis in (1, 2)
    )
    return tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)


def _grown(mask):
    """Return the mask with a margin of 6 % of the side."""
    grown = tf.nn.max_pool2d(tf.cast(mask, tf.float32)[..., None], 7, 1, "SAME")
    return grown[..., 0] > 0


def _angle(sample, skin, dose):
    """Return the ITA of median L* and b* after a dose, degrees, (batch,)."""
    light = tf.minimum(sample * melanin_transmission(dose[:, None, None, None]), 1.0)
    lightness, _, b = tf.unstack(linear_to_lab(light), axis=-1)
    radians = tf.atan2(_median(lightness, skin) - 50, _median(b, skin))
    return radians * (180 / 3.141592653589793)


def _median(values, mask):
    """Return the median of the masked values of each image, (batch,)."""
    flat = tf.reshape(
        tf.where(mask, values, values.dtype.max), (tf.shape(values)[0], -1)
    )
    n = tf.reduce_sum(tf.cast(mask, tf.int32), axis=(1, 2))
    ordered = tf.sort(flat, axis=-1)
    return tf.gather(ordered, tf.maximum(n - 1, 0) // 2, batch_dims=1)
