"""Settings of the synthesis."""

from dataclasses import dataclass
from typing import ClassVar

from keras_derm.settings.cell import Candidates, CellSettings
from keras_derm.settings.kinds import CountFromZero, NonNegative, Seed, limited
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.spreads_work import SpreadsWork
from keras_derm.settings.stage import StageSettings

TARGET_PER_DIAGNOSIS = 1000


@dataclass(frozen=True)
class SynthesizeSettings(SpreadsWork, StageSettings, stage="synthesize"):
    """Make images that are missing, screen them one by one and as a set, keep the rest.

    By default diagnoses that are short are filled up, on the tones that have fewest of
    them; with cells exactly those are made that are asked for. A cell that the
    generator never saw is refused before anything is made.

    A generator that translates photographs, as a CycleGAN does, translates training
    images with the tone that is wanted, each once at most, and makes the diagnosis it
    was trained for alone.

    Of a set (a cell, or several that are small) that is all alike, few images over and
    over, blurred, gridded or unlike real images nothing is kept: the generator did not
    learn it.

    Writes synthetic/ (images and catalog.csv), screening.csv, in which every rejected
    image has its reason, and screening_sets.csv with the measures of every set.

    Args:
        target_per_diagnosis: Training images each diagnosis shall have; 0 makes none.
            1000 where no cells are asked for.
        max_ratio: Most synthetic images for each real one of a diagnosis, where
            diagnoses are filled up.
        cells: Images asked for, in place of target_per_diagnosis, as YAML or JSON:
            --cells '[{diagnosis: melanocytic, tone_group: dark, count: 144},
            {diagnosis: MEL, for_each: benign}]'; --cells.help tells the keys.
        candidates_per_image: Images made for each one wanted, 1 or more, so that some
            can be rejected.
        feature_weights: Weights of MobileNetV2 without the top (a path, or imagenet),
            with which sets are compared with real ones; by default colours, textures
            and pixels are.
        seed: Seed of the samples, or of which images are translated.
        cluster: Where the work is done: none, by the processors of this machine; local,
            by a Ray cluster of this machine alone; or the address of a Ray cluster
            (HOST:PORT, auto, ray://HOST:PORT). Results are the same (extra cluster).

    Example:
        >>> SynthesizeSettings(target_per_diagnosis=700)
        >>> SynthesizeSettings(cells=[{"diagnosis": "MEL", "count": 1000}])
    """

    target_per_diagnosis: int | None = limited(CountFromZero | None, None)
    max_ratio: float = limited(NonNegative, 3.0)
    cells: tuple[CellSettings, ...] | None = None
    candidates_per_image: float = limited(Candidates, 1.5)
    feature_weights: str | None = None
    seed: int = limited(Seed, 0)

    ALTERNATIVES: ClassVar[tuple[str, ...]] = ("cells", "target_per_diagnosis")

    def check(self) -> None:
        if self.cells is None:
            if self.target_per_diagnosis is None:
                object.__setattr__(self, "target_per_diagnosis", TARGET_PER_DIAGNOSIS)
            return
        if self.target_per_diagnosis is not None:
            raise SettingsError(
                "`cells` are made in place of filling diagnoses up: say `cells` or "
                "`target_per_diagnosis`, not both. Received: target_per_diagnosis="
                f"{self.target_per_diagnosis} and {len(self.cells)} cells"
            )
        if not self.cells:
            raise SettingsError("`cells` must name a cell or more. Received: none")
