"""Every stage of a published system, from archive to report."""

import time

from keras_derm.catalog import Catalog, get_task
from keras_derm.export import ExportRefused
from keras_derm.jobs.report import report
from keras_derm.jobs.table import run_stage
from keras_derm.runs import RunDirectory
from keras_derm.settings import Recipe, TrainClassifierSettings
from keras_derm.settings.kinds import ImageType
from keras_derm.settings.recipe import ARM_STAGES
from keras_derm.terminal import silenced


def run_recipe(
    run: str,
    data: str | list[str] | None = None,
    recipe: str = "sn_gan_ensemble",
    scale: str = "published",
    weights: dict[str, str] | None = None,
    split_file: str | None = None,
    skip_bad: bool | None = None,
    image_types: list[ImageType] | None = None,
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
            phantom:n=2000,seed=7; by default the recipe's, where it names one. Several
            (--data A --data B) are joined, their ids kept apart.
        recipe: Name of a recipe in keras_derm/recipes, or the path of a .yaml file.
        scale: published for the settings of the paper; laptop for 2 processor cores
            and 10,000 images; quick for a small phantom.
        weights: For a backbone imagenet or the path of a weights file, in place of what
            the recipe says of it (--weights.MobileNetV2 PATH); for a recipe with Stable
            Diffusion its folder too (--weights.stable_diffusion FOLDER).
        split_file: csv with a published split, taken instead of our own.
        skip_bad: Go on without images that cannot be read.
        image_types: Which photographs are taken, such as dermoscopic or "clinical:
            close-up"; by default those that are dermoscopic, or all where none is.
    """
    start, refused = time.monotonic(), None
    settings = stage_settings(
        recipe, scale, data, weights, split_file, skip_bad, image_types
    )
    directory = RunDirectory(run)
    with directory.locked():
        _check_weights(directory, settings)
        for stage in settings:
            try:
                run_stage(stage.stage, run, stage)
            except ExportRefused as error:
                refused = error
            if stage.stage == "audit_skin_tone":
                check_tasks(Catalog.load(directory.audited_catalog), settings)
            elif stage.stage == "prepare_dataset":
                check_tasks(directory.catalog.split("train"), settings)
    minutes = (time.monotonic() - start) / 60
    if directory.done("evaluate"):
        report(run)
        print(f"{minutes:.1f} minutes. Report: {directory / 'report.html'}")
    else:
        print(f"{minutes:.1f} minutes. Run: {run}")
    if refused is not None:
        raise refused


def check_tasks(catalog, settings):
    """Refuse images from which the arms of a recipe cannot learn, or not be judged.

    It is known when they have been read, and not only when a generator has learned.

    Args:
        catalog: `Catalog` of the images that are learned from.
        settings: List of the settings of stages.

    Raises:
        CatalogError: As `Task.learnable_from`.
    """
    stages = {one.stage for one in settings}
    for one in settings:
        if isinstance(one, TrainClassifierSettings):
            get_task(one.task).learnable_from(catalog, "evaluate" in stages)


def _check_weights(directory, settings):
    """Refuse weights that cannot be had before the first stage."""
    with silenced():  # TensorFlow is loaded
        from keras_derm.jobs.train_classifier import check_member_weights

    for stage in settings:
        if isinstance(stage, TrainClassifierSettings):
            check_member_weights(directory, stage)


def stage_settings(
    recipe,
    scale,
    data=None,
    weights=None,
    split_file=None,
    skip_bad=None,
    image_types=None,
):
    """Settings of all that a recipe does, in its order.

    Args:
        recipe, scale, data, weights, split_file, skip_bad, image_types: As `run_recipe`
            takes them.

    Returns:
        List of the settings of stages; of `train_classifier` those of each arm.

    Raises:
        SettingsError: The recipe cannot be read, or a setting cannot be.
    """
    found = Recipe.load(recipe, scale)
    stages = found.stages
    given = {"data": data, "skip_bad": skip_bad, "image_types": image_types}
    stages["audit_skin_tone"] |= {k: v for k, v in given.items() if v is not None}
    if "data" not in stages["audit_skin_tone"]:
        raise ValueError(f"the recipe {recipe} names no data: say --data READER:PATH")
    if split_file is not None:
        stages["prepare_dataset"]["split_file"] = split_file
    weights = dict(weights or {})
    if "stable_diffusion" in weights:
        _bring(stages["train_generator"], weights.pop("stable_diffusion"), recipe)
    classifiers = stages["train_classifier"]
    known = (classifiers.get("weights") or {}) | weights
    classifiers["weights"] = known or classifiers.get("weights")
    if stages["train_segmenter"].get("network", "unet") == "unet":
        stages["train_segmenter"].setdefault("weights", known.get("MobileNetV2"))
    for name in ("synthesize", "image_quality"):
        stages[name].setdefault("feature_weights", known.get("MobileNetV2"))
    return [
        settings
        for name in found.only
        for settings in (
            found.arms(name).values() if name in ARM_STAGES else [found.settings(name)]
        )
    ]


def _bring(train_generator, folder, recipe):
    """Tell Stable Diffusion where its weights lie."""
    generator = train_generator.get("generator")
    if isinstance(generator, str):
        generator = {generator: {}}
    if set(generator or {}) != {"stable_diffusion"}:
        raise ValueError(
            f"--weights.stable_diffusion is for recipes that use it, and {recipe} at "
            f"this scale uses {next(iter(generator or {'sngan': {}}))}. "
            f"Received: {folder}"
        )
    settings = (generator["stable_diffusion"] or {}) | {"folder": str(folder)}
    train_generator["generator"] = {"stable_diffusion": settings}
