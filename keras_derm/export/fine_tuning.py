"""Fine-tune the members of an ensemble for their quantised form."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from keras_derm.export.quantization_aware_training import (
    check_method,
    check_packages,
    quantization_aware,
    resized,
    shuffled,
)


@dataclass(frozen=True)
class FineTuning:
    """How each member learns once more, for its quantised form, before it is written.

    Args:
        method: qat, quantisation-aware training; pruning, the smallest weights become
            zero; or clustering, the weights of a layer share a few values. The last
            two make a file smaller where it is compressed.
        n_steps: Optimizer steps of each member.
        learning_rate: Rate of the first step.
        batch_size: Images a step.
        sparsity: Share of each kernel that pruning sets to zero.
        n_clusters: Values that a kernel may have after clustering.
        imitate: Learn what the member itself says of the training images, so that it
            stays the network that was judged, with what its own loss, augmentation and
            choice of the best epoch gave it; else learn the diagnoses again.
        seed: Seed of the order of the images and of dropout.
    """

    method: Literal["qat", "pruning", "clustering"] = "qat"
    n_steps: int = 300
    learning_rate: float = 1e-4
    batch_size: int = 32
    sparsity: float = 0.5
    n_clusters: int = 32
    imitate: bool = True
    seed: int = 0

    def check(self, mode, member_modes=()):
        """Raise unless these settings are possible and what they need is installed.

        Args:
            mode: How to quantise, one of `MODES`.
            member_modes: Modes that single members have instead.

        Raises:
            ImportError: The extra `quantization` is not installed.
            ValueError: A setting is out of range, or does not fit a mode.
        """
        check_packages()
        if self.learning_rate <= 0 or self.batch_size < 1:
            raise ValueError(
                "`learning_rate` must be above 0 and `batch_size` 1 or more. Received: "
                f"{self.learning_rate}, {self.batch_size}"
            )
        for one in {mode, *filter(self.concerns, member_modes)}:
            check_method(self.method, one, self.n_steps, self.sparsity, self.n_clusters)

    def concerns(self, mode):
        """Whether a member with `mode` of its own is fine-tuned: qat is int8 alone."""
        return self.method != "qat" or mode == "int8"


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
        settings: `FineTuning`.
        **file: `representative_images`, `image_size`, `symmetric`, `classes`, `mode`
            and `io` as `quantization_aware` takes them.

    Returns:
        Dict, the content of the .json beside the file.
    """
    chosen = asdict(settings)
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
