"""Settings of the making of a reader study."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.kinds import Count, CountFromZero, Seed, Share, limited
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings

Part = Literal["origin", "plausibility", "diagnosis", "tone", "preparation"]
PictureSize = Annotated[int, Field(strict=True, ge=128, le=1024)]


@dataclass(frozen=True)
class MakeReaderStudySettings(StageSettings, stage="make_reader_study"):
    """Make a blinded study for dermatologists: one HTML page, and its key apart.

    Every reader sees the same pictures in an order of his or her own, chosen by a code.
    Of each diagnosis there are as many photographs as synthetic images, all prepared,
    resized and encoded alike. Some are shown twice, for a reader's own consistency;
    some ask for a certain answer, to see who pays attention.

    Writes reader_study/study.html, which goes to the readers, and key.json beside it,
    which does not. Answers are scored by score_reader_study.py.

    Args:
        parts: What is asked: origin (photograph or synthetic), plausibility (1 to 5,
            and what is wrong), diagnosis, tone (of the skin, as it seems), preparation
            (before and after, blinded: are the diagnostic signs preserved).
        n_pictures: Pictures of all parts but preparation.
        n_pairs: Pairs of the part preparation.
        n_readers: Readers, each of whom gets a code.
        repeat_share: Share of the pictures that are shown twice.
        n_checks: Checks of attention.
        screened_out_share: Share of the synthetic images that screening rejected, to
            see whether readers reject the same.
        tone_scale: Scale of the part tone.
        splits: Where photographs are drawn from; a generator knows those of train.
        picture_size: Side of the pictures in pixels.
        page_title: Title of the page. It must not tell what is studied.
        seed: Seed of pictures and orders.

    Example:
        >>> MakeReaderStudySettings(parts=["origin", "tone"], n_readers=8)
    """

    parts: tuple[Part, ...] = ("origin", "plausibility", "diagnosis")
    n_pictures: int = limited(Count, 100)
    n_pairs: int = limited(Count, 30)
    n_readers: int = limited(Count, 6)
    repeat_share: float = limited(Share, 0.1)
    n_checks: int = limited(CountFromZero, 3)
    screened_out_share: float = limited(Share, 0.2)
    tone_scale: Literal["monk", "fitzpatrick", "fitzpatrick_pairs", "milk10k"] = "monk"
    splits: tuple[Literal["train", "val", "test"], ...] = ("val", "test")
    picture_size: int = limited(PictureSize, 384)
    page_title: str = "Reader study: skin lesions"
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        if not self.parts:
            raise SettingsError("`parts` must name one part or more. Received: none")
        if self.repeat_share > 0.4:
            raise SettingsError(
                "`repeat_share` must be 0.4 or less, so that a repeat stands far from "
                f"the first showing. Received: {self.repeat_share}"
            )

    @property
    def shows_synthetic(self) -> bool:
        """Whether a part asks of synthetic images."""
        return bool({"origin", "plausibility"} & set(self.parts))

    @property
    def shows_singles(self) -> bool:
        """Whether a part asks of single pictures."""
        return set(self.parts) != {"preparation"}
