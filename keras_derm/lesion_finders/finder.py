"""What every finder of lesions takes and gives."""

from dataclasses import dataclass


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
