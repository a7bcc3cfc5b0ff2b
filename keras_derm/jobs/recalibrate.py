"""Job: fit the prediction sets of a model on photographs of another clinic."""

import dataclasses
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import binomtest

from keras_derm.catalog import CatalogError
from keras_derm.catalog.tasks import TASKS
from keras_derm.evaluation import (
    fit_conformal,
    fit_shift_reference,
    photograph_colour,
)
from keras_derm.evaluation.class_scores.conformal import ALPHA, MARGINAL, least_images
from keras_derm.files import atomic_path, read_json, write_json
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.settings.kinds import ImageType

BATCH = 32
N_FOLDS = 5


def recalibrate(
    model: str,
    output: str,
    data: str | tuple[str, ...],
    image_types: tuple[ImageType, ...] | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
    skip_bad: bool = False,
    n_threads: int | None = None,
):
    """Fit a model's prediction sets on a few dozen labelled photographs of your own.

    recalibrate.py MODEL FOLDER --data READER:PATH: sets hold the truth as often as they
    promise among photographs like those that they were fitted on, and fewer of another
    clinic's: melanomas above all. Takes one photograph of each lesion, prints how often
    the sets as they were hold its diagnosis, and how often those do that were fitted on
    the other lesions, and writes a copy of the model with sets fitted on all, which
    predict.py takes. Weights and probabilities stay as they are. Of a diagnosis with
    fewer than nine lesions nothing is promised of that diagnosis alone.

    Args:
        model: As of predict.py: an ensemble.keras of a run, an exported .tflite, each
            with its .json beside it, or the folder of an exported ensemble.
        output: Folder for the copy; it must not exist yet.
        data: Your labelled photographs: catalog.csv of a run, or a data source
            READER:PATH, such as folder:/data/clinic with a folder for each diagnosis.
            Several (--data A --data B) are joined.
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
    y_true = task.targets(lesions)
    sets = fit_conformal(y_true, y_prob, colours, task.classes, alpha)
    told = dict(zip(task.classes, y_prob.T, strict=True)) | {"ita": ita}
    _print(predictor.sets, sets, y_true, y_prob, colours, seed)
    facts = {
        "conformal": asdict(sets),
        "shift": asdict(fit_shift_reference(told)),
        "recalibrated": {"data": data, "n": len(y_true), "of": predictor.record()},
    }
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


def _print(before, after, y_true, y_prob, colours, seed):
    """Coverage of the sets as they were, and of some fitted on the other lesions."""
    held = {"refitted": _cross_fitted(after, y_true, y_prob, colours, seed)}
    if before is not None:
        held = {"as they were": before.predict(y_prob, colours)} | held
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
    few = [name for name in after.classes if after.unpromised(name)]
    if few:
        print(
            f"Of {', '.join(few)} there are fewer than {least_images(after.alpha)} "
            "lesions: how many of their sets hold them is not promised."
        )


def _cross_fitted(sets, y_true, y_prob, colours, seed):
    """Sets of each lesion, fitted on the others in five folds."""
    member = np.zeros(y_prob.shape, bool)
    fold = np.random.default_rng(seed).permutation(len(y_true)) % N_FOLDS
    for one in range(N_FOLDS):
        others, own = fold != one, fold == one
        fitted = fit_conformal(
            y_true[others], y_prob[others], colours[others], sets.classes, sets.alpha
        )
        member[own] = fitted.predict(y_prob[own], colours[own])
    return member


def _share(hits):
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    return f"{hits.mean():.2f} ({low:.2f} to {high:.2f})"


def _write_copy(predictor, output, facts):
    """Copy the files of a model, its facts renewed."""
    described = next(file for file in predictor.files if file.suffix == ".json")
    with atomic_path(output) as folder:
        folder.mkdir(parents=True)
        for file in predictor.files:
            shutil.copyfile(file, folder / file.name)
        write_json(folder / described.name, read_json(described) | facts)
    if predictor.path.is_dir():
        return output
    return output / predictor.path.name
