"""Fine-tune the members of an ensemble for their quantised form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_derm.export.quantization_aware_training import resized, shuffled


@dataclass(frozen=True)
class TrainingImages:
    """What the members of an ensemble are fine-tuned on.

    Attributes:
        take: Function of positions `(m,)`, giving uint8 RGB images of the ensemble's
            size `(m, side, side, 3)`; each member's are resized as the ensemble does.
        n: How many there are.
        targets: Array `(n, n_classes)`, one-hot or any distribution, or None where the
            members imitate themselves.
        sample_weights: Array `(n,)`, or None for equal weights.

    Example:
        >>> training_images = TrainingImages(images.__getitem__, len(images))
    """

    take: Callable[[Any], Any]
    n: int
    targets: Any = None
    sample_weights: Any = None


def check_training_images(images, settings, n_classes):
    """Raise ValueError unless there is what `settings` needs."""
    if images is None or images.n < 1:
        raise ValueError(
            "`fine_tuning` needs `training_images`, one at least. Received: "
            f"{images and images.n}"
        )
    weights, targets = images.sample_weights, images.targets
    right = weights is None or np.shape(weights) == (images.n,)
    if not settings.imitate:
        right &= np.shape(targets) == (images.n, n_classes)
    if not right:
        raise ValueError(
            f"`targets` must be ({images.n}, {n_classes}), unless the members imitate "
            f"themselves, and `sample_weights` ({images.n},) or None. Received: "
            f"{np.shape(targets)} and {np.shape(weights)}"
        )


def member_batches(member, images, settings):
    """Batches for `quantization_aware`, of the member's own size, in random order."""
    size, n_steps = member.input_shape[1:3], settings.n_steps
    order = shuffled(images.n, n_steps * settings.batch_size, settings.seed)
    weights = images.sample_weights
    for rows in order.reshape(n_steps, settings.batch_size):
        seen = resized(images.take(rows), size).round().astype("uint8")
        if settings.imitate:
            targets = member.predict_on_batch(seen.astype("float32"))
        else:
            targets = np.asarray(images.targets)[rows]
        yield (
            seen,
            targets,
            np.ones(len(rows)) if weights is None else np.asarray(weights)[rows],
        )
