"""Rows of predictions: printed and written as they come."""

import contextlib
import csv
import json
from pathlib import Path

from keras_derm.files import atomic_path

SUFFIXES = (".csv", ".json")
BEFORE = ("image", "diagnosis", "prediction_set")
AFTER = (
    "ita_type",
    "ita",
    "ita_low",
    "ita_high",
    "ita_reason",
    "lesion_share",
    "warnings",
    "error",
)
IMAGE_WIDTH, SET_WIDTH = 28, 22
COLOUR = "colour of the photograph (ITA)"


@contextlib.contextmanager
def rows_file(path, classes):
    """Open a .csv or .json for rows; it lies at `path` when all are written.

    Args:
        path: The file, or None to write nothing.
        classes: Names of the columns of probabilities.

    Yields:
        Function of a row, a dict.
    """
    if path is None:
        yield lambda row: None
        return
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        rows = _json_rows if Path(path).suffix == ".json" else _csv_rows
        with rows(file, (*BEFORE, *classes, *AFTER)) as write:
            yield write


@contextlib.contextmanager
def _csv_rows(file, columns):
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    between = {"prediction_set": "|", "warnings": "; "}

    def write(row):
        joined = {k: mark.join(row[k] or ()) for k, mark in between.items()}
        if row["prediction_set"] == []:  # which is not the same as no sets at all
            joined["prediction_set"] = "none"
        writer.writerow({**row, **joined})

    yield write


@contextlib.contextmanager
def _json_rows(file, columns):
    """One list of objects, without holding it."""
    separator = "[\n"

    def write(row):
        nonlocal separator
        ordered = {name: row[name] for name in columns}
        file.write(separator + json.dumps(ordered, ensure_ascii=False))
        separator = ",\n"

    yield write
    file.write("\n]\n" if separator == ",\n" else "[]\n")


class ShownTable:
    """The table a person reads; printed line by line, so that none is held.

    Args:
        predictor: `Predictor` whose rows are shown.

    Example:
        >>> table = ShownTable(predictor)
        >>> for row in predictor.rows(paths)[0]:
        ...     table.show(row)
    """

    def __init__(self, predictor):
        self.n, self.n_failed, self.n_warned = 0, 0, 0
        self._sets = predictor.sets
        self._class_width = max(map(len, predictor.classes)) + 1
        self._print("image", "diagnosis", "set", COLOUR, "warnings")

    def show(self, row):
        """Print one row."""
        self.n += 1
        if row["error"]:
            self.n_failed += 1
            print(f"{_cut(row['image'], IMAGE_WIDTH)}  not read: {row['error']}")
            return
        self.n_warned += bool(row["warnings"])
        self._print(
            row["image"],
            f"{row['diagnosis']:<{self._class_width}}{row[row['diagnosis']]:.3f}",
            _set(row["prediction_set"]),
            _colour(row),
            ", ".join(warning.partition(":")[0] for warning in row["warnings"]),
        )

    def close(self):
        """Print what the columns mean."""
        print(
            f"\n{self.n - self.n_failed:,} of {self.n:,} images classified, "
            f"{self.n_warned:,} of them with a warning."
        )
        if self._sets is None:
            print("No prediction sets: this model has not been evaluated.")
        else:
            print(
                f"Sets hold the true class {1 - self._sets.alpha:.0%} of the time, on "
                "photographs like the validation images; where a set is not one class "
                "alone, the model does not decide."
            )
        print("The colour of a photograph is not the skin tone of the person in it.")
        print("Research use only. Not a medical device.", flush=True)

    def _print(self, image, diagnosis, members, colour, warnings):
        width = self._class_width + len("0.000")
        line = (
            f"{_cut(image, IMAGE_WIDTH)}  {diagnosis:<{width}}  "
            f"{members:<{SET_WIDTH}}  {colour:<{len(COLOUR)}}  {warnings}"
        )
        print(line.rstrip(), flush=True)


def _cut(name, width):
    """The end of a path, which is what tells files apart."""
    short = name if len(name) <= width else f"…{name[1 - width :]}"
    return f"{short:<{width}}"


def _set(members):
    if members is None:
        return "–"
    return " ".join(members) if members else "none"


def _colour(row):
    if row["ita"] is None or row["ita_reason"]:
        return row["ita_type"]
    return f"{row['ita']:.0f}° ({row['ita_low']:.0f} to {row['ita_high']:.0f})"
