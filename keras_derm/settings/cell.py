"""Images of one kind that are to be made."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from pydantic import Field

from keras_derm.settings.kinds import (
    Count,
    Diagnosis,
    DiagnosisOrGroup,
    ImageType,
    Positive,
    ToneGroup,
    limited,
)
from keras_derm.settings.settings import Settings, SettingsError

Candidates = Annotated[float, Field(strict=True, ge=1, le=1000)]


@dataclass(frozen=True)
class CellSettings(Settings):
    """Images of one kind that are to be made, and how many.

    What is left open is spread in proportion to the real training images: a group of
    diagnoses over its diagnoses, an open tone over the tone groups. One of `count`,
    `share` and `for_each` says how many.

    Args:
        diagnosis: A diagnosis, or a group of them: melanoma, not_melanoma, melanocytic,
            not_melanocytic, benign or malignant, as the tasks have it; any by default.
        tone_group: light, medium, dark or unknown.
        image_type: What a photograph is of, for a generator that is told.
        anatom_site_general: Site in the archive's words, for a generator that is told.
        count: Number of images.
        share: Images for each real training image of the cell, such as 0.5.
        for_each: A diagnosis or group: one image of `diagnosis` for each real training
            image of it, such as those that a CycleGAN translates.
        candidates: Images made for each one wanted, in place of candidates_per_image.

    Example:
        >>> CellSettings("melanocytic", tone_group="dark", count=144)
        >>> CellSettings("MEL", for_each="benign")
    """

    diagnosis: DiagnosisOrGroup | None = None
    tone_group: ToneGroup | None = None
    image_type: ImageType | None = None
    anatom_site_general: str | None = None
    count: int | None = limited(Count | None, None)
    share: float | None = limited(Positive | None, None)
    for_each: DiagnosisOrGroup | None = None
    candidates: float | None = limited(Candidates | None, None)

    CONDITIONS: ClassVar[tuple[str, ...]] = (
        "diagnosis",
        "tone_group",
        "image_type",
        "anatom_site_general",
    )

    @classmethod
    def title(cls) -> str:
        return "cells"

    @property
    def asked(self) -> dict[str, str]:
        """What is asked for, by the name of the condition."""
        values = {name: getattr(self, name) for name in self.CONDITIONS}
        return {name: value for name, value in values.items() if value is not None}

    def check(self) -> None:
        amounts = {name: getattr(self, name) for name in ("count", "share", "for_each")}
        given = {name: value for name, value in amounts.items() if value is not None}
        if len(given) != 1:
            raise SettingsError(
                "a cell says by one of `count`, `share` and `for_each` how many images "
                f"are wanted. Received: {given or 'none of them'} for {self}"
            )

        if self.for_each is not None and self.diagnosis not in get_args(Diagnosis):
            raise SettingsError(
                "`for_each` needs the one `diagnosis` that is to be made, such as "
                f"diagnosis: MEL, for_each: benign. Received: {self}"
            )

    def __str__(self) -> str:
        """Return the cell in the words of a message: what it is of, and how many."""
        kind = ", ".join(
            f"{value} skin" if name == "tone_group" else value
            for name, value in self.asked.items()
        )
        amount = next(
            (
                said
                for said, value in (
                    (f"{self.count} images", self.count),
                    (f"{self.share} for each real image", self.share),
                    (f"one for each {self.for_each} image", self.for_each),
                )
                if value is not None
            ),
            "no number",
        )
        return f"{kind or 'any diagnosis'} ({amount})"
