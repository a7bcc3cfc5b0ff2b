"""Job: fit what a model says to photographs of another clinic."""

import dataclasses
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import binomtest

from keras_derm.catalog import CatalogError
from keras_derm.catalog.tasks import TASKS
from keras_derm.evaluation import (
    LabelledLesions,
    fit_shift_reference,
    log_losses,
    means_with_intervals,
    photograph_colour,
)
from keras_derm.evaluation.class_scores.conformal import ALPHA, MARGINAL, least_images
from keras_derm.export.facts import unsure_below
from keras_derm.files import atomic_path, read_json, write_json
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.settings.kinds import ImageType

BATCH = 32


def recalibrate(
    model: str,
    output: str,
    data: str | tuple[str, ...],
    probabilities: Literal["kept", "fitted"] = "kept",
    image_types: tuple[ImageType, ...] | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
    skip_bad: bool = False,
    n_threads: int | None = None,
):
    """Fit what a model says to a few dozen labelled photographs of your own.

    recalibrate.py MODEL FOLDER --data READER:PATH: sets hold the truth as often as they
    promise among photographs like those that they were fitted on, and fewer of another
    clinic's: melanomas above all. Takes one photograph of each lesion, prints how often
    the sets as they were hold its diagnosis, and how often those do that were fitted on
    the other lesions, and writes a copy of the model with sets fitted on all, which
    predict.py takes. Of a diagnosis with fewer than nine lesions nothing is promised of
    that diagnosis alone.

    Where diagnoses are more or less frequent than in the archives that the model
    learned from, --probabilities fitted makes them more or less probable, by a bias for
    each. It wants lesions as they come: labels chosen by diagnosis, such as twenty of
    each, would have the model expect diagnoses as often as they were chosen. Weights
    stay as they are.

    Args:
        model: As of predict.py: an ensemble.keras of a run, an exported .tflite, each
            with its .json beside it, or the folder of an exported ensemble.
        output: Folder for the copy; it must not exist yet.
        data: Your labelled photographs: catalog.csv of a run, or a data source
            READER:PATH, such as folder:/data/clinic with a folder for each diagnosis.
            Several (--data A --data B) are joined.
        probabilities: kept, or fitted to how frequent the diagnoses are.
        image_types: Which photographs, such as dermoscopic or "clinical: close-up". By
            default those that are dermoscopic, or all where none is.
        alpha: Share of the sets that may miss the truth.
        seed: Draws the photograph of a lesion that has several, and the folds.
        skip_bad: Go on without images that cannot be read.
        n_threads: Threads of LiteRT; its own choice by default.
    """
    output = Path(output)
    if output.exists():
        raise ValueError(
            f"`output` must be a folder that is not there yet. Received: {output}"
        )
    predictor = Predictor(Path(model), n_threads)
    catalog = given_catalog(data, image_types, skip_bad)
    task = task_of(predictor)
    lesions = one_of_each_lesion(_known_to(task, catalog), seed)
    needed = least_images(alpha)
    if len(lesions) < needed:
        raise ValueError(
            f"{1 - alpha:.0%} coverage needs {needed} labelled lesions or more, of "
            f"classes that the model knows ({', '.join(task.classes)}). "
            f"Received: {len(lesions)}"
        )
    lesions, y_prob, colours, ita = _classified(predictor, lesions, skip_bad)
    labelled = LabelledLesions(task.classes, task.targets(lesions), y_prob, colours)
    with_biases = probabilities == "fitted"
    fitted = labelled.fit(alpha, with_biases, seed)
    held = {"refitted": labelled.sets_by_others(alpha, with_biases, seed)}
    if predictor.sets is not None:
        held = {"as they were": predictor.sets.predict(y_prob, colours)} | held
    _print_sets(held, fitted.sets, labelled.y_true)
    _print_probabilities(labelled, with_biases, seed)
    facts = {"conformal": asdict(fitted.sets)}
    if with_biases:
        y_prob = fitted.probabilities(y_prob)
        before = predictor.class_biases or np.zeros(len(task.classes))
        biases = (fitted.biases + before).tolist()
        facts["class_biases"] = dict(zip(task.classes, biases, strict=True))
        facts["unsure_below"] = unsure_below(y_prob)
    told = dict(zip(task.classes, y_prob.T, strict=True)) | {"ita": ita}
    facts["shift"] = asdict(fit_shift_reference(told))
    done = {"data": data, "n": len(y_prob), "probabilities": probabilities}
    facts["recalibrated"] = done | {"of": predictor.record()}
    written = _write_copy(predictor, output, facts)
    print(f"Written: {written}, for predict.py")


def task_of(predictor):
    """The `Task` whose classes are those of a `Predictor`, in their order.

    Raises:
        ValueError: There is none.
    """
    known = set(predictor.classes)
    for task in TASKS.values():
        if known <= set(task.classes):
            return dataclasses.replace(task, classes=predictor.classes)
    raise ValueError(
        "the classes of the model are those of no task, so that labels cannot be told "
        f"in them. Received: {predictor.classes}"
    )


def _known_to(task, catalog):
    """The real photographs whose diagnosis is a class of the model."""
    covered = task.covers(catalog)
    left = catalog.where(~covered).table["diagnosis"].value_counts()
    if len(left):
        counts = ", ".join(f"{n:,} {name}" for name, n in left.items())
        print(f"Left out, of diagnoses that the model does not know: {counts}")
    return catalog.where(covered).require_real()


def one_of_each_lesion(catalog, seed):
    """One photograph of each lesion of a `Catalog`, drawn by seed.

    A photograph whose lesion is not known is of one of its own.
    """
    order = np.random.default_rng(seed).permutation(len(catalog))
    own = catalog.table["isic_id"].astype(object)
    lesion = catalog.table["lesion_id"].astype(object).fillna(own).to_numpy()
    _, first = np.unique(lesion[order].astype(str), return_index=True)
    chosen = np.zeros(len(catalog), bool)
    chosen[order[first]] = True
    return catalog.where(chosen)


def _classified(predictor, catalog, skip_bad):
    """Catalog, probabilities, colours and ITA of the photographs that can be read."""
    starts = range(0, len(catalog), BATCH)
    paths, rows = catalog.paths, []
    for start in track(starts, "Classifying", transient=True):
        rows += predictor.rows(paths[start : start + BATCH])[0]
    failed = [row for row in rows if row["error"]]
    if failed and not skip_bad:
        raise CatalogError(
            f"{len(failed)} photographs cannot be read; mend them, or go on without "
            f"them (--skip_bad true). Received: {failed[0]['image']}: "
            f"{failed[0]['error']}"
        )
    good = np.array([not row["error"] for row in rows])
    rows = [row for row in rows if not row["error"]]
    y_prob = np.array([[row[name] for name in predictor.classes] for row in rows])
    ita = [row["ita"] for row in rows]
    colours = photograph_colour(ita, [row["ita_type"] for row in rows])
    return catalog.where(good), y_prob, colours, np.array(ita, "float64")


def _print_sets(held, after, y_true):
    """Coverage of sets by name, None of too few lesions, of those of each class too."""
    held = {name: member for name, member in held.items() if member is not None}
    title = f"Sets that hold the truth, {1 - after.alpha:.0%} wanted (95 % interval)"
    shown = Table(title=title, title_justify="left")
    shown.add_column("lesions")
    for name in ("n", *held):
        shown.add_column(name, justify="right")
    rows = np.arange(len(y_true))
    whose = [(MARGINAL, np.ones(len(y_true), bool))]
    whose += [(after.classes[index], y_true == index) for index in np.unique(y_true)]
    for name, mask in whose:
        hits = [member[rows, y_true][mask] for member in held.values()]
        shown.add_row(name, f"{mask.sum():,}", *map(_share, hits))
    sizes = [f"{member.sum(axis=1).mean():.1f}" for member in held.values()]
    shown.add_section()
    shown.add_row("classes in a set", "", *sizes)
    Console().print(shown)
    if "refitted" not in held:
        print("They are too few to tell how often refitted sets would hold others.")
    few = [name for name in after.classes if after.unpromised(name)]
    if few:
        print(
            f"Of {', '.join(few)} there are fewer than {least_images(after.alpha)} "
            "lesions: how many of their sets hold them is not promised."
        )


def _print_probabilities(labelled, with_biases, seed):
    """Frequencies, and what is said of them as it was, and fitted on other lesions."""
    before, after = labelled.y_prob, labelled.biased_by_others(seed)
    counts = np.bincount(labelled.y_true, minlength=len(labelled.classes))
    shown = Table(title="Diagnoses: how frequent, how probable", title_justify="left")
    shown.add_column("")
    for name in ("frequency", "probability as it was", "fitted"):
        shown.add_column(name, justify="right")
    shares = counts / len(labelled), before.mean(axis=0), after.mean(axis=0)
    for name, *row in zip(labelled.classes, *shares, strict=True):
        shown.add_row(name, *(f"{share:.2f}" for share in row))
    losses = [log_losses(labelled.y_true, y_prob) for y_prob in (before, after)]
    paired = np.column_stack([*losses, losses[1] - losses[0]])
    (was, *_), (now, *_), (change, low, high) = means_with_intervals(paired, None)
    shown.add_section()
    shown.add_row("log loss", "", f"{was:.2f}", f"{now:.2f}")
    shown.add_row("", "", "change", f"{change:.2f} ({low:.2f} to {high:.2f})")
    Console().print(shown)
    if not with_biases:
        print(
            "The probabilities stay as they are. If these lesions are as they come, "
            "not chosen by diagnosis, --probabilities fitted changes them."
        )


def _share(hits):
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    return f"{hits.mean():.2f} ({low:.2f} to {high:.2f})"


def _write_copy(predictor, output, facts):
    """Copy the files of a model and what explains it, its facts renewed."""
    files, explains = set(predictor.files), predictor.float_file
    if predictor.path.suffix == ".tflite" and explains.is_file():
        files.add(explains)
    described = next(file for file in predictor.files if file.suffix == ".json")
    with atomic_path(output) as folder:
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
        write_json(folder / described.name, read_json(described) | facts)
    if predictor.path.is_dir():
        return output
    return output / predictor.path.name
