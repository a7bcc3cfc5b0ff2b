"""Hair removal by black-hat morphology and inpainting."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer
from keras_derm.layers.morphology import cross_black_hat
from keras_derm.layers.pyramid_fill import pyramid_fill

METHODS = ("published",)
_GREY_WEIGHTS = (0.299, 0.587, 0.114)


def scaled_kernel_size(image_size, kernel_size=17, reference_size=224):
    """Return the odd kernel size that covers the same share of a smaller image.

    A hair keeps its share of the picture when the picture shrinks, so the kernel of
    17 pixels published for 224-pixel images becomes 17 * `image_size` / 224, taken
    to the nearest odd number and never below 3: 5 at 64, 9 at 128, 17 at 224.

    Args:
        image_size: Side of the square image in pixels.
        kernel_size: Kernel at `reference_size`, odd.
        reference_size: Side for which `kernel_size` was published.

    Returns:
        Odd int, at least 3.
    """
    if image_size < 1:
        raise ValueError(f"`image_size` must be 1 or more. Received: {image_size}")
    scaled = kernel_size * image_size / reference_size
    return max(3, 2 * round((scaled - 1) / 2) + 1)


@keras.saving.register_keras_serializable(package="keras_derm")
class HairRemoval(ImageLayer):
    """Find dark hairs by their black-hat response and paint them over.

    `method="published"` is the procedure of the sn_gan_ensemble system: grey image,
    black-hat with a cross-shaped kernel, threshold, inpainting. The mask equals
    OpenCV's on uint8 images; the paint is a push-pull pyramid fill where the paper
    has Telea's march, which does not run on a GPU.

    Hairs lighter than the skin are not found, and thin dark pigment structures may
    be: the mask is `mask(images)`.

    Args:
        method: Name of the procedure, `"published"`.
        kernel_size: Side of the cross in pixels, odd, 3 or more; 17 is published
            for 224-pixel images, see `scaled_kernel_size` for others.
        threshold: Black-hat response above which a pixel is hair, in grey levels
            of 255.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> layer = HairRemoval()
        >>> clean = layer(images)

    Reference:
        Lee et al., Dullrazor, Computers in Biology and Medicine 27, 1997.
    """

    def __init__(self, method="published", kernel_size=17, threshold=10, **kwargs):
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
        self.method = method
        self.kernel_size = int(kernel_size)
        self.threshold = threshold

    def mask(self, images):
        """Return the hair mask, (batch, height, width, 1), bool."""
        return self._find(images)["mask"]

    def stages(self, images):
        """Return the pictures of every step.

        Args:
            images: (batch, height, width, 3), RGB in [0, 255], float or uint8.

        Returns:
            Dict of `grey` and `black_hat`, (batch, height, width, 1), float32 in
            [0, 255]; `mask`, the same shape, bool; `result`, the images without
            hair.
        """
        images = tf.cast(images, tf.float32)
        found = self._find(images)
        return {**found, "result": pyramid_fill(images, found["mask"])}

    def transform(self, images, training):
        return pyramid_fill(images, self.mask(images))

    def _find(self, images):
        images = tf.stop_gradient(tf.cast(images, tf.float32))
        grey = tf.round(tf.tensordot(images, tf.constant(_GREY_WEIGHTS), axes=1))
        black_hat = cross_black_hat(grey, self.kernel_size)
        return {
            "grey": grey[..., None],
            "black_hat": black_hat[..., None],
            "mask": (black_hat > self.threshold)[..., None],
        }

    def get_config(self):
        config = super().get_config()
        config.update(
            method=self.method,
            kernel_size=self.kernel_size,
            threshold=self.threshold,
        )
        return config
