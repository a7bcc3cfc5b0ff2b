"""What the .json beside a model tells, checked before anything is made of it."""

from typing import Annotated

import pydantic

from keras_derm.evaluation import ConformalSets, ShiftReference
from keras_derm.evaluation.class_scores.conformal import MARGINAL
from keras_derm.export import ModelFileError, PhotographLimits
from keras_derm.export.photograph_limits import COLOUR_BINS
from keras_derm.files import shown
from keras_derm.preparations import photograph_preparation
from keras_derm.skin_tone import IndividualTypologyAngle

Number = Annotated[float, pydantic.Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(strict=True, ge=0, le=1)]
Bin = Annotated[int, pydantic.Field(strict=True, ge=0, lt=COLOUR_BINS**2)]
MEASURES = ("sharpness", "lightness", "unusual_colour", "distance")


class _Sets(pydantic.BaseModel):
    """Fields of `ConformalSets`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    classes: tuple[str, ...]
    alpha: Share
    thresholds: dict[str, Number]
    n: dict[str, int]
    reasons: dict[str, str]
    class_thresholds: dict[str, Number] = {}
    n_of_class: dict[str, int] = {}

    @pydantic.model_validator(mode="after")
    def _has_marginal(self):
        if MARGINAL not in self.thresholds:
            raise ValueError(f"`thresholds` must have {MARGINAL!r}")
        return self


class _Reference(pydantic.BaseModel):
    """Fields of `ShiftReference`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    n: dict[str, int]
    values: dict[str, list[Number]]
    shares: dict[str, list[Share]]

    @pydantic.model_validator(mode="after")
    def _fits(self):
        for name, n in self.n.items():
            lengths = {len(of.get(name, ())) for of in (self.values, self.shares)}
            if n < 1 or len(lengths) != 1 or lengths == {0}:
                raise ValueError(f"`values` and `shares` of {name} must be as long")
        return self


class _Probability(pydantic.RootModel[Share]):
    """A number within [0, 1]."""


class _Biases(pydantic.RootModel[dict[str, Number]]):
    """What is added to the log-probability of each class."""


class _Limits(pydantic.BaseModel):
    """Fields of `PhotographLimits`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    n: int
    quantiles: dict[str, dict[str, Number]]
    usual_colours: list[Bin]
    mean: list[Number]
    precision: list[list[Number]]

    @pydantic.model_validator(mode="after")
    def _fits(self):
        shares = {"0.01", "0.99"}
        for name in MEASURES:
            if not shares <= set(self.quantiles.get(name, ())):
                raise ValueError(f"`quantiles` must have the shares {shares} of {name}")
        sides = [len(self.mean), *map(len, self.precision)]
        if len(self.precision) != len(self.mean) or len(set(sides)) != 1:
            raise ValueError("`precision` must be a square of the length of `mean`")
        return self


class _Rule(pydantic.BaseModel):
    """Arguments of `IndividualTypologyAngle`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    rule: str = "quadrant"
    thresholds: str = "del_bino"


class ModelFacts:
    """What is told of a model, as objects.

    Args:
        facts: What its .json holds, of which `classes` and `image_size` were checked.
        path: The model, for messages.

    Attributes:
        classes: Class names.
        sets: `ConformalSets`, or None where the model was not evaluated.
        reference: `ShiftReference` of the photographs that these were fitted on, or
            None.
        class_biases: As of `add_class_biases`, or None.
        limits: `PhotographLimits`, or None.
        unsure_below: Highest probability below which the model is called unsure, or
            None.
        colour: `IndividualTypologyAngle` by the rule of the audit.
        prepare: Function from a photograph, uint8 RGB of any size, to what the model
            takes; TensorFlow is loaded where the preset needs it.

    Raises:
        ModelFileError: With the name and value of what cannot be.

    Example:
        >>> ModelFacts(json.loads(text), "arms/baseline/ensemble.keras").sets
    """

    def __init__(self, facts, path):
        self._facts, self._path = facts, path
        self.classes = tuple(facts["classes"])
        sets = self._checked("conformal", _Sets)
        if sets is not None and sets["classes"] != self.classes:
            raise self._wrong("conformal", "`classes` must be those of the model")
        self.sets = None if sets is None else ConformalSets(**sets)
        reference = self._checked("shift", _Reference)
        told = {*self.classes, "ita"}
        if reference is not None and not set(reference["n"]) <= told:
            raise self._wrong("shift", f"`n` must be of some of {sorted(told)}")
        self.reference = None if reference is None else ShiftReference(**reference)
        biases = self._checked("class_biases", _Biases)
        if biases is not None and biases.keys() != {*self.classes}:
            raise self._wrong("class_biases", "each class must have one, and no other")
        self.class_biases = biases and [biases[name] for name in self.classes]
        limits = self._checked("photographs", _Limits)
        self.limits = None if limits is None else PhotographLimits(**limits)
        self.unsure_below = self._checked("unsure_below", _Probability)
        name = "photograph_colour" if "photograph_colour" in facts else "skin_tone"
        self.colour = self._made(
            name, lambda: IndividualTypologyAngle(**(self._checked(name, _Rule) or {}))
        )
        # Without a preset the file prepares for itself, all but the size.
        preset, size = facts.get("preset"), facts["image_size"][0]
        self.prepare = self._made("preset", lambda: _preparation(preset, size))

    def _checked(self, name, kind):
        """One entry as a dict of the right types, or None where there is none."""
        if self._facts.get(name) is None:
            return None
        try:
            return kind.model_validate(self._facts[name]).model_dump()
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            said = first["msg"].removeprefix("Value error, ")
            raise self._wrong(name, f"{place} {said}".strip()) from error

    def _made(self, name, make):
        try:
            return make()
        except ModelFileError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise self._wrong(name, str(error)) from error

    def _wrong(self, name, cause):
        return ModelFileError(
            f"`{name}` in the .json of {self._path} cannot be: {shown(cause)[1:-1]}. "
            "Copy it anew from the run, or export the model again. "
            f"Received: {shown(self._facts.get(name))}"
        )


def _preparation(preset, size):
    prepare = photograph_preparation(preset, size)
    if prepare is not None:
        return prepare
    from keras_derm.layers import preparation
    from keras_derm.pipeline import image_preparation

    return image_preparation(preparation(preset, size))
