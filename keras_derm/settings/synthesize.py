"""Settings of the synthesis."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from keras_derm.settings.kinds import CountFromZero, NonNegative, Seed, limited
from keras_derm.settings.stage import StageSettings

Candidates = Annotated[float, Field(strict=True, ge=1, le=1000)]


@dataclass(frozen=True)
class SynthesizeSettings(StageSettings, stage="synthesize"):
    """Make the diagnoses and tones that are short, screen the images, keep the rest.

    A generator that translates photographs, as a CycleGAN does, translates training
    images with the tone that is wanted, each once at most, and makes the diagnosis it
    was trained for alone.

    Writes synthetic/ (images and catalog.csv) and screening.csv, in which every
    rejected image has its reason.

    Args:
        target_per_diagnosis: Training images each diagnosis shall have; 0 makes none.
        max_ratio: Most synthetic images for each real one of a diagnosis.
        candidates_per_image: Images made for each one wanted, 1 or more, so that some
            can be rejected.
        seed: Seed of the samples, or of which images are translated.

    Example:
        >>> SynthesizeSettings(target_per_diagnosis=700)
    """

    target_per_diagnosis: int = limited(CountFromZero, 1000)
    max_ratio: float = limited(NonNegative, 3.0)
    candidates_per_image: float = limited(Candidates, 1.5)
    seed: int = limited(Seed, 0)
