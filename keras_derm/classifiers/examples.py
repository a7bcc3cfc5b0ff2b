"""What the classifiers of an arm learn from, and what they are judged by meanwhile."""

import dataclasses

import keras
import numpy as np

from keras_derm.catalog import Catalog, Task
from keras_derm.pipeline import PreparedImages, image_dataset, write_copies


@dataclasses.dataclass(frozen=True)
class Examples:
    """Training images of an arm with their classes, and the validation images.

    Attributes:
        task: `Task` with the classes that real training images have.
        prepared: `PreparedImages` that hold all of them.
        indices: Positions of the training images in them, `(n,)`; the first `n_real`
            are real photographs.
        targets: Their classes, `(n,)`.
        n_real: Number of real photographs among them: an epoch is as long.
        val: `Catalog` of the validation images that the task covers.

    Example:
        >>> examples = training_examples(catalog, prepared, get_task("melanoma"))
        >>> train_member(member, settings, examples, "runs/first/arms/own")
    """

    task: Task
    prepared: PreparedImages
    indices: np.ndarray
    targets: np.ndarray
    n_real: int
    val: Catalog

    def __len__(self):
        return len(self.indices)

    def batches(self, side, **options):
        """Batches of the real training images as they are, without augmentation.

        Args:
            side: Side of the images in pixels.
            **options: As `image_dataset` takes them.
        """
        real = self.indices[: self.n_real or None]
        return image_dataset(self.prepared, real, image_size=(side, side), **options)

    def validation(self, side, batch_size=32):
        """Validation images of one size beside their targets."""
        return image_dataset(
            self.prepared,
            self.prepared.indices(self.val),
            keras.utils.to_categorical(self.val_targets, len(self.task.classes)),
            batch_size=batch_size,
            image_size=(side, side),
        )

    @property
    def val_targets(self):
        """Classes of the validation images, `(n,)`."""
        return self.task.targets(self.val)

    def with_copies(self, folder, n_copies, seed, kind):
        """The same, and changed copies of the training images.

        Args:
            folder: Where the copies are kept.
            n_copies: Copies of each image.
            seed: Integer.
            kind: What is done to them, one of `OFFLINE_COPIES`.
        """
        copies = write_copies(self.prepared, self.indices, folder, n_copies, seed, kind)
        positions = len(self.prepared) + np.arange(len(copies))
        return dataclasses.replace(
            self,
            prepared=self.prepared + copies,
            indices=np.append(self.indices, positions),
            targets=np.append(self.targets, self.targets.repeat(n_copies)),
        )


def training_examples(real, prepared, task, synthetic=None):
    """Choose what a task can learn from a catalog.

    Args:
        real: `Catalog` of the photographs, split.
        prepared: `PreparedImages` of these, and of the synthetic images.
        task: `Task`.
        synthetic: `Catalog` of synthetic images that train too, or None.

    Returns:
        `Examples`.

    Raises:
        CatalogError: The real training images are of one class alone.
    """
    real_train = real.split("train")
    present = task.learnable_from(real_train)
    train = real_train if synthetic is None else real_train.concat(synthetic)
    train = train.where(present.covers(train))
    val = real.split("val")
    return Examples(
        present,
        prepared,
        prepared.indices(train),
        present.targets(train),
        int((~train.table["synthetic"]).sum()),
        val.where(present.covers(val)),
    )
