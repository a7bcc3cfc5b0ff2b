"""Settings of the counterfactual of skin tone."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from keras_derm.settings.kinds import Count, Fraction, Seed, limited
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings

Step = Annotated[float, Field(ge=-90, le=30, allow_inf_nan=False)]


def _different(steps: tuple[float, ...]) -> tuple[float, ...]:
    if not steps or 0 in steps or len(set(steps)) < len(steps):
        raise ValueError("must be different numbers, none 0, whose control is added")
    return tuple(sorted(steps))


Steps = Annotated[tuple[Step, ...], AfterValidator(_different)]


@dataclass(frozen=True)
class CounterfactualToneSettings(StageSettings, stage="counterfactual_tone"):
    """Ask a model about the same photographs with melanin added and removed.

    How often and which way its predictions change, by steps of ITA, with paired
    intervals, beside two controls: no change at all, and the same change of brightness
    without melanin. By diagnosis, and by tone group where it is known. Of a phantom,
    whose truth under more melanin is rendered, it also says how right the changed
    photographs are. It is the sensitivity of a model to a simulated change of colour,
    not a statement about people.

    Judged are the test images of the run by the ensemble of one of its arms and by its
    members, or any photographs by a model given. Writes
    counterfactual_tone/predictions.csv, effects.csv, agreement.csv (of phantoms) and
    summary.json, counterfactual_tone.html, and the figures counterfactual_*.

    Args:
        arm: Whose ensemble, of a run that has been evaluated; chosen is the best one on
            validation.
        model: In place of it an ensemble.keras, an exported .tflite, each with its
            .json beside it, or the folder of an exported ensemble.
        data: Photographs for the model given: a data source READER:PATH, several of
            them, or the catalog.csv of a run. By default the test images of this run.
        split_file: Csv with isic_id and split that says what the model learned from:
            its part test is judged, and the threshold is fitted on its part val.
        steps: Steps of ITA in degrees; below 0 adds melanin.
        n_photographs: Most photographs, drawn at random.
        threshold: Probability from which melanoma is called. By default that of 90 %
            sensitivity on val, of the run or of the split file; where there is neither,
            nothing is said of calls.
        skip_bad: Go on without images that cannot be read.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap and of the draw of photographs.

    Example:
        >>> CounterfactualToneSettings(steps=(-30, 15))
    """

    arm: str = "chosen"
    model: str | None = None
    data: str | tuple[str, ...] | None = None
    split_file: str | None = None
    steps: tuple[float, ...] = limited(Steps, (-60.0, -45.0, -30.0, -15.0, 15.0))
    n_photographs: int = limited(Count, 300)
    threshold: float | None = limited(Fraction | None, None)
    skip_bad: bool = False
    n_replicates: int = limited(Count, 2000)
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        for name in ("data", "split_file"):
            if self.model is None and getattr(self, name) is not None:
                raise SettingsError(
                    f"`{name}` is for a model given; an arm of the run is judged on "
                    f"its test images. Received: {name}={getattr(self, name)!r}"
                )
        if self.split_file is not None and self.data is None:
            raise SettingsError(
                "`split_file` needs `data`, the photographs that it splits. "
                f"Received: split_file={self.split_file!r}"
            )
