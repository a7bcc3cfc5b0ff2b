"""Does any remedy make a classifier fairer by skin tone, on people whose tone is known?

Usage:
    python benchmarks/fairness_arms.py --data milk10k:/data/milk10k --out runs/fairness
    python benchmarks/fairness_arms.py --generators.sngan runs/sngan --out runs/made

Each arm trains EfficientNet-Lite0, begun with its ImageNet weights, its first blocks as
these left them, for as many steps as any other, and differs from "none" in one thing:

- class_weights: images weigh by the rarity of their diagnosis;
- balanced_sampling: every tone with every diagnosis is drawn as often as any other;
- group_dro: the worst group's loss leads (Sagawa et al., ICLR 2020), the groups, tones
  with melanoma or without, drawn evenly as in the paper;
- colour: light and colour as other cameras have them, as the preset keras_derm;
- tone_transfer: half of the training images are seen through more melanin;
- copies: random copies, until every tone has as many images as the commonest;
- with --generators a run's synthetic images are added, an arm for each run.

Two more take the predictions of "none" as they are: group_sensitivity and
group_specificity have a threshold for each tone, of the same sensitivity or the same
specificity on validation lesions.

Every lesion is judged once for each seed, by a network that did not see it: lesions are
dealt into folds, and of the others a part chooses the epoch, calibrates the
probabilities (slope and intercept) and fixes the thresholds. A generator saw the
training images of its run, so with --generators the run's own split takes the place of
the folds, for every arm; runs of another split are refused. What is judged is melanoma:
for each tone AUC, sensitivity and specificity at the threshold of 80 % sensitivity on
validation, and calibration; gaps raw and with one mix of diagnoses, sites and ages; and
how the worst served tone and the gaps change, with paired intervals by lesion, p-values
after Holm over the arms. A training that has its predictions is not done again.
"""

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from domain_shift import kept_squares, squares
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold
from tone_gaps import GROUPS

from keras_derm import classifiers, evaluation, training
from keras_derm.catalog import Catalog, get_task, group_ids, of_types
from keras_derm.evaluation.class_scores.calibration import logistic_recalibration, logit
from keras_derm.evaluation.class_scores.metrics import operating_name
from keras_derm.explain.counterfactual_tone import melanin_dose
from keras_derm.files import atomic_path, read_json, write_csv, write_json
from keras_derm.jobs.judged import given_catalog
from keras_derm.layers import (
    Augmentation,
    RandomMirror,
    ToneTransfer,
)
from keras_derm.layers.geometry import turned, zoomed
from keras_derm.layers.photometry import other_camera
from keras_derm.layers.random_image_layer import RandomImageLayer
from keras_derm.networks import freeze
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.report import interval_cell
from keras_derm.runs import RunDirectory
from keras_derm.settings import PrepareDatasetSettings

BACKBONE, FROZEN_UNTIL = "EfficientNetLite0", "block2b_add"
N_EPOCHS = 3
VAL = 4
"""One in so many lesions that are not judged chooses epoch, calibration, thresholds."""

SENSITIVITY = 0.8
DARKEST = -60.0
"""Degrees of ITA by which tone_transfer moves light skin at most: from II to V."""

TRAINED = (
    "none",
    "class_weights",
    "balanced_sampling",
    "group_dro",
    "colour",
    "tone_transfer",
    "copies",
)
DERIVED = ("group_sensitivity", "group_specificity")
SHOWN = (
    "auc",
    operating_name("sensitivity", SENSITIVITY),
    operating_name("specificity", SENSITIVITY),
)


def main(
    data: str | None = None,
    generators: dict[str, str] | None = None,
    out: str = "runs/fairness_arms",
    by: Literal["tone_group", "tone_class"] = "tone_group",
    folds: int = 3,
    seeds: int = 3,
    arms: list[str] | None = None,
    image_size: int = 64,
    n_steps: int = 240,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    weights: str | None = "imagenet",
    n_replicates: int = 2000,
) -> None:
    """Train every arm with every seed, judge all by skin tone, and give the verdict.

    Args:
        data: Data source whose people's tone is known; by default phantoms. Not with
            generators, whose runs hold the photographs.
        generators: Runs with synthetic images, by name.
        out: Where images, predictions, csv files and the verdict are kept.
        by: What people are grouped by: light, medium and dark, or the classes 0-2, 3
            and 4-5 of MILK10k, whose darkest group is larger.
        folds: Parts of the lesions, of which each is judged by the others.
        seeds: Trainings of each arm in each fold.
        arms: Only these, among them none; all by default.
        image_size: Side in pixels.
        n_steps: Optimizer steps of every training.
        batch_size: Images a step.
        learning_rate: Peak of the schedule.
        weights: Of EfficientNet-Lite0: imagenet, a path, or null for random ones.
        n_replicates: Bootstrap replicates; lesions are drawn.
    """
    runs = {name: RunDirectory(path) for name, path in (generators or {}).items()}
    arms = _chosen(arms, runs)
    settings = {
        "image_size": image_size,
        "n_steps": n_steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weights": weights,
    }
    out = Path(out)
    archive = _archive(data, runs, by, image_size, out)
    whole = {"data": archive.source, "by": by, "folds": None if runs else folds}
    _same_as_before(out / "settings.json", settings | whole)
    parts = _split(archive) if runs else _folds(archive, folds)
    made = {name: _synthetic(run, image_size) for name, run in runs.items()}
    trained = [arm for arm in arms if arm not in DERIVED]
    work = [
        (arm, seed, part)
        for seed in range(seeds)
        for part in range(len(parts))
        for arm in trained
    ]
    for place, (arm, seed, part) in enumerate(work):
        file = _predictions(out, arm, seed, part)
        if not file.is_file():
            print(f"{place + 1} of {len(work)}: {file.stem}", flush=True)
            given = archive, parts[part](seed), made.get(arm)
            _train(arm, (seed, part), *given, file, settings)
    found = _compare(archive, parts, arms, seeds, out, n_replicates)
    gaps, changes = found.gaps(), found.changes()
    groups = found.table()[lambda table: table["stratum"] != "all"]
    for name, table in (("groups", groups), ("gaps", gaps), ("changes", changes)):
        write_csv(out / f"{name}.csv", table)
    _print_groups(found)
    _print_changes(found, changes)
    _print_gaps(gaps, changes)
    said = evaluation.describe_fairness(found, SHOWN)
    (out / "verdict.txt").write_text(said + "\n", encoding="utf-8")
    Console().print(said)


def _chosen(arms, runs):
    known = [*TRAINED, *DERIVED, *runs]
    arms = list(arms or known)
    unknown = [arm for arm in arms if arm not in known]
    clash = sorted(set(runs) & {*TRAINED, *DERIVED})
    if unknown or clash or "none" not in arms:
        raise ValueError(
            f"`arms` must be among {', '.join(known)}, with none, and a generator may "
            f"not have the name of another arm. Received: {', '.join(arms)}"
        )
    return arms


def _same_as_before(file, settings):
    """Refuse to mix the predictions of trainings that are not alike."""
    if not file.is_file():
        write_json(file, settings)
    elif (before := read_json(file)) != settings:
        raise ValueError(
            f"{file.parent} holds predictions of other settings: give another --out. "
            f"Received: {settings}, there: {before}"
        )


@dataclass(frozen=True)
class _Archive:
    """Photographs of known diagnosis and tone, and what is learned of them."""

    source: str
    catalog: Catalog
    images: np.ndarray
    tone: np.ndarray
    stratum: str
    classes: tuple

    @property
    def targets(self):
        return self.task.targets(self.catalog)

    @property
    def task(self):
        return get_task("diagnosis8").present_in(self.catalog)

    @property
    def is_melanoma(self):
        return self.catalog.table["diagnosis"].eq("MEL").to_numpy(bool)

    @property
    def cells(self):
        """Tone and diagnosis of each image, one word."""
        diagnosis = self.catalog.table["diagnosis"].to_numpy(str)
        return np.char.add(np.char.add(self.tone, " "), diagnosis)


def _archive(data, runs, by, side, out):
    if runs and data is not None:
        raise ValueError(
            "the photographs are those of the generators' runs: leave out --data. "
            f"Received: {data}"
        )
    source = data or "phantom:n=600,seed=7,size=64,tones=balanced"
    if runs:
        run = _one_split(runs)
        source = str(run.catalog_file)
    catalog, _ = of_types(given_catalog(source))
    table = catalog.table
    if by == "tone_class":
        classes = table["skin_tone_label"].where(table["skin_tone_scale"] == "milk10k")
        tone, stratum = classes.map(GROUPS), "tone class"
    else:
        tone, stratum = table["tone_group"], evaluation.TONE
    known = (get_task("diagnosis8").covers(catalog) & tone.notna()).to_numpy(bool)
    tone = tone[known].to_numpy(str)
    if len(np.unique(tone)) < 2:
        raise ValueError(
            f"{source} must have people of two tones or more by {by}: take an archive "
            f"that labels them. Received: {np.unique(tone).tolist()}"
        )
    catalog = catalog.where(known)
    if runs:
        prepared = PreparedImages.load(run.prepared_real)
        images = resized_images(prepared, catalog, side)(np.arange(len(catalog)))
    else:
        images = kept_squares(catalog, side, out / f"images_{side}.npy")
    classes = get_task("diagnosis8").present_in(catalog).classes
    return _Archive(source, catalog, images, tone, stratum, classes)


def _one_split(runs):
    """The first run, when all have its split and preparation."""
    first, *others = runs.values()
    split = first.catalog.table.set_index("isic_id")["split"].sort_index()
    preset = first.settings(PrepareDatasetSettings).preset
    for run in others:
        other = run.catalog.table.set_index("isic_id")["split"].sort_index()
        if not other.equals(split):
            raise ValueError(
                f"every generator must have seen the training images of {first.path} "
                "alone, or it has learned from lesions that are judged: train it with "
                f"that run's catalog. Received: another split in {run.path}"
            )
        if (given := run.settings(PrepareDatasetSettings).preset) != preset:
            raise ValueError(
                f"synthetic images must look like those of {first.path}, prepared as "
                f"{preset}. Received: {given} in {run.path}"
            )
    return first


def _synthetic(run, side):
    """Images that a run made, and their diagnoses."""
    catalog = run.synthetic_catalog
    if catalog is None:
        raise ValueError(
            f"{run.path} has no synthetic images: run apps/synthesize.py on it first"
        )
    return squares(catalog, side), catalog.table["diagnosis"].to_numpy(str)


def _folds(archive, folds):
    """For each fold a function of the seed: rows of train, val and test."""
    lesions = np.asarray(group_ids(archive.catalog))
    dealt = _dealt(archive.cells, lesions, folds, 0)

    def fold(learned, judged):
        def part(seed):
            inner = _dealt(archive.cells[learned], lesions[learned], VAL, seed)
            train, val = next(inner)
            return learned[train], learned[val], judged

        return part

    return [fold(learned, judged) for learned, judged in dealt]


def _dealt(cells, lesions, n, seed):
    """Folds of whole lesions with as even a share of every cell as these allow."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
        return iter(list(folds.split(cells, cells, lesions)))


def _split(archive):
    """The split of a run, as one fold, whatever the seed."""
    split = archive.catalog.table["split"].to_numpy(str)
    rows = [np.flatnonzero(split == name) for name in ("train", "val", "test")]
    return [lambda seed: rows]


def _predictions(out, arm, seed, part):
    return out / "predictions" / f"{arm}_seed{seed}_part{part}.npz"


def _train(arm, numbers, archive, rows, made, file, settings):
    """Train one network, and keep what it says of val and test: (n, classes)."""
    keras.backend.clear_session()
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0] // 2)
    keras.utils.set_random_seed(seed)
    train, val, test = rows
    n_classes = len(archive.classes)
    learned = _learned(arm, archive, train, made, seed)
    model = classifiers.build_classifier(
        BACKBONE,
        n_classes,
        settings["image_size"],
        settings["weights"],
        batch_norm_momentum=0.9,
    )
    if settings["weights"] is not None:
        freeze(model, FROZEN_UNTIL)
    if arm == "group_dro":
        model = classifiers.GroupDRO(model, np.bincount(learned["weights"].astype(int)))
    one_hot = keras.utils.to_categorical(archive.targets[val], n_classes)
    validation = tf.data.Dataset.from_tensor_slices((archive.images[val], one_hot))
    folder = file.with_suffix("")
    model = training.fit(
        model,
        _batches(arm, learned, n_classes, seed, settings["batch_size"]),
        validation.batch(128).map(lambda x, y: (tf.cast(x, tf.float32), y)),
        folder,
        classifiers.classification_objective(),
        epochs=N_EPOCHS,
        steps_per_epoch=settings["n_steps"] // N_EPOCHS,
        learning_rate=settings["learning_rate"],
        jit_compile=False,  # compiling takes as long as so short a training
    )
    said = {
        name: classifiers.predict_probabilities(
            model,
            tf.data.Dataset.from_tensor_slices(archive.images[rows])
            .batch(128)
            .map(lambda x: tf.cast(x, tf.float32)),
        )
        for name, rows in (("val", val), ("test", test))
    }
    with atomic_path(file) as temporary, open(temporary, "wb") as whole:
        np.savez(whole, **said)
    shutil.rmtree(folder)


def _learned(arm, archive, train, made, seed):
    """Images, targets, chances of being drawn, and weights or groups of an arm."""
    tones, cells = archive.tone[train], archive.cells[train]
    if arm == "copies":
        train = np.concatenate([train, train[_copies(tones, seed)]])
    images, targets = archive.images[train], archive.targets[train]
    if made is not None:
        of_classes = np.isin(made[1], archive.classes)
        index = {name: i for i, name in enumerate(archive.classes)}
        images = np.concatenate([images, made[0][of_classes]])
        more = [index[name] for name in made[1][of_classes]]
        targets = np.concatenate([targets, np.array(more, targets.dtype)])
    weights, chances = np.ones(len(targets), "float32"), None
    if arm == "class_weights":
        weights = classifiers.class_weights(targets, len(archive.classes))[targets]
    if arm == "balanced_sampling":
        chances = _even(cells)
    if arm == "group_dro":
        melanoma = archive.is_melanoma[train].astype(str)
        groups = np.char.add(np.char.add(tones, " "), melanoma)
        weights = np.unique(groups, return_inverse=True)[1].astype("float32")
        chances = _even(groups)
    return {
        "images": images,
        "targets": targets,
        "weights": weights,
        "chances": chances,
    }


def _copies(tones, seed):
    """Rows to take again, so that every tone has as many as the commonest."""
    generator = np.random.default_rng(seed)
    names, counts = np.unique(tones, return_counts=True)
    return np.concatenate(
        [
            generator.choice(np.flatnonzero(tones == name), counts.max() - count)
            for name, count in zip(names, counts, strict=True)
        ]
    )


def _even(cells):
    """Chance of each image, that every cell is drawn as often as any other."""
    _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
    return 1 / counts[cell] / len(counts)


class _RandomMelanin(RandomImageLayer):
    """See half of the images through more melanin, a random dose up to the most."""

    def __init__(self, most, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.most = most
        self.transfer = ToneTransfer(0)

    def draw(self, n_images):
        drawn = keras.random.uniform((n_images, 2), seed=self.seed_generator)
        return tf.where(drawn[:, 0] < 0.5, drawn[:, 1] * self.most, 0.0)

    def transform_images(self, images, transformation, training=True):
        return self.transfer.add_melanin(images, transformation) if training else images


def _photometry(arm, seed):
    if arm == "colour":
        return other_camera((seed, seed + 1))
    if arm == "tone_transfer":
        return [_RandomMelanin(melanin_dose(DARKEST), seed=seed)]
    return []


def _batches(arm, learned, n_classes, seed, batch_size):
    """Endless augmented batches; batch t is a function of the seed and t."""
    images, weights = learned["images"], learned["weights"]
    one_hot = keras.utils.to_categorical(learned["targets"], n_classes)
    one_hot = one_hot.astype("float32")
    augment = Augmentation(
        [RandomMirror(seed), zoomed(seed + 1, 0.3), turned(seed + 2, 0.5)],
        _photometry(arm, seed + 3),
    )

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(images), batch_size, p=learned["chances"])
        return images[rows].astype("float32"), one_hot[rows], weights[rows]

    def load(step):
        batch, targets, weight = tf.numpy_function(draw, [step], (tf.float32,) * 3)
        batch = tf.ensure_shape(batch, (batch_size, *images.shape[1:]))
        targets = tf.ensure_shape(targets, (batch_size, n_classes))
        return augment(batch), targets, tf.ensure_shape(weight, (batch_size,))

    return tf.data.Dataset.range(np.iinfo("int64").max).map(load).prefetch(2)


def _compare(archive, parts, arms, seeds, out, n_replicates):
    """Compare the arms on the lesions of all parts, each judged once a seed."""
    judged = np.concatenate([part(0)[2] for part in parts])
    catalog = archive.catalog.where(np.isin(np.arange(len(archive.images)), judged))
    order, mel = np.argsort(judged), archive.classes.index("MEL")
    y_prob, points = ({arm: [] for arm in arms} for _ in range(2))
    for arm in arms:
        of_arm = "none" if arm in DERIVED else arm
        for seed in range(seeds):
            found = []
            for number, part in enumerate(parts):
                _, val, test = part(seed)
                said = np.load(_predictions(out, of_arm, seed, number))
                scores = said["val"][:, mel], said["test"][:, mel]
                found.append(_calibrated(arm, archive, val, test, *scores))
            score, threshold = (
                np.concatenate(each)[order] for each in zip(*found, strict=True)
            )
            y_prob[arm].append(np.column_stack([1 - score, score]))
            points[arm].append({SENSITIVITY: threshold})
    inputs = evaluation.inputs_from_catalog(catalog, get_task("melanoma"), ())
    inputs["strata"] = {archive.stratum: archive.tone[judged[order]]}
    return evaluation.compare(
        **inputs,
        y_prob=y_prob,
        reference="none",
        operating_points=points,
        n_replicates=n_replicates,
    )


def _calibrated(arm, archive, val, test, val_score, test_score):
    """Melanoma's probability of test lesions by a fit on val, and their thresholds."""
    truth = archive.is_melanoma[val]
    fit = logistic_recalibration(truth, val_score)
    if fit is not None and fit[1] > 0:  # else val says nothing to go by
        val_score, test_score = (
            expit(fit[0] + fit[1] * logit(score)) for score in (val_score, test_score)
        )
    common = evaluation.threshold_at_sensitivity(truth, val_score, SENSITIVITY)
    thresholds = np.full(len(test), common)
    if arm in DERIVED:
        specificity = np.mean(val_score[~truth] < common)
        for tone in np.unique(archive.tone[test]):
            of_tone = archive.tone[val] == tone
            given = truth[of_tone], val_score[of_tone]
            thresholds[archive.tone[test] == tone] = _own_threshold(
                arm, *given, common, specificity
            )
    return test_score, thresholds


def _own_threshold(arm, truth, score, common, specificity):
    """Threshold of one tone; the common one where val has nobody to fit it on."""
    if arm == "group_sensitivity" and truth.any():
        return evaluation.threshold_at_sensitivity(truth, score, SENSITIVITY)
    if arm == "group_specificity" and not truth.all():
        # As many are called as have at least this score.
        ordered = np.append(np.sort(score[~truth]), np.inf)
        return ordered[round(specificity * (~truth).sum())]
    return common


def _print_groups(found):
    table = Table(title="By tone, means over the seeds (95 % interval)")
    names = ("AUC", "sensitivity", "specificity", "calibration error", "Brier score")
    for name in ("arm", "tone", "n", "melanomas", *names):
        table.add_column(name)
    metrics = (*SHOWN, "expected_calibration_error", "brier_score")
    for arm in found.arms:
        for stratum in found.arms[arm].strata[1:]:
            if not stratum["n"]:
                continue
            cells = [
                interval_cell(stratum["metrics"][name], decimals=2) for name in metrics
            ]
            counts = f"{stratum['n']:,}", f"{stratum['n_positive']:,}"
            table.add_row(arm, stratum["value"], *counts, *cells)
        table.add_section()
    Console(width=160).print(table)


def _print_changes(found, changes):
    worst = changes[changes["change"] == evaluation.WORST]
    table = Table(title="The worst served tone, and its difference from none")
    for name in ("arm", *(f"worst {one}" for one in ("AUC", "sensitivity"))):
        table.add_column(name)
        if name != "arm":
            table.add_column("difference")
            table.add_column("p (Holm)")
    for arm in found.differences:
        cells = []
        for metric in SHOWN[:2]:
            row = worst[(worst["arm"] == arm) & (worst["metric"] == metric)]
            cells += _change_cells(row)
        table.add_row(arm, *cells)
    Console(width=160).print(table)


def _change_cells(rows):
    if not len(rows):
        return ["–"] * 3
    (row,) = rows.to_dict("records")
    return [
        f"{row['value']:.3f} ({row['group']})",
        interval_cell(row, "difference", "+"),
        _p(row["p_adjusted"]),
    ]


def _p(value):
    return "–" if pd.isna(value) else f"{value:.3f}"


def _print_gaps(gaps, changes):
    """Each gap raw and with one mix, its p-value, power, and change from none."""
    table = Table(title="Gaps: positive where the first tone is served better")
    for name in ("gap", "arm", "raw", "one mix", "p (Holm)", "seen from", "raw change"):
        table.add_column(name)
    key = ["arm", "group", "metric"]
    raw = changes[changes["change"] == evaluation.RAW].set_index(key)
    for (group, beside, metric), rows in gaps.groupby(
        ["group", "beside", "metric"], sort=False
    ):
        if metric not in SHOWN:
            continue
        for row in rows.to_dict("records"):
            place = row["arm"], group, metric
            change = ""
            if place in raw.index:
                change = interval_cell(raw.loc[place], "difference", "+")
            table.add_row(
                f"{group} beside {beside}, {metric.partition('_at_')[0]}",
                row["arm"],
                interval_cell(row, "raw", "+"),
                interval_cell(row, "standardised", "+"),
                _p(row["p_adjusted"]),
                _p(row["smallest_gap"]),
                change,
            )
        table.add_section()
    Console(width=160).print(table)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
