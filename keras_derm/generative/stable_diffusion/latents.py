"""Latents of training images, encoded once and kept."""

import hashlib
from pathlib import Path

import numpy as np
from rich.progress import track

from keras_derm.files import DamagedFileError
from keras_derm.generative.value_range import from_pixels
from keras_derm.networks import TensorFile, write_tensors

N_IMAGES = 32
"""Images in one file: what is encoded anew where a training was killed meanwhile."""

N_AT_ONCE = 4
FILE = "moments_{:06d}.safetensors"


class Latents:
    """What the encoder says of each training image, on disk and in memory.

    The files tell of which images and weights they are: they are written anew where
    those have changed. Kept as float16, a 512-pixel image takes 64 KiB.

    Args:
        encoder: See `build_encoder`.
        weights: Path of the encoder's weights, which files of other weights differ in.
        folder: Where the files go; None keeps them in memory alone.

    Example:
        >>> latents = Latents(encoder, folder.weights["vae"], run / "latents")
        >>> moments = latents.encoded(take, n_images)
    """

    def __init__(self, encoder, weights, folder=None):
        self.encoder = encoder
        self.weights = Path(weights)
        self.folder = None if folder is None else Path(folder)

    def encoded(self, take, n_images):
        """Moments of all images: float16 array `(n_images, side, side, 8)`.

        Args:
            take: Function of an int array of positions to uint8 images.
            n_images: Number of images.
        """
        digest = _digest_of_file(self.weights)
        starts = range(0, n_images, N_IMAGES)
        # One shape, so that the encoder is compiled once.
        parts = [
            self._part(take, np.arange(start, min(start + N_IMAGES, n_images)), digest)
            for start in track(starts, "Encoding training images", transient=True)
        ]
        return np.concatenate(parts)

    def _part(self, take, positions, digest):
        images = take(positions)
        content = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
        known = {"images": content, "weights": digest}
        path = self.folder and self.folder / FILE.format(positions[0])
        found = path and _read(path, known)
        if found is not None:
            return found
        moments = np.concatenate(
            [
                np.asarray(self.encoder(from_pixels(images[i : i + N_AT_ONCE])))
                for i in range(0, len(images), N_AT_ONCE)
            ]
        ).astype("float16")
        if path:
            write_tensors(path, {"moments": moments}, known)
        return moments


def _read(path, known):
    """Moments of a file that is whole and of these images and weights, or None."""
    if not path.is_file():
        return None
    try:
        with TensorFile(path) as file:
            return file.array("moments") if file.texts() == known else None
    except DamagedFileError:
        return None


def _digest_of_file(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
