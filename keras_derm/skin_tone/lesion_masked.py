"""An estimator that does not get to see the lesion."""

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from keras_derm.skin_tone.estimator import ToneEstimator

MARGIN_SHARE = 0.03


@dataclass(frozen=True)
class LesionMasked(ToneEstimator):
    """Another estimator, on photographs whose lesion is painted over with skin.

    What it loses by that, it took from the lesion and not from the skin.

    Args:
        estimator: The estimator.

    Example:
        >>> LesionMasked.of(network).estimate(photograph)
    """

    estimator: ToneEstimator | None = None

    @classmethod
    def of(cls, estimator):
        """The estimator with the lesion masked out."""
        name = f"{estimator.name}, lesion masked"
        return cls(name, estimator.scale, estimator.image_types, estimator)

    def look_at(self, photograph):
        return self.estimator.look_at(without_lesion(photograph))


def without_lesion(photograph):
    """Return the photograph with the median colour of its skin for the lesion.

    Where no lesion is known or found, it is the photograph as it is.
    """
    view = photograph.view
    if view.lesion is None or not view.skin.any():
        return photograph
    colour = np.median(view.image[view.skin], axis=0).astype("uint8")
    height, width = photograph.image.shape[:2]
    lesion = cv2.resize(view.lesion.astype("uint8"), (width, height))
    margin = max(1, round(MARGIN_SHARE * min(height, width)))
    lesion = cv2.dilate(lesion, np.ones((2 * margin + 1, 2 * margin + 1), "uint8"))
    image = np.where(lesion[..., np.newaxis] > 0, colour, photograph.image)
    return dataclasses.replace(photograph, image=image)
