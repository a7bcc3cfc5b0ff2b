"""MILK10k: does a second photograph help, and what else is known of a lesion?

Trains the arms of the recipe milk10k (dermoscopy, close-up, both, both with age, sex,
site and concepts) with several seeds, and judges them on the same test lesions. Prints
macro F1 and macro AUC, means over the seeds with 95 % lesion bootstrap, the challenge's
own score, the sensitivity for each class, and what the last arm says where an input is
withheld. Beside them stand logistic regressions on frozen ImageNet features, of 2,095
other lesions. A training that is done is not done again.

With --frozen true the backbones stay as they are: their features, means of the ends of
their blocks 2 to 5 and of their last map (Head2Toe, Evci et al., ICML 2022), of the
photograph and its mirror image, are computed once, and the same heads learn on them in
seconds.

Usage:
    python benchmarks/milk10k_arms.py --data milk10k:/data/milk10k --seeds 3
    python benchmarks/milk10k_arms.py --data milk10k:/data/milk10k --seeds 3 \\
        --frozen true --backbone EfficientNetLite2 --image_size 224
    python benchmarks/milk10k_arms.py --scale quick --seeds 2
"""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from domain_shift import feature_reader
from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import track
from rich.table import Table

from keras_derm import evaluation
from keras_derm.catalog import split_catalog
from keras_derm.classifiers import (
    IMAGE_INPUTS,
    LogitAdjustedCrossentropy,
    build_lesion_head,
    fit_decision_exponent,
    mirrored_features,
    predict_lesions,
    remove_states,
    times_frequencies,
)
from keras_derm.files import read_json
from keras_derm.jobs.judged import print_sensitivities
from keras_derm.jobs.train_lesion_classifier import lesion_examples, train_lesion_arm
from keras_derm.layers import preparation
from keras_derm.pipeline import image_dataset, prepare
from keras_derm.readers import read_data_source
from keras_derm.report import interval_cell
from keras_derm.settings import LESION_ARMS, Backbone, Recipe

ORIENTATION = {
    "dermoscopic": (0.338, 0.774),
    "close_up": (0.279, 0.754),
    "both": (0.338, 0.789),
    "both_and_table": (0.391, 0.820),
}
"""Macro F1 and macro AUC of logistic regressions on frozen ImageNet features."""

BATCH, FROZEN_EPOCHS, FROZEN_RATE = 64, 30, 1e-3
"""How heads learn on frozen features: the best of a few on folds of train and val."""

PREDICTIONS = "predictions/ensemble_test.csv"
SHOWN = ("macro_f1", "macro_auc", "balanced_accuracy", "sensitivity", "auc")
WITHHELD = (("dermoscopic",), ("close_up",), ("table",), ("close_up", "table"))


def main(
    data: str | None = None,
    scale: str = "laptop",
    seeds: int = 1,
    arms: list[str] | None = None,
    epochs: int | None = None,
    frozen: bool = False,
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
        epochs: Epochs in place of the recipe's, or of the 30 of heads alone.
        frozen: Train heads on the features of frozen backbones.
        backbone: Network in place of the recipe's.
        image_size: Side of the images in pixels in place of the recipe's.
        run: Run directory; by default runs/milk10k_arms_SCALE.
    """
    folder = Path(run or f"runs/milk10k_arms_{scale}")
    recipe = Recipe.load("milk10k", scale)
    changed = {"epochs": None if frozen else epochs, "backbone": backbone}
    changed = {name: value for name, value in changed.items() if value is not None}
    examples, settings = _examples(recipe, data, folder, image_size, changed)
    arms = list(arms or LESION_ARMS)
    if frozen:
        y_prob = _of_frozen(examples, settings, arms, seeds, epochs, folder)
    else:
        preset = recipe.settings("prepare_dataset").preset
        y_prob = _of_trained(examples, settings, arms, seeds, folder, preset)
    test = examples.split("test")
    found = evaluation.compare(
        **evaluation.inputs_from_catalog(test.lesions.catalog, examples.task, ()),
        y_prob=y_prob,
        reference=arms[0],
    )
    _print(found, y_prob, test, seeds)
    print_sensitivities(_of(found, arms))


def _of_trained(examples, settings, arms, seeds, folder, preset):
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


def _of_frozen(examples, settings, arms, seeds, epochs, folder):
    """The same of heads on the features of frozen backbones."""
    features = _features(examples, settings, folder / "features.npy")
    parts = {name: examples.split(name) for name in ("train", "val", "test")}
    n_classes = len(examples.task.classes)
    counts = np.bincount(parts["train"].targets, minlength=n_classes)
    y_prob = {}
    work = [(arm, seed) for arm in arms for seed in range(seeds)]
    for arm, seed in track(work, "Training heads"):
        inputs = LESION_ARMS[arm]
        taken = {name: _taken(one, inputs, features) for name, one in parts.items()}
        head = _trained_head(
            inputs, taken["train"], parts["train"].targets, counts, settings, seed,
            epochs or FROZEN_EPOCHS, examples.table.width,
        )  # fmt: skip
        val = head.predict(taken["val"], verbose=0)
        exponent = fit_decision_exponent(parts["val"].targets, val, counts)
        withheld = {arm: ()}
        if arm == "both_and_table":
            withheld |= {f"{arm} without {' and '.join(one)}": one for one in WITHHELD}
        for name, left_out in withheld.items():
            given = taken["test"]["given"].copy()
            given[:, [one in left_out for one in inputs]] = 0
            said = head.predict(taken["test"] | {"given": given}, verbose=0)
            said = times_frequencies(said, counts, exponent)
            y_prob.setdefault(name, []).append(said)
    return {name: y_prob[name] for name in sorted(y_prob, key=lambda n: n not in arms)}


def _features(examples, settings, file):
    """Pooled features of every photograph, standardised on those of training."""
    prepared = examples.prepared
    if not file.is_file():
        side = prepared.image_size[0]
        reader, _ = feature_reader(settings.backbone, side, settings.weights)
        everything = np.arange(len(prepared))
        images = image_dataset(prepared, everything, batch_size=BATCH)
        features = mirrored_features(reader, images.map(lambda seen: seen))
        np.save(file, features.mean(axis=0))
    features = np.load(file)
    rows = np.concatenate(list(examples.split("train").lesions.rows.values()))
    indices = prepared.indices(examples.lesions.photographs)
    train = features[indices[rows[rows >= 0]]]
    return (features - train.mean(axis=0)) / (train.std(axis=0) + 1e-6)


def _taken(examples, inputs, features):
    """What a head takes of lesions."""
    lesions, prepared = examples.lesions, examples.prepared
    indices = prepared.indices(lesions.photographs)
    taken = {"given": examples.given(inputs)}
    for name in inputs:
        if name == "table":
            taken[name] = examples.table.encode(lesions)
        else:
            rows = lesions.rows[IMAGE_INPUTS[name]]
            taken[name] = features[indices[np.maximum(rows, 0)]]
    return taken


def _trained_head(inputs, taken, targets, counts, settings, seed, epochs, table_width):
    """Train a head as the recipe has it, but for its rate, decay and batches."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    head = build_lesion_head(
        inputs,
        len(counts),
        taken[inputs[0]].shape[1],
        table_width,
        settings.hidden_units,
        settings.table_units,
        settings.dropout,
        settings.absence_rate,
        seed,
    )
    steps = epochs * -(-len(targets) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(FROZEN_RATE, steps)
    head.compile(
        keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay),
        LogitAdjustedCrossentropy(counts, settings.logit_adjustment),
    )
    one_hot = keras.utils.to_categorical(targets, len(counts))
    head.fit(taken, one_hot, batch_size=BATCH, epochs=epochs, verbose=0)
    return head


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
