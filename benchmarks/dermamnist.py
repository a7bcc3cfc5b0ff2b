"""DermaMNIST: our default recipe on the official split, and on one that does not leak.

Usage:
    python benchmarks/dermamnist.py --data ham10000:/data/HAM10000 \
        --split_file /data/HAM10000/dermamnist_split.csv --scale thumbnail
    python benchmarks/dermamnist.py --data ham10000:/data/HAM10000 --scale laptop \
        --weights.MobileNetV2 /weights/mobilenet_v2_notop.h5
    python benchmarks/dermamnist.py --data ham10000:/data/HAM10000 --scale laptop \
        --backbone EfficientNetLite0 --weights.EfficientNetLite0 imagenet \
        --frozen_until block2b_add --image_size 64 --seeds 3

Without --split_file lesions are kept together. Accuracy is what the published tables
give, so every class counts as often as it occurs (imbalance none); a second row divides
the same probabilities by the frequencies of the classes in the training set, which is
what balanced accuracy asks for. A training that is done is not done again.
"""

from dataclasses import replace

import numpy as np
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm import evaluation, jobs
from keras_derm.catalog import find_leaks, get_task
from keras_derm.report import interval_cell
from keras_derm.runs import RunDirectory
from keras_derm.settings import Backbone, Recipe, TrainClassifierSettings

PUBLISHED = {
    "thumbnail": {
        "VGG16, 28 px (MedMNIST+)": (0.7658, 0.9269),
        "AutoML Vision, 28 px (MedMNIST v2)": (0.768, 0.914),
    },
    "laptop": {
        "VGG16, 224 px (MedMNIST+)": (0.8155, 0.9551),
        "DenseNet-121, 224 px (MedMNIST+)": (0.8474, 0.9626),
        "DINO ViT-B, linear, 224 px (MedMNIST+)": (0.8442, 0.9683),
    },
}
"""Accuracy and AUC of the best rows of the tables, on the official split."""
FOR_ACCURACY = {"imbalance": "none", "label_smoothing": 0.1}
"""In place of the recipe's logit adjustment, which goes without smoothing."""
SHOWN = ("accuracy", "macro_auc", "balanced_accuracy")


def main(
    data: str = "phantom:n=480,seed=7,size=64",
    split_file: str | None = None,
    scale: str = "thumbnail",
    weights: dict[str, str] | None = None,
    run: str | None = None,
    epochs: int | None = None,
    image_size: int | None = None,
    backbone: Backbone | None = None,
    frozen_until: str | None = None,
    seeds: int = 1,
) -> None:
    """Train the recipe keras_derm on real images alone and judge it on the test set.

    Args:
        data: Data source READER:PATH.
        split_file: csv with the official split; by default lesions are kept together.
        scale: Scale of the recipe: thumbnail (28 px) or laptop (128 px).
        weights: For each backbone imagenet or the path of a weights file.
        run: Run directory; by default runs/dermamnist_SCALE_SPLIT, with the size where
            one is given.
        epochs: Epochs in place of the recipe's.
        image_size: Side of the images in pixels in place of the recipe's.
        backbone: Network in place of the recipe's.
        frozen_until: Layer of that network up to which pretrained weights stay as they
            are; by default all learn.
        seeds: Trainings, of the seeds 0, 1 and so on.
    """
    split = "official" if split_file else "grouped"
    size = f"_{image_size}" if image_size else ""
    run = RunDirectory(run or f"runs/dermamnist_{scale}_{split}{size}")
    settings = Recipe.load("keras_derm", scale).settings("train_classifier")
    changed = {"epochs": epochs, "image_size": image_size}
    changed = {name: value for name, value in changed.items() if value is not None}
    if backbone is not None:
        changed |= {"backbone": backbone, "frozen_until": frozen_until}
    members = tuple(replace(member, **changed) for member in settings.members)
    settings = replace(
        settings,
        members=members,
        weights=settings.weights if weights is None else weights,
        **FOR_ACCURACY,
    )
    arms = [f"{backbone or 'seed'}_{seed}" for seed in range(seeds)]
    jobs.run_stage("audit_skin_tone", run.path, data=data)
    jobs.run_stage(  # resized and nothing else, as MedMNIST is
        "prepare_dataset",
        run.path,
        image_size=members[0].image_size,
        preset="cwgan_gp",
        split_file=split_file,
    )
    for seed, arm in enumerate(arms):
        one = replace(settings, arm=arm, seed=seed)
        jobs.run_stage("train_classifier", run.path, one)
    _print(run, arms, scale, split)


def _print(run, arms, scale, split):
    """Test figures, means over the seeds, beside the published ones."""
    settings = run.settings(TrainClassifierSettings, arms[0])
    task = get_task(settings.task).present_in(run.catalog.split("train"))
    rows = run.catalog.where(task.covers(run.catalog))
    train, test = rows.split("train"), rows.split("test")
    files = [run.arm(arm) / "predictions/ensemble_test.csv" for arm in arms]
    y_prob = [evaluation.predictions_from_csv(f, test, task.classes) for f in files]
    priors = np.bincount(task.targets(train), minlength=len(task.classes))
    balanced = [one / priors for one in y_prob]
    balanced = [one / one.sum(axis=1, keepdims=True) for one in balanced]
    inputs = evaluation.inputs_from_catalog(test, task, strata=())
    table = Table("", *(name.replace("_", " ") for name in SHOWN))
    table.title = f"{split} split, {len(train)} training and {len(test)} test images"
    told = ", ".join(f"{m.backbone} {m.image_size or ''}" for m in settings.members)
    told += f", {len(arms)} seeds" if len(arms) > 1 else ""
    for name, probabilities in ((told, y_prob), ("divided by frequency", balanced)):
        compared = evaluation.compare(
            **inputs, y_prob={name: probabilities}, reference=name
        )
        found = compared.arms[name].overall
        table.add_row(name, *(interval_cell(found[metric]) for metric in SHOWN))
    for name, (accuracy, auc) in PUBLISHED.get(scale, {}).items():
        if split == "official":
            table.add_row(name, f"{accuracy:.3f}", f"{auc:.3f}", "not given")
    Console().print(table)
    leaks = find_leaks(rows)
    if len(leaks):
        print(f"{len(leaks)} lesions or patients are in several parts of this split.")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
