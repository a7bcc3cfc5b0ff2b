"""MILK10k: does a second photograph help, and what else is known of a lesion?

Trains the arms of the recipe milk10k (dermoscopy, close-up, both, both with age, sex,
site and concepts) and judges them on the same test lesions. Prints macro F1 and macro
AUC, means over the seeds with 95 % lesion bootstrap, the challenge's own score, the
sensitivity for each class, and what the last arm says where an input is withheld.
Beside them stand logistic regressions on frozen ImageNet features, of 2,095 other
lesions. A training that is done is not done again.

At `laptop` a softmax is fitted to what pretrained networks see; a seed decides which
inputs are withheld meanwhile. With --fine_tuned true the ends of the networks learn.

Usage:
    python benchmarks/milk10k_arms.py --data milk10k:/data/milk10k --seeds 3
    python benchmarks/milk10k_arms.py --data milk10k:/data/milk10k --seeds 3 \\
        --fine_tuned true --image_size 128 --epochs 4
    python benchmarks/milk10k_arms.py --scale quick --seeds 2
"""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm import evaluation
from keras_derm.catalog import split_catalog
from keras_derm.classifiers import (
    predict_lesions,
    remove_features,
    remove_states,
    times_frequencies,
)
from keras_derm.files import read_json
from keras_derm.jobs.judged import print_sensitivities
from keras_derm.jobs.train_lesion_classifier import lesion_examples, train_lesion_arm
from keras_derm.layers import preparation
from keras_derm.pipeline import prepare
from keras_derm.readers import read_data_source
from keras_derm.report import interval_cell
from keras_derm.settings import LESION_ARMS, Backbone, OptimizationSettings, Recipe

ORIENTATION = {
    "dermoscopic": (0.338, 0.774),
    "close_up": (0.279, 0.754),
    "both": (0.338, 0.789),
    "both_and_table": (0.391, 0.820),
}
"""Macro F1 and macro AUC of logistic regressions on frozen ImageNet features."""

FINE_TUNED = {
    "probed_networks": (),
    "frozen_until": "block4c_add",
    "epochs": 4,
    "learning_rate": 1e-3,
    "optimization": OptimizationSettings(clip_norm=1.0, ema_momentum=0.98),
    "absence_rate": 0.15,
}
"""How networks learn in place of the probes of `laptop`."""

PREDICTIONS = "predictions/ensemble_test.csv"
SHOWN = ("macro_f1", "macro_auc", "balanced_accuracy", "sensitivity", "auc")
WITHHELD = (("dermoscopic",), ("close_up",), ("table",), ("close_up", "table"))


def main(
    data: str | None = None,
    scale: str = "laptop",
    seeds: int = 1,
    arms: list[str] | None = None,
    epochs: int | None = None,
    fine_tuned: bool = False,
    backbone: Backbone | None = None,
    image_size: int | None = None,
    run: str | None = None,
) -> None:
    """Train and judge the arms of the recipe milk10k.

    Args:
        data: Data source of MILK10k; by default the phantom of the scale quick.
        scale: Scale of the recipe.
        seeds: Trainings of each arm, of the seeds 0, 1 and so on.
        arms: Some of the arms; by default all.
        epochs: Epochs in place of the recipe's.
        fine_tuned: Train networks from their fourth block on, in place of probes.
        backbone: Network that learns, in place of the recipe's.
        image_size: Side of the images in pixels in place of the recipe's.
        run: Run directory; by default runs/milk10k_arms_SCALE.
    """
    folder = Path(run or f"runs/milk10k_arms_{scale}")
    recipe = Recipe.load("milk10k", scale)
    changed = {"epochs": epochs, "backbone": backbone}
    changed = {name: value for name, value in changed.items() if value is not None}
    if fine_tuned:
        changed = FINE_TUNED | changed
    examples, settings = _examples(recipe, data, folder, image_size, changed)
    arms = list(arms or LESION_ARMS)
    preset = recipe.settings("prepare_dataset").preset
    y_prob = _trained(examples, settings, arms, seeds, folder, preset)
    test = examples.split("test")
    found = evaluation.compare(
        **evaluation.inputs_from_catalog(test.lesions.catalog, examples.task, ()),
        y_prob=y_prob,
        reference=arms[0],
    )
    _print(found, y_prob, test, seeds)
    print_sensitivities(_of(found, arms))


def _trained(examples, settings, arms, seeds, folder, preset):
    """Probabilities of test lesions by each arm, a list of one for each seed."""
    folders = {
        arm: [folder / f"seed_{seed}/{arm}" for seed in range(seeds)] for arm in arms
    }
    for seed in range(seeds):
        for arm, places in folders.items():
            if not (places[seed] / PREDICTIONS).is_file():
                one = replace(settings, seed=seed)
                train_lesion_arm(arm, examples, one, places[seed], preset)
        remove_states(folder / f"seed_{seed}")
        remove_features(folder / f"seed_{seed}")
    test = examples.split("test")
    judged = test.lesions.catalog, examples.task.classes
    y_prob = {
        arm: [
            evaluation.predictions_from_csv(place / PREDICTIONS, *judged)
            for place in places
        ]
        for arm, places in folders.items()
    }
    if "both_and_table" in folders:
        y_prob |= _withheld(test, folders["both_and_table"])
    return y_prob


def _examples(recipe, data, folder, image_size, changed):
    """Lesions with their prepared photographs, and how the recipe has them learned."""
    data = data or recipe.stages["audit_skin_tone"].get("data")
    if data is None:
        raise ValueError("say which archive: --data milk10k:PATH. Received: none")
    prepared_by = recipe.settings("prepare_dataset")
    catalog = split_catalog(
        read_data_source(data), prepared_by.fractions, prepared_by.seed
    )
    chain = preparation(prepared_by.preset, image_size or prepared_by.image_size)
    prepared = prepare(catalog, chain, folder / "prepared")
    settings = recipe.settings("train_lesion_classifier", **changed)
    return lesion_examples(catalog, prepared, settings), settings


def _withheld(test, folders):
    """What the networks of all inputs say without some of them."""
    said = {f"both_and_table without {' and '.join(w)}": [] for w in WITHHELD}
    for folder in folders:
        facts = read_json(folder / "lesion_classifier.json", ("inputs",), "train anew")
        model = keras.models.load_model(folder / "model.keras", compile=False)
        for withheld, of_seeds in zip(WITHHELD, said.values(), strict=True):
            y_prob = predict_lesions(
                model, test, facts["inputs"], withheld, facts["flips"]
            )
            rule = facts["frequencies"], facts["decision_exponent"]
            of_seeds.append(times_frequencies(y_prob, *rule))
    return said


def _of(found, arms):
    """The comparison with some of its arms alone."""
    return replace(found, arms={arm: found.arms[arm] for arm in arms})


def _print(found, y_prob, test, seeds):
    n = found.arms[found.reference].strata[0]["n"]
    shown = Table(title=f"{n:,} test lesions, {seeds} seed(s)", title_justify="left")
    for name in ("arm", *(metric.replace("_", " ") for metric in SHOWN)):
        shown.add_column(name)
    for name in ("MILK10k score", "macro F1 less reference's", "frozen: F1, AUC"):
        shown.add_column(name)
    for arm, one in found.arms.items():
        cells = [interval_cell(one.overall[metric]) for metric in SHOWN]
        own = [evaluation.milk10k_score(test.targets, each) for each in y_prob[arm]]
        cells.append(f"{np.mean(own):.3f}")
        difference = found.differences.get(arm)
        cells.append(
            interval_cell(difference[0]["macro_f1"], sign="+") if difference else ""
        )
        frozen = ORIENTATION.get(arm)
        cells.append(", ".join(f"{value:.3f}" for value in frozen or ()))
        shown.add_row(arm, *cells)
    Console(width=200).print(shown)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
