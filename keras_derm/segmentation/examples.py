"""What the segmenter of an arm learns from."""

import dataclasses

import numpy as np

from keras_derm.catalog import Catalog
from keras_derm.layers import preparation, resize
from keras_derm.pipeline import PreparedImages, image_dataset, prepare, prepare_masks


@dataclasses.dataclass(frozen=True)
class SegmentationExamples:
    """Photographs with their masks, in squares of one size.

    Attributes:
        catalog: `Catalog` of them, all with a mask; synthetic ones are in train.
        prepared: `PreparedImages` of them.
        masks: Their masks, bool `(n, side, side)`, in the order of the catalog.

    Example:
        >>> examples = SegmentationExamples.of(catalog, 160, "prepared/lesions")
        >>> train_segmenter(examples, settings, "segmenters/baseline")
    """

    catalog: Catalog
    prepared: PreparedImages
    masks: np.ndarray

    @classmethod
    def of(cls, catalog, image_size, folder, preset=None):
        """Stretch photographs and masks to squares.

        Args:
            catalog: `Catalog`, split; rows without a mask are left out.
            image_size: Side in pixels.
            folder: Where they are kept.
            preset: Name of what is done to the photographs besides, see `in_squares`.

        Raises:
            ValueError: Too few photographs of a split have a mask.
        """
        catalog = with_masks(catalog)
        for split in ("train", "val"):
            if not len(catalog.split(split)):
                raise ValueError(
                    "a segmenter learns from photographs with lesion masks, in train "
                    f"and in val. Received: none with a mask in {split}"
                )
        return cls.in_squares(catalog, image_size, folder, preset)

    @classmethod
    def in_squares(cls, catalog, image_size, folder, preset=None):
        """As `of`, of rows that all have a mask, whatever split they are in."""
        chain = as_squares(image_size, preset)
        return cls(
            catalog,
            prepare(catalog, chain, folder / "images"),
            prepare_masks(catalog, chain, folder / "masks"),
        )

    def __add__(self, other):
        return SegmentationExamples(
            self.catalog.concat(other.catalog),
            self.prepared + other.prepared,
            np.concatenate([self.masks, other.masks]),
        )

    @property
    def n_real(self):
        """Number of real training photographs: an epoch is as long."""
        train = self.catalog.split("train")
        return int((~train.table["synthetic"]).sum())

    def rows(self, split):
        """Positions of the images of a split in the catalog."""
        return np.flatnonzero(self.catalog.table["split"] == split)

    def drawn(self, n_photographs, seed):
        """The same with so many of the real training photographs, drawn at random."""
        table = self.catalog.table
        train = (table["split"].eq("train") & ~table["synthetic"]).to_numpy(bool)
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(train))
        kept = ~train
        kept[rows[:n_photographs]] = True
        return dataclasses.replace(
            self, catalog=self.catalog.where(kept), masks=self.masks[kept]
        )

    def dataset(self, rows, **options):
        """Batches of the images at these positions of the catalog, and their masks.

        Args:
            rows: (n,), int.
            **options: As `image_dataset` takes them.
        """
        indices = self.prepared.indices(self.catalog)[rows]
        return image_dataset(self.prepared, indices, masks=self.masks[rows], **options)


def as_squares(image_size, preset=None):
    """What is done to photographs before a segmenter sees them: a `Preparation`.

    Args:
        image_size: Side of the squares in pixels.
        preset: None, they are stretched; or the name of a preset that stretches them
            and changes their values.
    """
    return preparation(preset, image_size) if preset else resize(image_size)


def with_masks(catalog):
    """The rows of a catalog that have a mask."""
    return catalog.where(catalog.table["mask_path"].notna().to_numpy(bool))
