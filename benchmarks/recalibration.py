"""Prediction sets at another clinic: what they hold, and what a few dozen labels mend.

Usage:
    python benchmarks/recalibration.py --model saved_models/NAME.tflite \
        --home ham10000:/data/HAM10000 --away milk10k:/data/MILK10k \
        --split_file saved_models/ham10000_split.csv

Sets are fitted on the validation lesions of home, and judged on its test lesions and
those of away, one photograph each; then fitted anew on a few lesions of away, drawn
many times, and judged on its others. Beside it: how often photographs of home and of
away are said to be unlike those that the sets were fitted on, and how well melanomas
are ranked among photographs that predict.py warns of and among the others.
"""

import dataclasses
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
    ShiftTest,
    fit_conformal,
    fit_shift_reference,
    photograph_colour,
)
from keras_derm.files import write_csv
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.jobs.recalibrate import one_of_each_lesion, task_of

BATCH = 32
SIZES = (30, 60, 120, 240)
LEAST_TO_FIT = 9


@dataclasses.dataclass
class Lesions:
    """What a model says of one photograph of each lesion, and the truth."""

    y_true: np.ndarray
    y_prob: np.ndarray
    colours: np.ndarray
    told: dict
    is_warned: np.ndarray

    def __len__(self):
        return len(self.y_true)

    def of(self, rows):
        """Some of them."""
        told = {name: values[rows] for name, values in self.told.items()}
        return Lesions(
            self.y_true[rows],
            self.y_prob[rows],
            self.colours[rows],
            told,
            self.is_warned[rows],
        )

    def fitted(self, classes):
        """Sets fitted on these."""
        return fit_conformal(self.y_true, self.y_prob, self.colours, classes)

    def held(self, sets):
        """Which sets hold the truth, and how many classes they have: (n,) each."""
        member = sets.predict(self.y_prob, self.colours)
        return member[np.arange(len(self)), self.y_true], member.sum(axis=1)


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
    classes = predictor.classes
    catalog = given_catalog(home)
    if split_file is not None:
        catalog = apply_split_file(catalog, split_file)
    val, test = (
        _lesions(predictor, catalog.split(name), out / f"home_{name}.csv", seed)
        for name in ("val", "test")
    )
    far = _lesions(predictor, given_catalog(away), out / "away.csv", seed)
    sets = val.fitted(classes)
    melanoma = classes.index("MEL")
    _print_sets(sets, val, test, far, classes, melanoma, n_draws, seed)
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
    return Lesions(
        task.targets(catalog),
        y_prob,
        np.asarray(photograph_colour(ita, frame["ita_type"].to_numpy(object)), str),
        dict(zip(predictor.classes, y_prob.T, strict=True)) | {"ita": ita},
        frame["warned"].to_numpy(bool),
    )


def _print_sets(sets, val, test, far, classes, melanoma, n_draws, seed):
    table = Table(title="Sets that hold the truth (5th to 95th percentile of draws)")
    for name in ("fitted on", "judged on", "all", "melanomas", "classes in a set"):
        table.add_column(name)
    by_colour = dataclasses.replace(sets, class_thresholds={})
    for name, fitted in (("by colour alone", by_colour), ("colour and class", sets)):
        for where, judged in (("home", test), ("away", far)):
            hits, sizes = judged.held(fitted)
            truth = judged.y_true == melanoma
            table.add_row(
                f"{len(val)} of home, {name}",
                f"{len(judged)} of {where}",
                *(f"{share:.2f}" for share in (hits.mean(), hits[truth].mean())),
                f"{sizes.mean():.1f}",
            )
    draw = np.random.default_rng(seed)
    for size in SIZES:
        found = []
        for _ in range(n_draws):
            order = draw.permutation(len(far))
            own, others = far.of(order[:size]), far.of(order[size:])
            hits, sizes = others.held(own.fitted(classes))
            truth = others.y_true == melanoma
            enough = (own.y_true == melanoma).sum() >= LEAST_TO_FIT
            found.append((hits.mean(), hits[truth].mean(), sizes.mean(), enough))
        values = np.array(found, float)
        promised = f"{values[:, 3].mean():.0%} of draws promise melanomas"
        table.add_row(
            f"{size} of away ({promised})",
            "the others of away",
            *(_spread(values[:, column]) for column in range(2)),
            f"{values[:, 2].mean():.1f}",
        )
    Console().print(table)


def _spread(values):
    low, high = np.quantile(values, [0.05, 0.95])
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


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
                    .add(lesions.of(draw.permutation(len(lesions))[:size]).told)
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
            part = lesions.of(mask)
            truth = part.y_true == melanoma
            area = roc_auc_score(truth, part.y_prob[:, melanoma])
            cells.append(f"{area:.3f} ({truth.sum()} of {len(part)})")
        table.add_row(where, *cells)
    Console().print(table)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
