"""The apps: what each is called, what it takes, and where its work lies.

An app that is a stage of a run has its settings in `keras_derm.settings` and its work,
a `Stage`, in the module of `keras_derm.jobs` that is called like the app. Nothing here
imports that module before it is needed: it imports TensorFlow.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from keras_derm.settings import RECIPE_STAGES, STAGES, StageSettings
from keras_derm.terminal import silenced


@dataclass(frozen=True)
class App:
    """One app.

    Args:
        name: Its name: of its script in apps/, of its module, and of its stage.
        function: Where the function lies that does it, as `module:name`, if it is no
            stage.
        positional: Options whose values may stand first, without the option; one that
            ends in * takes a list of all that are left.
        several_workers: Whether it knows what to do where TF_CONFIG names several.

    Example:
        >>> app("evaluate").settings
        <class 'keras_derm.settings.evaluate.EvaluateSettings'>
    """

    name: str
    function: str | None = None
    positional: tuple[str, ...] = ()
    several_workers: bool = False

    @property
    def settings(self) -> type[StageSettings] | None:
        """Class of its settings, or None where it is no stage."""
        return None if self.function else STAGES[self.name]

    @property
    def work(self) -> Any:
        """Its `Stage`, or its function. TensorFlow is loaded without a word."""
        if self.function:
            module, _, name = self.function.partition(":")
        else:
            module = f"keras_derm.jobs.{self.name}"
            name = "".join(part.capitalize() for part in self.name.split("_"))
        with silenced():
            work = getattr(import_module(module), name)
            if tensorflow := sys.modules.get("tensorflow"):
                tensorflow.config.list_physical_devices()  # it misses GPUs aloud, once
        return work

    @property
    def summary(self) -> str:
        """The first sentence of its help."""
        source: Callable[..., Any] | type = self.settings or self.work
        return (source.__doc__ or "").partition("\n\n")[0].replace("\n", " ").strip()


TOGETHER = ("train_classifier", "train_generator")
"""Stages that several workers do together."""

APPS = (
    App("run_recipe", function="keras_derm.jobs.run_recipe:run_recipe"),
    *(App(name, several_workers=name in TOGETHER) for name in RECIPE_STAGES),
    App("report", function="keras_derm.jobs.report:report"),
    App(
        "predict",
        function="keras_derm.jobs.predict:predict",
        positional=("model", "images*"),
    ),
    App(
        "recalibrate",
        function="keras_derm.jobs.recalibrate:recalibrate",
        positional=("model", "output"),
    ),
    App("compare"),
    App("counterfactual_tone"),
    App("make_reader_study"),
    App(
        "score_reader_study",
        function="keras_derm.jobs.score_reader_study:score_reader_study",
        positional=("answers*",),
    ),
    App("train_skin_tone"),
    App("validate_skin_tone"),
    App("tune"),
    App(
        "make_phantom",
        function="keras_derm.phantom:write_phantom",
        positional=("output",),
    ),
)
"""All apps, those of a recipe in the order in which it runs them."""


def app(name: str) -> App:
    """The app that is called `name`, or is the only one whose name begins so.

    Raises:
        ValueError: There is none, or there are several.
    """
    exact = [one for one in APPS if one.name == name]
    found = exact or [one for one in APPS if one.name.startswith(name)]
    if len(found) != 1:
        raise ValueError(
            f"the app must be one of {', '.join(one.name for one in found or APPS)}. "
            f"Received: {name!r}"
        )
    return found[0]


def run_stage(
    name: str, run: Any, settings: StageSettings | None = None, **options: Any
) -> Any:
    """Run one stage of a run, as the app of that name does.

    Args:
        name: Name of the stage.
        run: Run directory.
        settings: Its settings.
        **options: In place of `settings`, single ones; the others have their default.

    Raises:
        SettingsError: A setting is unknown or cannot be.
        FileNotFoundError: A stage that it builds on has not been done.

    Example:
        >>> run_stage("audit_skin_tone", "runs/first", data="phantom:n=200,seed=7")
        >>> run_stage("prepare_dataset", "runs/first", image_size=96)
    """
    if settings is None:
        settings = STAGES[name].from_dict(options)
    return app(name).work(run, settings).do()


def readme_rows() -> str:
    """The rows of README's table of apps."""
    return "\n".join(f"| `{one.name}` | {one.summary} |" for one in APPS)
