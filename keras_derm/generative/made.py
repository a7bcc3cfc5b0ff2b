"""Images that a generator made, and what is known of each."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Made:
    """Images that a generator made.

    Attributes:
        images: uint8 (n, side, side, 3), RGB.
        conditions: What was asked for, integers (n, 2) or with further columns.
        parents: Positions in the catalog of the photographs that they were made of,
            integers (n,), or None.
        masks: Where the lesion was asked for, bool (n, side, side), or None.
        seconds: Time it took to make all of them, or None where it was not taken.

    Example:
        >>> made = generator.make(cells, seed=7)
        >>> made[made.conditions[:, 0] == 0].images
    """

    images: np.ndarray
    conditions: np.ndarray
    parents: np.ndarray | None = None
    masks: np.ndarray | None = None
    seconds: float | None = None

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        """The same of some of the images, by a mask or by positions; not timed."""
        parts = (self.images, self.conditions, self.parents, self.masks)
        return Made(*(None if part is None else part[rows] for part in parts))
