"""Fine-tune the members of an ensemble for their quantised form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_derm.export.quantization_aware_training import (
    quantization_aware,
    resized,
    shuffled,
)


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
    """

    take: Callable[[Any], Any]
    n: int
    targets: Any = None
    sample_weights: Any = None


def fine_tuned_member(member, path, training_images, settings, **file):
    """Fine-tune one member and write the file that takes the ensemble's images.

    Args:
        member: Flat classifier.
        path: Where to write; ends in `.tflite`.
        training_images: `TrainingImages`.
        settings: `FineTuningSettings`.
        **file: `representative_images`, `image_size`, `symmetric`, `classes`, `mode`
            and `io` as `quantization_aware` takes them.

    Returns:
        Dict, the content of the .json beside the file.
    """
    chosen = settings.to_dict()
    del chosen["imitate"], chosen["batch_size"]
    print(f"{member.name}: {settings.method}, {settings.n_steps} steps", flush=True)
    return quantization_aware(
        member,
        path,
        _batches(member, training_images, settings),
        **chosen,
        **file,
    )


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


def _batches(member, images, settings):
    """Batches of the member's own size, in an order of chance."""
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
