"""Job: every stage of a published system, from archive to report."""

import inspect
import re
from dataclasses import fields
from importlib import resources
from pathlib import Path

import yaml

from keras_derm.jobs.evaluate import ARMS
from keras_derm.runs import RunDirectory

STAGES = (
    "audit_skin_tone",
    "prepare_dataset",
    "train_generator",
    "synthesize",
    "image_quality",
    "train_classifier",
    "evaluate",
    "explain",
    "export_tflite",
)


def run_recipe(
    run: str,
    data: str | None = None,
    recipe: str = "sn_gan_ensemble",
    scale: str = "published",
    weights: dict[str, str] | None = None,
    split_file: str | None = None,
    skip_bad: bool | None = None,
):
    """Run a recipe: audit, prepare, synthesise, train, judge, explain, export, report.

    An export that the gate refuses is told in the report, and at the end by the exit
    status. A finished stage is not done again; a killed run goes on at the epoch it had
    reached. The report lies in report.html of the run directory. The config.yaml of a
    run is a recipe that repeats what was done in it, and no more: --recipe
    runs/first/config.yaml --run runs/again.

    Args:
        run: Run directory to write.
        data: Data source READER:PATH, such as ham10000:/data/HAM10000 or
            phantom:n=2000,seed=7; by default the recipe's, where it names one.
        recipe: Name of a recipe in keras_derm/recipes, or the path of a .yaml file.
        scale: published for the settings of the paper; laptop for 2 processor cores
            and 10,000 images; quick for a small phantom.
        weights: For each backbone imagenet or the path of a weights file, in place
            of the recipe's (--weights.MobileNetV2 PATH).
        split_file: csv with a published split, taken instead of our own.
        skip_bad: Go on without images that cannot be read.
    """
    import time

    from keras_derm import jobs
    from keras_derm.export import ExportRefused

    start, refused = time.monotonic(), None
    settings = load_recipe(recipe, scale)
    stages = settings["stages"]
    audit = stages["audit_skin_tone"]
    audit |= {} if data is None else {"data": data}
    audit |= {} if skip_bad is None else {"skip_bad": skip_bad}
    if "data" not in audit:
        raise ValueError(f"the recipe {recipe} names no data: say --data READER:PATH")
    if split_file is not None:
        stages["prepare_dataset"]["split_file"] = split_file
    stages["train_classifier"]["weights"] = weights or stages["train_classifier"].get(
        "weights"
    )
    known = stages["train_classifier"]["weights"] or {}
    stages["image_quality"].setdefault("feature_weights", known.get("MobileNetV2"))
    only = settings.get("only", STAGES)
    for name in STAGES:
        if name not in only:
            continue
        if name == "train_classifier":
            _train_arms(run, **stages[name])
            continue
        try:
            getattr(jobs, name)(run, **_stage_arguments(stages[name]))
        except ExportRefused as error:
            refused = error
    minutes = (time.monotonic() - start) / 60
    if RunDirectory(run).done("evaluation"):
        jobs.report(run)
        print(f"{minutes:.1f} minutes. Report: {RunDirectory(run) / 'report.html'}")
    else:
        print(f"{minutes:.1f} minutes. Run: {run}")
    if refused is not None:
        raise refused


def _stage_arguments(settings):
    """Settings of a stage as its job takes them."""
    from keras_derm.export import FineTuning

    tuning = settings.get("fine_tuning")
    return settings | ({"fine_tuning": FineTuning(**tuning)} if tuning else {})


def _train_arms(run, arms=None, **settings):
    """Train baseline and augmented, and the arms that differ from them in `arms`.

    Without members, which only a run's own config.yaml is, these alone.
    """
    from keras_derm import jobs

    arms = _arms_of(arms)
    for arm in dict.fromkeys([*(ARMS if "members" in settings else ()), *arms]):
        chosen = settings | arms.get(arm, {})
        jobs.train_classifier(run, arm, **classifier_arguments(chosen))


def classifier_arguments(settings):
    """Settings of a recipe's classifiers as `train_classifier` takes them.

    Args:
        settings: Dict of the stage `train_classifier` of a recipe, without `arms`.

    Returns:
        Dict of the same, with `members` a list of `Member` and `optimization`, where
        there is one, an `Optimization`.
    """
    from keras_derm import jobs

    members = [jobs.Member(**member) for member in settings["members"]]
    arguments = settings | {"members": members}
    if "optimization" in settings:
        arguments["optimization"] = jobs.Optimization(**settings["optimization"])
    return arguments


def load_recipe(recipe, scale):
    """Read a recipe and take the settings of one scale.

    Args:
        recipe: Name in `keras_derm/recipes`, or path of a .yaml file.
        scale: Name of a scale in the recipe.

    Returns:
        Dict of `name`, `scale`, `reference` and `stages`, the settings of every
        stage; what the scale does not name is as published. `only`, where the recipe
        has it, names the stages to be done.

    Raises:
        ValueError: There is no such recipe, scale or stage, the file is no recipe, or
            a stage has no such setting.
    """
    if recipe.endswith((".yaml", ".yml")):
        text = Path(recipe).read_text(encoding="utf-8")
    else:
        folder = resources.files("keras_derm.recipes")
        names = sorted(p.name[:-5] for p in folder.iterdir() if p.suffix == ".yaml")
        if recipe not in names:
            raise ValueError(
                f"`recipe` must be one of {names} or the path of a .yaml file. "
                f"Received: {recipe!r}"
            )
        text = (folder / f"{recipe}.yaml").read_text(encoding="utf-8")
    content = _parsed(text, recipe)
    scales = content.pop("scales")
    if scale not in scales:
        raise ValueError(f"`scale` must be one of {list(scales)}. Received: {scale!r}")
    published = scales["published"]
    unknown = (set(scales[scale]) | set(published)) - set(STAGES)
    if unknown:
        raise ValueError(
            f"a recipe's stages are {list(STAGES)}. Received: {sorted(unknown)}"
        )
    stages = {
        name: {**(published.get(name) or {}), **(scales[scale].get(name) or {})}
        for name in STAGES
    }
    for name, settings in stages.items():
        _check_settings(name, settings)
    return {**content, "scale": scale, "stages": stages}


def _parsed(text, recipe):
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{recipe} is no readable YAML: {error}") from error
    scales = content.get("scales") if isinstance(content, dict) else None
    if not isinstance(scales, dict) or not isinstance(scales.get("published"), dict):
        raise ValueError(
            "a recipe has `scales`, among them `published`, each with the settings of "
            f"its stages. Received: {recipe}, which has not"
        )
    return _with_numbers(content)


def _with_numbers(value):
    """Read 1e-3 as the number that it is, which YAML 1.1 takes for a word."""
    if isinstance(value, dict):
        return {key: _with_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return float(value)
    return value


def _check_settings(stage, settings):
    """Refuse a setting that the stage does not have, before anything is begun."""
    from keras_derm import jobs

    known = set(inspect.signature(getattr(jobs, stage)).parameters) - {"run"}
    if stage != "train_classifier":
        _refuse_unknown(stage, settings, known)
        return
    known -= {"arm"}
    _refuse_unknown(stage, settings, known | {"arms"})
    arms = {
        f"{stage}, arm {name}": arm
        for name, arm in _arms_of(settings.get("arms")).items()
    }
    for where, arm in {stage: settings, **arms}.items():
        _refuse_unknown(where, arm, known | {"arms"})
        for member in arm.get("members") or ():
            _refuse_unknown(f"{where}, members", member, _names(jobs.Member))
        optimization = arm.get("optimization") or {}
        names = _names(jobs.Optimization)
        _refuse_unknown(f"{where}, optimization", optimization, names)


def _arms_of(arms):
    return {name: arm or {} for name, arm in (arms or {}).items()}


def _names(kind):
    return [field.name for field in fields(kind)]


def _refuse_unknown(where, settings, known):
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(
            f"the settings of {where} are {sorted(known)}. Received: {unknown}"
        )
