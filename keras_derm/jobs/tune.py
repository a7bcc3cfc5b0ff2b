"""Job: find how a classifier of this archive is best trained."""

import inspect
import json
import os
import time
from typing import Literal

from keras_derm.jobs.train_classifier import (
    MEMBER_OPTIONS,
    Member,
    Optimization,
    check_members,
    train_classifier,
)
from keras_derm.runs import RunDirectory

DEFAULTS = {
    name: inspect.signature(train_classifier).parameters[name].default
    for name in ("task", "batch_norm_momentum", "weights", "seed")
}
"""Of what neither a search nor its recipe says."""
WAIT_S = 60
PRESETS = ("sn_gan_ensemble", "keras_derm", "cwgan_gp", "melanet")
OBJECTIVE = "val_auc"


def tune(
    run: str,
    member: Member = Member("MobileNetV2"),  # noqa: B008 (never changed)
    n_trials: int = 20,
    search: Literal["random", "bayesian"] = "random",
    learning_rate: tuple[float, float] = (1e-5, 1e-2),
    weight_decay: tuple[float, float] = (1e-6, 1e-2),
    dropout: tuple[float, float] = (0.0, 0.5),
    batch_size: tuple[int, ...] = (16, 32, 64),
    preset: tuple[str, ...] = PRESETS,
    augmentation_strength: tuple[float, float] = (0.0, 2.0),
    recipe: str = "sn_gan_ensemble",
    scale: str = "published",
    task: str | None = None,
    imbalance: Literal[
        "none", "class_weights", "focal", "balanced_sampling", "logit_adjustment"
    ]
    | None = None,
    batch_norm_momentum: float | None = None,
    optimization: Optimization | None = None,
    weights: dict[str, str] | None = None,
    seed: int | None = None,
):
    """Search learning rate, batch size, weight decay, dropout and augmentation.

    Each trial trains one classifier on the real training images of a run and is judged
    by its best macro AUC on val; test images are never looked at. Writes
    tuning/trials.csv and tuning/recipe.yaml, a recipe with the best settings:
    run_recipe.py --recipe runs/x/tuning/recipe.yaml --run runs/tuned. A search that was
    stopped goes on in the epoch of the trial that it had reached; a greater n_trials
    goes on from a finished one.

    Several workers share a search by keras-tuner's own variables. Start this command
    with the same options and the same run directory, which all must see, once as
    KERASTUNER_TUNER_ID=chief and once or more as KERASTUNER_TUNER_ID=tuner0, tuner1,
    ..., each with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT of the chief. The
    chief trains nothing; it hands out trials and writes the result. It waits for every
    worker that it has seen: one that was ended must come back under its own name.

    Args:
        run: Run directory with prepared images.
        member: What is trained; its learning rate is one of those searched.
        n_trials: Trials in all.
        search: random, or bayesian, which learns from the trials before.
        learning_rate: Least and greatest peak of the schedule, searched by its
            logarithm.
        weight_decay: Least and greatest weight decay, searched by its logarithm.
        dropout: Least and greatest rate after the pooling.
        batch_size: Images a step: those to be tried.
        preset: Chains of random image layers to be tried.
        augmentation_strength: Least and greatest factor of how far they go.
        recipe: Recipe that gives everything about the training that is not said here,
            and in recipe.yaml the other stages.
        scale: Its scale.
        task: What is to be told apart: diagnosis8, melanoma or melanocytic; by default
            as the recipe says, and so for all that follow.
        imbalance: What is done about rare classes.
        batch_norm_momentum: Momentum of BatchNormalization.
        optimization: Optimizer, schedule and when to end, as train_classifier.py has
            them (--optimization.ema_momentum 0.98); in place of all that the recipe
            says of these.
        weights: For each backbone imagenet or the path of a weights file.
        seed: Seed of the search and of every trial.
    """
    from dataclasses import asdict

    settings = {
        name: value
        for name, value in locals().items()
        if name not in ("run", "asdict", "member", "optimization")
    }
    settings |= {
        "member": asdict(member),
        "optimization": optimization and asdict(optimization),
    }
    if member.file is not None or member.precision == "auto":
        raise ValueError(
            "`member` is trained in every trial, and in one precision: leave out "
            "`file`, and name a precision in place of auto. "
            f"Received: file={member.file!r}, precision={member.precision!r}"
        )
    # Before anything is set aside.
    trial = trial_settings(settings, {"learning_rate": learning_rate[0]})
    for one in preset:
        for strength in augmentation_strength:
            check_members(trial | {"preset": one, "augmentation_strength": strength})
    run = RunDirectory(run)
    if os.environ.get("KERASTUNER_ORACLE_IP") and not _is_chief():
        if _chief_goes_on(run, settings):
            _search(run, settings)
        return
    stage = run.stage(
        "tuning",
        settings,
        after=["prepare"],
        folders=["tuning"],
        extends=["n_trials"],
        self_contained=True,
    )
    with stage as todo:
        if todo:
            _write(run, settings, _search(run, settings))


def trial_settings(settings, values):
    """Settings of the arm that a trial trains.

    Args:
        settings: Settings of `tune`.
        values: What the trial tries, by name.

    Returns:
        Dict as `train_member` takes it, `members` with the one member.
    """
    from keras_derm.jobs.run_recipe import load_recipe

    recipe = load_recipe(settings["recipe"], settings["scale"])["stages"]
    of_recipe = {
        name: value
        for name, value in recipe["train_classifier"].items()
        if name not in ("arms", "members", "precision")
    }
    of_recipe["optimization"] = MEMBER_OPTIONS["optimization"] | (
        of_recipe.get("optimization") or {}
    )
    said = {name: value for name, value in settings.items() if value is not None}
    values = dict(values)
    member = settings["member"] | {"learning_rate": values.pop("learning_rate")}
    chosen = DEFAULTS | MEMBER_OPTIONS | of_recipe | said | values
    chosen["weights"] = chosen["weights"] or {}
    return chosen | {"members": [member]}


def _chief_goes_on(run, settings):
    """Wait for the chief's search; False where it is done.

    Raises:
        ValueError: The chief was started with other options.
        RuntimeError: There is no chief.
    """
    wanted = json.loads(json.dumps(settings, default=str))
    end, of_chief = time.monotonic() + WAIT_S, None
    while time.monotonic() < end:
        if run.done("tuning") and run.settings("tuning") == wanted:
            print("[tuning] already done", flush=True)
            return False
        of_chief = run.begun("tuning")
        if of_chief and of_chief | {"n_trials": wanted["n_trials"]} == wanted:
            return True
        time.sleep(1)
    if of_chief is None:
        raise RuntimeError(
            f"no chief has begun a search here within {WAIT_S} s: start it first, with "
            f"the same run directory. Received: {run.path}"
        )
    told = [key for key in wanted if of_chief.get(key) != wanted[key]]
    raise ValueError(
        "a worker needs the options of its chief. Received: other "
        f"{', '.join(told)} than {', '.join(str(of_chief.get(key)) for key in told)}"
    )


def _is_chief():
    return "chief" in os.environ.get("KERASTUNER_TUNER_ID", "")


def _search(run, settings):
    """Run the trials; return the oracle that knows them."""
    import keras_tuner

    from keras_derm.jobs.tuner import BayesianOptimization, MemberTuner, RandomSearch

    space = keras_tuner.HyperParameters()
    for name in ("learning_rate", "weight_decay"):
        least, greatest = settings[name]
        space.Float(name, least, greatest, sampling="log")
    for name in ("dropout", "augmentation_strength"):
        space.Float(name, *settings[name])
    for name in ("batch_size", "preset"):
        space.Choice(name, list(settings[name]))
    oracles = {
        "random": RandomSearch,
        "bayesian": BayesianOptimization,
    }
    oracle = oracles[settings["search"]](
        objective=keras_tuner.Objective(OBJECTIVE, "max"),
        max_trials=settings["n_trials"],
        seed=(settings["seed"] or 0) + 1,  # 0 would be none
        hyperparameters=space,
        allow_new_entries=False,
        tune_new_entries=False,
    )
    tuner = MemberTuner(run, settings, oracle)
    tuner.search()
    return oracle


def _write(run, settings, oracle):
    """Table of the trials, and a recipe with the settings of the best."""
    import pandas as pd

    from keras_derm.files import write_csv, write_yaml
    from keras_derm.jobs.run_recipe import load_recipe

    rows = [
        {
            "trial": trial.trial_id,
            OBJECTIVE: trial.score,
            **trial.hyperparameters.values,
        }
        for trial in oracle.trials.values()
    ]
    table = pd.DataFrame(rows).sort_values(OBJECTIVE, ascending=False)
    write_csv(run / "tuning/trials.csv", table)
    (first,) = oracle.get_best_trials(1)
    if first.score is None:
        raise RuntimeError(
            f"none of {len(table)} trials could be computed; what each tried is in "
            f"{run / 'tuning/trials.csv'}"
        )
    best = trial_settings(settings, first.hyperparameters.values)
    stages = load_recipe(settings["recipe"], settings["scale"])["stages"]
    stages["audit_skin_tone"] |= run.settings("audit")
    stages["prepare_dataset"] |= run.settings("prepare")
    classifier = inspect.signature(train_classifier).parameters
    stages["train_classifier"] |= {
        name: value for name, value in best.items() if name in classifier
    }
    stages["train_classifier"]["precision"] = "float32"  # the member may have its own
    name = f"{settings['recipe']}_tuned"
    write_yaml(
        run / "tuning/recipe.yaml", {"name": name, "scales": {"published": stages}}
    )
    print(table.head(5).to_string(index=False))
    print(f"recipe: {run / 'tuning/recipe.yaml'}")
