"""Prediction sets at another clinic: what they hold, and what a few dozen labels mend.

Usage:
    python benchmarks/recalibration.py --model saved_models/NAME.tflite \
        --home ham10000:/data/HAM10000 --away milk10k:/data/MILK10k \
        --split_file saved_models/ham10000_split.csv

Sets are fitted on the validation lesions of home, and judged on its test lesions and
those of away, one photograph each; then fitted anew on a few lesions of away, drawn
many times, and judged on its others, with the probabilities as they are and with a bias
for each class fitted on the same lesions, and so are the probabilities, by log loss and
melanoma AUC. Beside it: how often photographs of home and of
away are said to be unlike those that the sets were fitted on, and how well melanomas
are ranked among photographs that predict.py warns of and among the others.
"""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

from keras_derm.catalog import apply_split_file
from keras_derm.evaluation import (
    LabelledLesions,
    ShiftTest,
    add_class_biases,
    fit_class_biases,
    fit_shift_reference,
    log_losses,
    photograph_colour,
)
from keras_derm.files import write_csv
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.jobs.recalibrate import one_of_each_lesion, task_of

BATCH = 32
SIZES = (30, 60, 120, 240)
LEAST_TO_FIT = 9
WIDTH = 130
"""Of the tables, which no terminal shall fold."""


@dataclasses.dataclass(frozen=True)
class Lesions:
    """What a model says of one photograph of each lesion, and the truth."""

    labelled: LabelledLesions
    told: dict
    is_warned: np.ndarray

    def __len__(self):
        return len(self.labelled)

    def told_of(self, rows):
        """What is told of some of them."""
        return {name: values[rows] for name, values in self.told.items()}


def main(
    model: str,
    home: str,
    away: str,
    split_file: str | None = None,
    out: str = "runs/recalibration",
    n_draws: int = 200,
    seed: int = 0,
) -> None:
    """Judge the sets of a model at home and away, and fitted anew away.

    Args:
        model: As of predict.py.
        home: Data source that it was trained on.
        away: Data source that it never saw.
        split_file: csv with the split of home that it was trained with.
        out: Where its predictions are kept.
        n_draws: How often lesions are drawn.
        seed: Of the draws.
    """
    predictor, out = Predictor(Path(model)), Path(out)
    catalog = given_catalog(home)
    if split_file is not None:
        catalog = apply_split_file(catalog, split_file)
    val, test = (
        _lesions(predictor, catalog.split(name), out / f"home_{name}.csv", seed)
        for name in ("val", "test")
    )
    far = _lesions(predictor, given_catalog(away), out / "away.csv", seed)
    melanoma = predictor.classes.index("MEL")
    _print_sets(val, test, far, melanoma, n_draws, seed)
    _print_probabilities(far.labelled, melanoma, n_draws, seed)
    _print_shift(val, test, far, n_draws, seed)
    _print_warnings(test, far, melanoma)


def _lesions(predictor, catalog, file, seed):
    """One photograph of each lesion whose diagnosis the model knows."""
    task = task_of(predictor)
    catalog = catalog.where(task.covers(catalog)).require_real()
    catalog = one_of_each_lesion(catalog, seed)
    if not file.is_file():
        rows, starts = [], range(0, len(catalog), BATCH)
        for start in track(starts, "Classifying", transient=True):
            rows += predictor.rows(catalog.paths[start : start + BATCH])[0]
        frame = pd.DataFrame(rows).assign(isic_id=catalog.table["isic_id"].to_numpy())
        write_csv(file, frame.assign(warned=[bool(row["warnings"]) for row in rows]))
    frame = pd.read_csv(file).set_index("isic_id").loc[catalog.table["isic_id"]]
    y_prob = frame[list(predictor.classes)].to_numpy()
    ita = frame["ita"].to_numpy("float64")
    colours = photograph_colour(ita, frame["ita_type"].to_numpy(object))
    return Lesions(
        LabelledLesions(
            predictor.classes, task.targets(catalog), y_prob, np.asarray(colours, str)
        ),
        dict(zip(predictor.classes, y_prob.T, strict=True)) | {"ita": ita},
        frame["warned"].to_numpy(bool),
    )


def _held(recalibration, labelled):
    """Which sets hold the truth, and how many classes they have: (n,) each."""
    y_prob = recalibration.probabilities(labelled.y_prob)
    member = recalibration.sets.predict(y_prob, labelled.groups)
    return member[np.arange(len(labelled)), labelled.y_true], member.sum(axis=1)


def _draws(labelled, size, n_draws, seed):
    """Some lesions, and the others, drawn anew each time."""
    draw = np.random.default_rng((seed, size))
    for _ in range(n_draws):
        order = draw.permutation(len(labelled))
        yield labelled.of(order[:size]), labelled.of(order[size:])


def _print_sets(val, test, far, melanoma, n_draws, seed):
    table = Table(
        title="Sets that hold the truth (5th to 95th percentile of draws), how many "
        "classes they name, draws that promise melanomas"
    )
    for name in ("fitted on", "judged on", "all", "melanomas", "classes", "promise"):
        table.add_column(name)
    by_both = val.labelled.fit()
    alone = dataclasses.replace(by_both.sets, class_thresholds={})
    by_colour = dataclasses.replace(by_both, sets=alone)
    for name, fitted in (("by colour alone", by_colour), ("colour and class", by_both)):
        for where, judged in (("home", test.labelled), ("away", far.labelled)):
            hits, sizes = _held(fitted, judged)
            truth = judged.y_true == melanoma
            table.add_row(
                f"{len(val)} of home, {name}",
                f"{len(judged)} of {where}",
                *(f"{share:.2f}" for share in (hits.mean(), hits[truth].mean())),
                f"{sizes.mean():.1f}",
            )
    for size, with_biases in itertools.product(SIZES, (False, True)):
        found = []
        for own, others in _draws(far.labelled, size, n_draws, seed):
            hits, sizes = _held(own.fit(with_biases=with_biases), others)
            truth = others.y_true == melanoma
            enough = (own.y_true == melanoma).sum() >= LEAST_TO_FIT
            found.append((hits.mean(), hits[truth].mean(), sizes.mean(), enough))
        values = np.array(found, float)
        table.add_row(
            f"{size} of away{', with biases' if with_biases else ''}",
            "the others of away",
            *(_spread(values[:, column]) for column in range(2)),
            f"{values[:, 2].mean():.1f}",
            f"{values[:, 3].mean():.0%}",
        )
    Console(width=WIDTH).print(table)


def _print_probabilities(far, melanoma, n_draws, seed):
    table = Table(title="Probabilities away (5th to 95th percentile of draws)")
    for name in ("biases fitted on", "judged on", "log loss", "melanoma AUC"):
        table.add_column(name)
    cells = (f"{value:.3f}" for value in _judged(far.y_true, far.y_prob, melanoma))
    table.add_row("none", f"all {len(far)} of away", *cells)
    for size in SIZES:
        values = []
        for own, others in _draws(far, size, n_draws, seed):
            biases = fit_class_biases(own.y_true, own.y_prob)
            y_prob = add_class_biases(others.y_prob, biases)
            values.append(_judged(others.y_true, y_prob, melanoma))
        spread = map(_spread, np.transpose(values), [3, 3])
        table.add_row(f"{size} of away", "the others of away", *spread)
    Console(width=WIDTH).print(table)


def _judged(y_true, y_prob, melanoma):
    """Log loss, and how melanomas are ranked."""
    auc = roc_auc_score(y_true == melanoma, y_prob[:, melanoma])
    return log_losses(y_true, y_prob).mean(), auc


def _spread(values, digits=2):
    shown = np.mean(values), *np.quantile(values, [0.05, 0.95])
    return "{} ({} to {})".format(*(f"{value:.{digits}f}" for value in shown))


def _print_shift(val, test, far, n_draws, seed):
    reference = fit_shift_reference(val.told)
    table = Table(title="How often photographs are said to be unlike those of val")
    for name in ("photographs", "home", "away"):
        table.add_column(name)
    draw = np.random.default_rng(seed)
    for size in SIZES:
        shares = []
        for lesions in (test, far):
            found = [
                bool(
                    ShiftTest(reference)
                    .add(lesions.told_of(draw.permutation(len(lesions))[:size]))
                    .found()
                )
                for _ in range(n_draws)
            ]
            shares.append(f"{np.mean(found):.2f}")
        table.add_row(str(size), *shares)
    Console().print(table)
    for where, lesions in (("home", test), ("away", far)):
        found = ShiftTest(reference).add(lesions.told).found()
        told = "; ".join(map(str, found)) or "nothing differs"
        print(f"all {len(lesions)} of {where}: {told}")


def _print_warnings(test, far, melanoma):
    table = Table(title="Melanoma AUC where predict.py warns and where it does not")
    for name in ("lesions", "warned", "not warned"):
        table.add_column(name)
    for where, lesions in (("home", test), ("away", far)):
        cells = []
        for mask in (lesions.is_warned, ~lesions.is_warned):
            part = lesions.labelled.of(mask)
            truth = part.y_true == melanoma
            area = roc_auc_score(truth, part.y_prob[:, melanoma])
            cells.append(f"{area:.3f} ({truth.sum()} of {len(part)})")
        table.add_row(where, *cells)
    Console().print(table)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
