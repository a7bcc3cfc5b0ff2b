"""Images as the leading components of their patches: what the diffusion works on."""

import keras
import numpy as np
from keras import ops

N_FITTED = 2000
"""Most images that a code is fitted on."""


@keras.saving.register_keras_serializable(package="keras_derm")
class PatchCode(keras.layers.Layer):
    """Orthonormal code of square patches, fitted and not trained.

    An image becomes a map with one place a patch and as many channels as components
    are kept: the leading principal components of patches of photographs. It stands in
    place of the autoencoder of latent diffusion. Nothing is learned by gradients, what
    is lost is known, and decoding is one product. Every component is divided by the
    root of its standard deviation, so that fine structure counts more than it would by
    its variance, and less than coarse structure.

    Args:
        patch_size: Side of a patch in pixels.
        n_components: Components kept, of `3 * patch_size ** 2`.

    Input: images (batch, height, width, 3) in [-1, 1], sides multiples of a patch.
    Output: float32 code (batch, height / patch, width / patch, n_components).

    Example:
        >>> code = PatchCode(8, 48)
        >>> code.fit(images)
        >>> latents = code(from_pixels(images))
        >>> again = code.decode(latents)
    """

    def __init__(self, patch_size=8, n_components=48, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        length = 3 * patch_size**2
        if not 1 <= n_components <= length:
            raise ValueError(
                f"`n_components` must lie in [1, {length}] for patches of {patch_size} "
                f"pixels. Received: n_components={n_components}"
            )
        self.patch_size = patch_size
        self.n_components = n_components

        def constant(name, shape, initializer):
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=False
            )

        self.mean = constant("mean", (length,), "zeros")
        self.components = constant("components", (length, n_components), "zeros")
        self.deviations = constant("deviations", (n_components,), "ones")
        self.built = True

    def fit(self, images):
        """Find the components of the patches of images, uint8 (n, side, side, 3)."""
        images = np.asarray(images, "float32") / 127.5 - 1
        patches = np.asarray(self._patches(images)).reshape(-1, self.mean.shape[0])
        mean = patches.mean(axis=0)
        centred = patches - mean
        variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        leading = np.argsort(variances)[::-1][: self.n_components]
        deviations = np.sqrt(np.clip(variances[leading], 1e-8, None))
        # The sign of an eigenvector is free: its largest entry shall be positive.
        vectors = vectors[:, leading]
        largest = np.abs(vectors).argmax(axis=0)
        vectors *= np.sign(vectors[largest, np.arange(len(leading))])
        self.mean.assign(mean)
        self.components.assign(vectors)
        self.deviations.assign(deviations)

    @property
    def data_deviations(self):
        """Standard deviation of each channel of the code: (n_components,)."""
        return ops.sqrt(self.deviations)

    def call(self, images):
        patches = self._patches(ops.cast(images, "float32")) - self.mean
        return ops.matmul(patches, self.components) / ops.sqrt(self.deviations)

    def decode(self, code):
        """Images (batch, height, width, 3) of a code; they may leave [-1, 1] a bit."""
        code = ops.cast(code, "float32") * ops.sqrt(self.deviations)
        patches = ops.matmul(code, ops.transpose(self.components)) + self.mean
        rows, columns = ops.shape(patches)[1:3]
        side = self.patch_size
        patches = ops.reshape(patches, (-1, rows, columns, side, side, 3))
        images = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
        return ops.reshape(images, (-1, rows * side, columns * side, 3))

    def _patches(self, images):
        """Patches as vectors: (batch, rows, columns, 3 * patch_size ** 2)."""
        side = self.patch_size
        rows, columns = (length // side for length in ops.shape(images)[1:3])
        patches = ops.reshape(images, (-1, rows, side, columns, side, 3))
        patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
        return ops.reshape(patches, (-1, rows, columns, 3 * side**2))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        side = self.patch_size
        return (batch, height // side, width // side, self.n_components)

    def get_config(self):
        return super().get_config() | {
            "patch_size": self.patch_size,
            "n_components": self.n_components,
        }
