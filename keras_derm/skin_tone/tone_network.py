"""The network that estimates skin tone, run by LiteRT."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import pydantic

from keras_derm.catalog import SKIN_TONE_SCALES
from keras_derm.described_network import (
    SAVED_MODELS,
    learned_from,
    network,
    read_description,
)
from keras_derm.settings.kinds import ImageType
from keras_derm.skin_tone.calibration import ToneCalibration
from keras_derm.skin_tone.estimator import (
    LEAST_GROUP_PROBABILITY,
    ToneEstimator,
    estimate_of_probabilities,
)
from keras_derm.skin_tone.ita_estimators import CalibratedIta

SHIPPED_NAME = "skin_tone_*.json"


@dataclass(frozen=True)
class ToneNetwork(ToneEstimator):
    """A .tflite file of `train_skin_tone.py`, with the .json beside it.

    It gives one number, about the number of labels between the lightest and the
    person's; a calibration on validation photographs makes probabilities of it. The
    photograph is resized to a square of the network's size, without keeping its
    proportions. The interpreter is made where it is first used, so that the estimator
    may be sent to other processes.

    Attributes:
        path: The .tflite file.
        image_size: Side of its images in pixels.
        cuts: Values between its labels.
        calibration: `ToneCalibration`.
        description: All that the .json says.

    Example:
        >>> network = ToneNetwork.load("saved_models/skin_tone_dermoscopic.tflite")
        >>> network.estimate(Photograph(image, image_type="dermoscopic")).group
        'light'
    """

    path: Path | None = None
    image_size: int = 0
    cuts: tuple = ()
    calibration: ToneCalibration | None = None
    description: dict | None = None

    @classmethod
    def load(cls, path):
        """Read the description, and check that the file is the one it describes.

        Raises:
            FileNotFoundError: The .tflite or its .json is missing.
            ValueError: One is damaged, or does not belong to the other.
        """
        path = Path(path)
        told = read_description(path, _Description, "a tone network")
        return cls(
            f"network {path.stem}",
            told["calibration"]["scale"],
            tuple(told["image_types"]),
            path,
            told["image_size"],
            tuple(told["cuts"]),
            ToneCalibration.from_dict(told["calibration"]),
            told,
        )

    @property
    def is_proven(self):
        """Whether, on photographs it had not seen, the share of groups that were right
        was 0.8 or more, with 95 % confidence."""
        scores = {row["metric"]: row for row in self.description["scores"]}
        low = scores.get("group right", {}).get("low")
        return low is not None and low >= LEAST_GROUP_PROBABILITY

    @property
    def worth(self):
        return self.description.get("worth") or super().worth

    def learned_from(self, catalog):
        """Photographs that the csv of its split, beside it, has in train or val.

        It lists all photographs of these lesions, of whatever type.

        Raises:
            FileNotFoundError: The file of the split is not there.
        """
        return learned_from(self.path, self.description, catalog)

    def look_at(self, photograph):
        side = (self.image_size, self.image_size)
        image = cv2.resize(photograph.image, side, interpolation=cv2.INTER_AREA)
        value = float(network(str(self.path))(image.astype("float32"))[0])
        probabilities = self.calibration.probabilities(value)
        return estimate_of_probabilities(probabilities, self.scale, value, self.cuts)


class _Calibration(pydantic.BaseModel):
    """Fields of `ToneCalibration`."""

    scale: Literal[tuple(SKIN_TONE_SCALES)]
    values: list[pydantic.FiniteFloat]
    darker: list[list[pydantic.FiniteFloat]]
    fitted_on: str

    @pydantic.model_validator(mode="after")
    def _fits(self):
        n_steps = len(SKIN_TONE_SCALES[self.scale]) - 1
        if [len(row) for row in self.darker] != [len(self.values)] * n_steps:
            raise ValueError(
                f"`darker` must have {n_steps} rows of {len(self.values)} numbers"
            )
        return self


class _Score(pydantic.BaseModel):
    """A row of `tone_scores`."""

    model_config = pydantic.ConfigDict(extra="allow")
    metric: str
    low: float | None = None


class _Description(pydantic.BaseModel):
    """What the .json beside a network says."""

    model_config = pydantic.ConfigDict(extra="allow")
    image_types: list[ImageType]
    image_size: Annotated[int, pydantic.Field(strict=True, ge=1, le=4096)]
    calibration: _Calibration
    cuts: list[pydantic.FiniteFloat]
    sha256: str
    scores: list[_Score] = []
    worth: str | None = None
    split_file: str | None = None

    @pydantic.model_validator(mode="after")
    def _fits(self):
        n_cuts = len(SKIN_TONE_SCALES[self.calibration.scale]) - 1
        if len(self.cuts) != n_cuts:
            raise ValueError(f"`cuts` must be {n_cuts} numbers")
        return self


def shipped_networks():
    """The `ToneNetwork`s of saved_models; none where the package lies alone."""
    files = sorted(SAVED_MODELS.glob(SHIPPED_NAME))
    return [ToneNetwork.load(file.with_suffix(".tflite")) for file in files]


def load_estimator(path):
    """Read an estimator from its file.

    Args:
        path: A .tflite of train_skin_tone.py, or a calibration of ITA (.json).

    Returns:
        `ToneEstimator`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: It is neither.
    """
    is_network = Path(path).suffix == ".tflite"
    return ToneNetwork.load(path) if is_network else CalibratedIta.load(path)
