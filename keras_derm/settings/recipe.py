"""Recipes: the settings of every stage of a system, in one YAML file."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Self

from keras_derm.settings.arms import ARMS
from keras_derm.settings.generators import GENERATOR_SETTINGS
from keras_derm.settings.settings import Settings, SettingsError
from keras_derm.settings.stage import STAGES, StageSettings
from keras_derm.settings.train_classifier import TrainClassifierSettings
from keras_derm.settings.train_segmenter import TrainSegmenterSettings
from keras_derm.settings.yaml_files import read_yaml

RECIPE_STAGES = (
    "audit_skin_tone",
    "find_duplicates",
    "prepare_dataset",
    "train_generator",
    "synthesize",
    "image_quality",
    "train_classifier",
    "train_lesion_classifier",
    "evaluate",
    "train_segmenter",
    "evaluate_segmenter",
    "explain",
    "export_tflite",
)
"""The stages of a recipe in the order in which they are run."""

ASKED_FOR = (
    "find_duplicates",
    "train_lesion_classifier",
    "train_segmenter",
    "evaluate_segmenter",
)
"""Stages that a recipe runs where it names them alone."""

ARM_STAGES: dict[str, type[TrainClassifierSettings] | type[TrainSegmenterSettings]] = {
    "train_classifier": TrainClassifierSettings,
    "train_segmenter": TrainSegmenterSettings,
}
"""Stages that are done once for every arm."""


@dataclass(frozen=True)
class Recipe:
    """Settings of every stage of a recipe at one scale.

    Attributes:
        name: Its name.
        scale: The scale that was taken.
        stages: For each of `RECIPE_STAGES` a dict of what the recipe says of it; what
            it leaves out has its default.
        only: The stages to be run; where the recipe does not say it, all but those of
            `ASKED_FOR` that it does not name.
        reference: The publication, or None.

    Example:
        >>> recipe = Recipe.load("melanet", "published")
        >>> recipe.settings("synthesize").cells
        (CellSettings(diagnosis='MEL', ..., for_each='benign', ...),)
    """

    name: str
    scale: str
    stages: dict[str, dict[str, Any]]
    only: tuple[str, ...] = tuple(n for n in RECIPE_STAGES if n not in ASKED_FOR)
    reference: str | None = None

    @classmethod
    def load(cls, recipe: str, scale: str) -> Self:
        """Read a recipe and take the settings of one scale.

        Args:
            recipe: Name in `keras_derm/recipes`, or path of a .yaml file.
            scale: Name of a scale in the recipe; what it does not name is as published.

        Raises:
            SettingsError: There is no such recipe, scale or stage, the file is no
                recipe, or a stage has no such setting, or not with this value.
        """
        content = _parsed(_text(recipe), recipe)
        scales = content["scales"]
        if scale not in scales:
            raise SettingsError(
                f"`scale` must be one of {list(scales)}. Received: {scale!r}"
            )
        chosen, published = scales[scale] or {}, scales["published"]
        for unknown in (set(chosen) | set(published)) - set(RECIPE_STAGES):
            raise SettingsError(
                f"a recipe's stages are {list(RECIPE_STAGES)}. Received: {unknown!r}"
            )
        stages = {
            name: _merged(STAGES[name], published.get(name), chosen.get(name))
            for name in RECIPE_STAGES
        }
        named = {*chosen, *published}
        usual = [n for n in RECIPE_STAGES if n not in ASKED_FOR or n in named]
        only = tuple(_only(content.get("only", usual)))
        name = str(content.get("name", Path(recipe).stem))
        found = cls(name, scale, stages, only, content.get("reference"))
        for stage in RECIPE_STAGES:
            found.check(stage)
        return found

    def settings(self, stage: str, **others: Any) -> StageSettings:
        """Settings of a stage, with `others` in place of what the recipe says."""
        said = {k: v for k, v in self.stages[stage].items() if k != "arms"}
        return STAGES[stage].from_dict(said | others)

    def arms(self, stage: str = "train_classifier") -> dict[str, Any]:
        """Settings of each arm that is to be trained, by its name.

        They are `ARMS` and those that differ from these in `arms`; the first of `ARMS`
        alone where nothing is synthesised. Without what is shared, such as `members`,
        which only a run's own config.yaml is, they are those in `arms` alone.

        Args:
            stage: One of `ARM_STAGES`.
        """
        kind = ARM_STAGES[stage]
        shared = dict(self.stages[stage])
        own = shared.pop("arms", None) or {}
        whole = "members" in shared if stage == "train_classifier" else bool(shared)
        usual = ARMS if "synthesize" in self.only else ARMS[:1]
        names = dict.fromkeys([*(usual if whole else ()), *own])
        return {
            arm: kind.from_dict(
                _merged(kind, shared, own.get(arm)) | {"arm": arm},
                f"{stage}, arm {arm}",
            )
            for arm in names
        }

    def check(self, stage: str) -> None:
        """Refuse a setting that the stage does not have, or a value that cannot be."""
        # The archive may be named on the command line alone.
        self.settings(
            stage, **({"data": "phantom"} if stage == "audit_skin_tone" else {})
        )
        if stage in ARM_STAGES:
            self.arms(stage)


def _text(recipe: str) -> str:
    if recipe.endswith((".yaml", ".yml")):
        try:
            return Path(recipe).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SettingsError(
                f"a recipe must be text in UTF-8: save it so. Received: {recipe}"
            ) from error
    folder = resources.files("keras_derm.recipes")
    names = sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml"))
    if recipe not in names:
        raise SettingsError(
            f"`recipe` must be one of {names} or the path of a .yaml file. "
            f"Received: {recipe!r}"
        )
    return (folder / f"{recipe}.yaml").read_text(encoding="utf-8")


def _parsed(text: str, recipe: str) -> dict[str, Any]:
    content = read_yaml(text, recipe)
    scales = content.get("scales") if isinstance(content, dict) else None
    if not isinstance(scales, dict) or not isinstance(scales.get("published"), dict):
        raise SettingsError(
            "a recipe has `scales`, among them `published`, each with the settings of "
            f"its stages. Received: {recipe}, which has not"
        )
    for scale, stages in scales.items():
        if stages is not None and not isinstance(stages, dict):
            raise SettingsError(
                f"scale {scale} must name stages with their settings. "
                f"Received: {stages!r}"
            )
    return content


def _only(stages: Any) -> list[str]:
    known = isinstance(stages, list | tuple) and set(stages) <= set(RECIPE_STAGES)
    if not known:
        raise SettingsError(
            f"`only` must be a list of {list(RECIPE_STAGES)}. Received: {stages!r}"
        )
    return [name for name in RECIPE_STAGES if name in stages]


def _merged(kind: type[Settings], published: Any, chosen: Any) -> dict[str, Any]:
    """What a scale says of a stage, over what is published.

    Settings within settings are merged too, so that a scale names only what it
    changes: those of one generator, or of the optimization. Lists and dicts of names,
    such as `members` and `weights`, are replaced as a whole, and so are the others of
    `ALTERNATIVES` by the one that a scale names.
    """
    for said in (published, chosen):
        if said is not None and not isinstance(said, dict):
            kind.from_dict(said)  # says what is wrong
    if set(chosen or {}) & set(kind.ALTERNATIVES):
        others = set(kind.ALTERNATIVES)
        published = {k: v for k, v in (published or {}).items() if k not in others}
    merged = {**(published or {}), **(chosen or {})}
    for name in {"optimization", "fine_tuning"} & set(published or {}) & set(merged):
        if isinstance(merged[name], dict) and isinstance(published[name], dict):
            merged[name] = published[name] | merged[name]
    if "generator" in merged:
        merged["generator"] = _merged_generator(published, chosen)
    return merged


def _merged_generator(published: Any, chosen: Any) -> Any:
    said = [
        each["generator"]
        for each in (published, chosen)
        if each and "generator" in each
    ]
    named = [{one: {}} if isinstance(one, str) else one for one in said]
    if not all(isinstance(one, dict) for one in named) or len(named) < 2:
        return said[-1]
    first, last = named
    if set(first) != set(last) or not set(first) <= set(GENERATOR_SETTINGS):
        return said[-1]
    return {name: (first[name] or {}) | (last[name] or {}) for name in first}
