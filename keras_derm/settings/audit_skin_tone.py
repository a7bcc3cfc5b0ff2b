"""Settings of the audit."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import ImageType
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class AuditSkinToneSettings(StageSettings, stage="audit_skin_tone"):
    """Read an archive, check every image, and measure the apparent skin tone (ITA).

    Writes catalog.csv, the table of diagnosis by tone (audit/tone_by_diagnosis.csv),
    what the two rules disagree on (audit/rule_disagreement.csv), how far a small
    colour cast moves the tone (audit/cast_sensitivity.csv), where people labelled
    tones how far the estimate agrees with them (audit/label_agreement.csv), and
    figures.

    Args:
        data: Data source READER:PATH, such as ham10000:/data/HAM10000 or
            phantom:n=2000,seed=7. Several (--data A --data B) are joined, their ids
            kept apart.
        rule: How tone is measured: quadrant is ours, published that of the
            lora_diffusion paper. Both are measured; this one is used.
        thresholds: Table of ITA limits between the types I to VI.
        skip_bad: Go on without images that cannot be read; they are listed in
            bad_images.csv.
        image_types: Which photographs are taken, in ISIC's words, such as dermoscopic
            or "clinical: close-up"; for several the option is repeated. By default
            those that are dermoscopic, or all where none is. Photographs whose type
            the archive does not know are always taken.

    Example:
        >>> AuditSkinToneSettings(data="phantom:n=200")
    """

    data: str | tuple[str, ...]
    rule: Literal["quadrant", "published"] = "quadrant"
    thresholds: Literal["del_bino", "kinyanjui", "groh"] = "del_bino"
    skip_bad: bool = False
    image_types: tuple[ImageType, ...] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The data sources, also where there is one."""
        return (self.data,) if isinstance(self.data, str) else self.data
