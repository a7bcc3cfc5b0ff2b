"""Is our default recipe better than the published ones? Classifiers side by side.

Usage:
    python benchmarks/recipes.py --data ham10000:/data/HAM10000 \
        --weights.MobileNetV2 /weights/mobilenet_v2_notop.h5
    python benchmarks/recipes.py --data ham10000:/data/HAM10000 --largest 64 \
        --epochs.keras_derm 3 --epochs.sn_gan_ensemble 1
    python benchmarks/recipes.py --data ham10000:/data/HAM10000 --largest 64 \
        --backbone MobileNetV2 --weights.MobileNetV2 /weights/mobilenet_v2_notop.h5

Every recipe trains its members as it is written, on real images alone that are resized
and nothing else, for one task, with several seeds; the split keeps lesions together.
`--largest` and `--epochs` make networks and trainings smaller than published, which the
table says. `--backbone` gives every recipe the same network, so that what differs is
how it is trained. A second table multiplies and divides the same probabilities by the
frequencies of the classes in the training set: what one recipe does for rare classes in
training and another does not is then no difference any more. A training that is done is
not done again.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from keras_derm import evaluation, jobs
from keras_derm.catalog import get_task
from keras_derm.classifiers import BACKBONES
from keras_derm.evaluation.class_scores.metrics import macro_auc
from keras_derm.report import interval_cell
from keras_derm.runs import RunDirectory
from keras_derm.settings import Recipe

RECIPES = ("keras_derm", "sn_gan_ensemble", "lora_diffusion", "melanet", "cwgan_gp")
LEAST = {"InceptionResNetV2": 75, "InceptionV3": 75}
"""Smallest images, in pixels, that a backbone takes, where that is more than 32."""
BATCH_NORM_MOMENTUM = 0.9
"""Of the one network of every recipe, as its own may be too slow for a few epochs."""
SHOWN = ("balanced_accuracy", "macro_auc")


def main(
    run: str = "runs/recipes",
    data: str = "phantom:n=480,seed=7,size=128",
    recipes: list[str] = list(RECIPES),  # noqa: B006 (never changed)
    scale: str = "published",
    weights: dict[str, str] | None = None,
    seeds: int = 3,
    largest: int | None = None,
    epochs: dict[str, int] | None = None,
    backbone: str | None = None,
    task: str = "diagnosis8",
) -> None:
    """Train the classifiers of every recipe and compare them on the same test images.

    Args:
        run: Run directory; what it already has is not done again.
        data: Data source READER:PATH.
        recipes: Those to compare, the first one with all others.
        scale: Scale of the recipes.
        weights: For each backbone imagenet or the path of a weights file; the others
            are trained from random weights, marked with a star.
        seeds: Trainings of each recipe.
        largest: Side in pixels above which members and prepared images are made
            smaller.
        epochs: Most epochs of a member, for each recipe named.
        backbone: Network of every recipe, in place of all its members: one with the
            learning rate and epochs of the first, and the same momentum of batch
            normalisation.
        task: What all are to tell apart.
    """
    run, weights, epochs = RunDirectory(run), weights or {}, epochs or {}
    jobs.run_stage("audit_skin_tone", run.path, data=data)
    jobs.run_stage(
        "prepare_dataset", run.path, image_size=largest or 331, preset="cwgan_gp"
    )
    predictions, told = {}, {}
    for recipe in recipes:
        settings = Recipe.load(recipe, scale).settings("train_classifier")
        if backbone is not None:
            settings = _with_one_network(settings, backbone)
        settings = replace(settings, task=task, weights=weights)
        settings = _smaller(settings, largest, epochs.get(recipe))
        told[recipe] = ", ".join(
            f"{m.backbone}{'' if m.backbone in weights else '*'} {m.image_size} px, "
            f"{m.epochs} epochs"
            for m in settings.members
        )
        arms = [f"{recipe}_{seed}" for seed in range(seeds)]
        for seed, arm in enumerate(arms):
            jobs.run_stage(
                "train_classifier", run.path, replace(settings, arm=arm, seed=seed)
            )
        predictions[recipe] = [
            str(run.arm(arm) / "predictions/ensemble_test.csv") for arm in arms
        ]
    out = run / "compared"
    jobs.run_stage(
        "compare",
        out,
        predictions=predictions,
        data=str(run.catalog_file),
        reference=recipes[0],
        task=task,
    )
    _print(pd.read_csv(out / "compare.csv"), told, recipes[0])
    _print_reweighted(run, predictions, task)


def _with_one_network(settings, backbone):
    """Settings of an arm whose one member is its first, with another network."""
    member = replace(settings.members[0], backbone=backbone)
    return replace(settings, members=(member,), batch_norm_momentum=BATCH_NORM_MOMENTUM)


def _smaller(settings, largest, epochs):
    """Settings of an arm, made as small as is asked for."""
    members = tuple(_smaller_member(m, largest, epochs) for m in settings.members)
    longest = min(member.epochs for member in members) - 1
    optimization = settings.optimization
    head = min(optimization.head_epochs, longest)
    return replace(
        settings,
        members=members,
        optimization=replace(optimization, head_epochs=head),
    )


def _smaller_member(member, largest, epochs):
    side = member.image_size or BACKBONES[member.backbone].image_size
    if largest is not None:
        side = max(min(side, largest), LEAST.get(member.backbone, 32))
    whole = member.cropped_from
    if whole is not None:
        whole = round(side * whole / member.image_size)
    epochs = member.epochs if epochs is None else min(epochs, member.epochs)
    return replace(member, image_size=side, cropped_from=whole, epochs=epochs)


def _print(table, told, reference):
    """Headline metrics of every recipe on all test images."""
    title = f"All test images: value, and difference from {reference} (95 %)"
    shown = Table("recipe", "members (* from random weights)", title=title)
    for metric in SHOWN:
        shown.add_column(metric.replace("_", " "))
    whole = table[(table["stratum"] == "all") & table["metric"].isin(SHOWN)]
    for recipe, members in told.items():
        rows = whole[whole["arm"] == recipe].set_index("metric")
        shown.add_row(recipe, members, *(_cell(rows.loc[metric]) for metric in SHOWN))
    Console().print(shown)


def _print_reweighted(run, predictions, task):
    """Means over the seeds with probabilities for other frequencies of the classes."""
    task = get_task(task).present_in(run.catalog.split("train"))
    rows = run.catalog.where(task.covers(run.catalog))
    test = rows.split("test")
    y_true = task.targets(test)
    frequency = np.bincount(
        task.targets(rows.split("train")), minlength=len(task.classes)
    )
    frequency = frequency / frequency.sum()
    shown = Table("recipe", title="Balanced accuracy, accuracy and macro AUC")
    powers = {"as they are": 0, "times frequency": 1, "divided by it": -1}
    for name in powers:
        shown.add_column(name)
    for recipe, paths in predictions.items():
        seeds = [
            evaluation.predictions_from_csv(path, test, task.classes) for path in paths
        ]
        cells = []
        for power in powers.values():
            found = [_scores(y_true, one * frequency**power) for one in seeds]
            cells.append(" / ".join(f"{mean:.3f}" for mean in np.mean(found, axis=0)))
        shown.add_row(recipe, *cells)
    Console().print(shown)


def _scores(y_true, y_prob):
    y_prob = y_prob / y_prob.sum(axis=1, keepdims=True)
    called = y_prob.argmax(axis=1)
    return (
        balanced_accuracy_score(y_true, called),
        accuracy_score(y_true, called),
        macro_auc(y_true, y_prob),
    )


def _cell(row):
    text = interval_cell(row, "value")
    if pd.isna(row["difference"]):
        return text
    return f"{text}\n{interval_cell(row, 'difference', '+')}"


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
