"""The network that outlines lesions, run by LiteRT."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pydantic

from keras_derm.colour import cielab, median_colour
from keras_derm.described_network import learned_from, network, read_description
from keras_derm.lesion_finders.finder import LesionFinder
from keras_derm.lesion_finders.outline import outline_of, squared

LEAST_DIFFERENCE = 2.0
LEAST_AROUND = 0.02


class _Description(pydantic.BaseModel):
    """What the .json beside a segmenter says."""

    model_config = pydantic.ConfigDict(extra="allow")
    image_size: Annotated[int, pydantic.Field(strict=True, ge=1, le=4096)]
    sha256: str
    unsure_from: pydantic.FiniteFloat | None = None
    split_file: str | None = None


@dataclass(frozen=True)
class NetworkFinder(LesionFinder):
    """A .tflite file of `train_segmenter.py`, with the .json beside it.

    The photograph is stretched to a square of the network's size; the probabilities
    are stretched back, and the largest area above one half is the lesion, holes
    filled. It has learned that every photograph has one: what differs from the rest by
    less than 2 in CIELAB is none. The interpreter is made where it is first used, so
    that the finder may be sent to other processes.

    Attributes:
        path: The .tflite file.
        image_size: Side of its images in pixels.
        description: All that the .json says.
        square: As of `keras_derm.segmentation.ModelFinder`: for one whose .json names a
            preset, which was trained on photographs so prepared.

    Example:
        >>> finder = NetworkFinder.load("saved_models/lesion_outline.tflite")
        >>> finder.find(image).share
        0.23
    """

    path: Path | None = None
    image_size: int = 0
    description: dict | None = None
    square: Callable | None = None

    @classmethod
    def load(cls, path):
        """Read the description, and check that the file is the one it describes.

        Raises:
            FileNotFoundError: The .tflite or its .json is missing.
            ValueError: One is damaged, or does not belong to the other.
        """
        path = Path(path)
        told = read_description(path, _Description, "a segmenter")
        return cls(f"network {path.stem}", path, told["image_size"], told)

    def find(self, image):
        side = self.image_size
        square = self.square(image) if self.square else squared(image, side)
        square = square.astype("float32")
        probability = network(str(self.path))(square)[..., 0]
        found = outline_of(probability, image.shape[:2])
        if _stands_out(square, probability > 0.5):
            return found
        return dataclasses.replace(found, mask=np.zeros_like(found.mask))

    def learned_from(self, catalog):
        """Photographs that the csv of its split, beside it, has in train or val."""
        return learned_from(self.path, self.description, catalog)

    @property
    def unsure_from(self):
        """Entropy along the border from which an outline is called unsure, or None."""
        return (self.description or {}).get("unsure_from")


def _stands_out(square, lesion):
    """Whether a lesion, (side, side), differs in colour from what is around it.

    Of 500 photographs of HAM10000 the least difference is 2.7. Where the lesion fills
    the picture, its own lightness must vary.
    """
    lab = cielab(np.round(square).astype("uint8"))
    around = ~lesion
    if not lesion.any():
        return False
    if around.mean() < LEAST_AROUND:
        return lab[..., 0].std() >= LEAST_DIFFERENCE
    inside, outside = (median_colour(lab, part) for part in (lesion, around))
    return np.linalg.norm(inside - outside) >= LEAST_DIFFERENCE
