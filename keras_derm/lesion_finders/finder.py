"""What every finder of lesions takes and gives."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LesionFinder:
    """Base of the finders: a photograph in, a `LesionOutline` out.

    Attributes:
        name: What tables call it.

    Example:
        >>> class WholePicture(LesionFinder):
        ...     def find(self, image):
        ...         return LesionOutline(np.ones(image.shape[:2], bool))
    """

    name: str

    def find(self, image):
        """Find the lesion of a photograph; what a subclass writes.

        Args:
            image: (height, width, 3), RGB, uint8.

        Returns:
            `LesionOutline` of the size of the image.
        """
        raise NotImplementedError

    def learned_from(self, catalog):
        """Which photographs of a catalog it learned from, or was chosen by.

        Args:
            catalog: `keras_derm.catalog.Catalog`.

        Returns:
            bool array (n,).
        """
        return np.zeros(len(catalog), bool)
