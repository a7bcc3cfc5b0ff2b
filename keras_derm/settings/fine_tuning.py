"""How the members of an ensemble learn once more before they are quantised."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.kinds import Count, Momentum, Positive, Seed, limited
from keras_derm.settings.settings import Settings, SettingsError

Several = Annotated[int, Field(strict=True, ge=2)]


@dataclass(frozen=True)
class FineTuningSettings(Settings):
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

    Example:
        >>> FineTuningSettings("pruning", sparsity=0.7)
    """

    method: Literal["qat", "pruning", "clustering"] = "qat"
    n_steps: int = limited(Count, 300)
    learning_rate: float = limited(Positive, 1e-4)
    batch_size: int = limited(Count, 32)
    sparsity: float = limited(Momentum, 0.5)
    n_clusters: int = limited(Several, 32)
    imitate: bool = True
    seed: int = limited(Seed, 0)

    def check_modes(self, mode: str, member_modes: Iterable[str] = ()) -> None:
        """Refuse modes of quantisation that this method does not go with.

        Args:
            mode: How the ensemble is quantised.
            member_modes: Modes that single members have instead.

        Raises:
            SettingsError: A mode does not fit the method.
        """
        for one in {mode, *filter(self.concerns, member_modes)}:
            if self.method == "qat" and one != "int8":
                raise SettingsError(f"qat gives int8. Received: mode {one!r}")
            if one not in ("int8", "dynamic", "float16"):
                raise SettingsError(
                    "a trained network has one mode: int8, dynamic or float16. "
                    f"Received: {one!r}"
                )

    def concerns(self, mode: str) -> bool:
        """Whether a member with `mode` of its own is fine-tuned: qat is int8 alone."""
        return self.method != "qat" or mode == "int8"

    @classmethod
    def title(cls) -> str:
        return "fine_tuning"
