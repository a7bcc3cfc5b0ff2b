"""Chains of image layers that keep geometry and photometry apart.

Geometry moves pixels, and masks follow it. Photometry changes values and moves nothing,
so that masks stay as they are. In every chain geometry comes first.
"""

import tensorflow as tf

from keras_derm.layers.square_resize import SquareResize


class _Chain:
    def __init__(self, geometry=(), photometry=()):
        self.geometry = tuple(geometry)
        self.photometry = tuple(photometry)

    @property
    def layers(self):
        """All layers in the order in which they are applied."""
        return self.geometry + self.photometry


class Preparation(_Chain):
    """What is done once to every photograph before a network sees it.

    Geometry gives all photographs one size, so that photometry can work on batches.
    Nothing in it is random.

    Args:
        geometry: Layers that move pixels and have `transform_segmentation_masks`, such
            as `SquarePad`; the last gives the size.
        photometry: Layers that change values, such as `HairRemoval`.

    Example:
        >>> preparation = Preparation([SquarePad(224)], [HairRemoval()])
        >>> images = preparation(photographs)
        >>> masks = preparation.transform_masks(masks)
    """

    @property
    def image_size(self):
        """Side of the prepared images in pixels."""
        return self.geometry[-1].size

    def __call__(self, photographs):
        """Prepare photographs `(batch, height, width, 3)`, RGB in [0, 255].

        Returns:
            (batch, image_size, image_size, 3), RGB in [0, 255], float32.
        """
        return self.apply_photometry(self.apply_geometry(photographs))

    def apply_geometry(self, photographs):
        """Return the photographs as squares of one size, in the same colours."""
        return _applied(self.geometry, photographs)

    def apply_photometry(self, images):
        """Return what `apply_geometry` gave with its values changed."""
        return _applied(self.photometry, images)

    def transform_masks(self, masks):
        """Move masks as the photographs that they belong to.

        Args:
            masks: (batch, height, width), not 0 where the lesion is.

        Returns:
            (batch, image_size, image_size), bool: where the lesion covers more than
            half of a pixel. What padding adds to the photograph is no lesion.
        """
        masks = tf.convert_to_tensor(masks)[..., None]
        for layer in self.geometry:
            masks = layer.transform_segmentation_masks(masks)
        return masks[..., 0]

    def of_prepared(self):
        """Return the `Preparation` of images that were made after prepared ones.

        A generator that learned from prepared images makes such as have no hair and no
        ruler: what is left is to give them the size of prepared images and, where every
        one of these has the same range of values, that range.
        """
        ranges = [layer for layer in self.photometry if layer.sets_range]
        return Preparation([SquareResize(self.image_size)], ranges)


class Augmentation(_Chain):
    """What is done at random to the images of each training batch.

    What is drawn and what is done with it are apart: numbers are drawn where the order
    of batches is known, and images may be changed elsewhere, each by its own numbers.

    Args:
        geometry: Random layers that move pixels and have what those of Keras have:
            `get_random_transformation`, `transform_images` and
            `transform_segmentation_masks`.
        photometry: Random layers that change values, and have the first two of these.

    Example:
        >>> augmentation = Augmentation([RandomMirror(0)], [RandomDarkening(seed=1)])
        >>> images = augmentation(images)
        >>> images, masks = augmentation(images, masks)
        >>> images = augmentation.apply(images, augmentation.draw(images))
    """

    def __call__(self, images, masks=None, training=True):
        """Change images, and move their masks by the same random draws.

        Args:
            images: (batch, height, width, 3), RGB in [0, 255].
            masks: (batch, height, width), not 0 where the lesion is, or None. The
                images come out the same with them and without.
            training: Whether anything is done at all.

        Returns:
            The images, float32; with masks `(images, masks)`, the masks bool. Where
            turning brings in a mirror image of the lesion, it is in both.
        """
        images = tf.cast(images, tf.float32)
        if training:
            return self.apply(images, self.draw(images), masks)
        return images if masks is None else (images, tf.cast(masks, tf.bool))

    def draw(self, images):
        """Draw all random numbers for a batch, of which the shape alone is looked at.

        Returns:
            Tuple, for each layer, of tensors `(batch, ...)` or dicts of such: row i is
            what happens to image i.
        """
        return tuple(
            _by_image(layer.get_random_transformation(images, training=True))
            for layer in self.layers
        )

    def apply(self, images, drawn, masks=None):
        """Change float32 images, and move masks, by what `draw` gave for them."""
        if masks is not None:
            masks = tf.cast(tf.cast(masks, tf.bool), tf.float32)[..., None]
        for layer, of_layer in zip(self.layers, drawn, strict=True):
            images = layer.transform_images(images, of_layer, training=True)
            if masks is not None and layer in self.geometry:
                masks = layer.transform_segmentation_masks(
                    masks, of_layer, training=True
                )
        return images if masks is None else (images, masks[..., 0] > 0.5)


def _by_image(drawn):
    """What was drawn, without the sizes that layers of Keras put beside it."""
    if not isinstance(drawn, dict):
        return drawn
    return {
        name: value
        for name, value in drawn.items()
        if tf.is_tensor(value) and value.shape.rank
    }


def _applied(layers, images):
    for layer in layers:
        images = layer(images)
    return images
