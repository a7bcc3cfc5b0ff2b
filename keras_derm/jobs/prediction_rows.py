"""Rows of predictions: printed and written as they come."""

import collections
import contextlib
import csv
import importlib.util
import json
import os
from pathlib import Path

from keras_derm.files import atomic_path
from keras_derm.jobs.claimed_coverage import ClaimedCoverage
from keras_derm.object_store import check_can_be_written, is_url

SUFFIXES = (".csv", ".json", ".parquet")
ROWS_OF_A_GROUP = 10_000
"""Of a Parquet file: as many as are held before they are written."""

BEFORE = ("image", "diagnosis", "prediction_set", "coverage")
AFTER = (
    "ita_type",
    "ita",
    "ita_low",
    "ita_high",
    "ita_reason",
    "lesion_share",
    "outline",
    "warnings",
    "error",
)
LISTS, TEXTS = (
    ("prediction_set", "outline", "warnings"),
    (*("image", "diagnosis", "ita_type", "ita_reason", "error"),),
)
IMAGE_WIDTH, SET_WIDTH = 28, 22
MOST_TOLD = 5
"""Images that could not be read, of those whose rows are not printed."""

COLOUR = "colour of the photograph (ITA)"


def check_output(path):
    """Raise unless rows can be written to a path by its suffix.

    Raises:
        ValueError: The suffix is none of `SUFFIXES`.
        ImportError: It is .parquet, and pyarrow is not installed; or a URL, and what
            opens it is not.
        ObjectStoreError: It is a URL in a bucket that is not there.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise ValueError(
            f"`output` must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}. "
            f"Received: {path!r}"
        )
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(
            "`output` in Parquet needs pyarrow: pip install 'keras_derm[parquet]', or "
            f"name a .csv. Received: {path!r}"
        )
    if is_url(path):
        check_can_be_written(path)


def image_name(path):
    """What rows call the image at a path: one that is not UTF-8 has escapes in it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def rows_file(path, classes):
    """Open a .csv, .json or .parquet for rows; it lies at `path` when all are written.

    Args:
        path: The file.
        classes: Names of the columns of probabilities.

    Yields:
        Function of a row, a dict.
    """
    forms = {".csv": _csv_rows, ".json": _json_rows, ".parquet": _parquet_rows}
    rows = forms[Path(path).suffix]
    columns = (*BEFORE, *classes, *AFTER)
    with atomic_path(path) as temporary, rows(temporary, columns) as write:
        yield write


@contextlib.contextmanager
def _parquet_rows(path, columns):
    import pyarrow
    from pyarrow import parquet

    lists = pyarrow.list_(pyarrow.string())
    kinds = dict.fromkeys(LISTS, lists) | dict.fromkeys(TEXTS, pyarrow.string())
    schema = pyarrow.schema(
        [(name, kinds.get(name, pyarrow.float64())) for name in columns]
    )
    group = []

    def write_group():
        table = pyarrow.Table.from_pylist(group, schema)
        file.write_table(table, row_group_size=ROWS_OF_A_GROUP)
        group.clear()

    def write(row):
        group.append(row)
        if len(group) == ROWS_OF_A_GROUP:
            write_group()

    with parquet.ParquetWriter(path, schema) as file:
        yield write
        if group:
            write_group()


@contextlib.contextmanager
def _csv_rows(path, columns):
    with open(path, "w", encoding="utf-8", newline="") as file:
        yield _csv_writer(file, columns)


def _csv_writer(file, columns):
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    between = {"prediction_set": "|", "outline": "; ", "warnings": "; "}

    def write(row):
        joined = {k: mark.join(row[k] or ()) for k, mark in between.items()}
        if row["prediction_set"] == []:  # which is not the same as no sets at all
            joined["prediction_set"] = "none"
        writer.writerow({**row, **joined})

    return write


@contextlib.contextmanager
def _json_rows(path, columns):
    """One list of objects, without holding it."""
    separator = "[\n"

    def write(row):
        nonlocal separator
        ordered = {name: row[name] for name in columns}
        file.write(separator + json.dumps(ordered, ensure_ascii=False))
        separator = ",\n"

    with open(path, "w", encoding="utf-8") as file:
        yield write
        file.write("\n]\n" if separator == ",\n" else "[]\n")


class ShownTable:
    """The table a person reads; printed line by line, so that none is held.

    Args:
        predictor: `Predictor` whose rows are shown.
        with_rows: Whether rows are printed, or only counted: nobody reads thousands.

    Attributes:
        n, n_failed, n_warned: Rows so far, those of images that could not be read, and
            those with a warning.

    Example:
        >>> table = ShownTable(predictor)
        >>> for row in predictor.rows(paths)[0]:
        ...     table.show(row)
    """

    def __init__(self, predictor, with_rows=True):
        self.n, self.n_failed, self.n_warned = 0, 0, 0
        self._with_rows = with_rows
        self._diagnoses, self._unread = collections.Counter(), []
        self.coverage = ClaimedCoverage(predictor.sets, predictor.reference)
        self._class_width = max(map(len, predictor.classes)) + 1
        if with_rows:
            self._print("image", "diagnosis", "set", COLOUR, "warnings")

    def show(self, row):
        """Print one row, or count it."""
        self.n += 1
        self.coverage.add(row)
        if row["error"]:
            self.n_failed += 1
            told = f"{_cut(row['image'], IMAGE_WIDTH)}  not read: {row['error']}"
            if self._with_rows:
                print(told)
            elif self.n_failed <= MOST_TOLD:
                self._unread.append(told)
            return
        self.n_warned += bool(row["warnings"])
        self._diagnoses[row["diagnosis"]] += 1
        if not self._with_rows:
            return
        self._print(
            row["image"],
            f"{row['diagnosis']:<{self._class_width}}{row[row['diagnosis']]:.3f}",
            _set(row["prediction_set"]),
            _colour(row),
            ", ".join(_short(row)),
        )

    def close(self):
        """Print how many rows there were, and what the columns mean."""
        print(
            f"\n{self.n - self.n_failed:,} of {self.n:,} images classified, "
            f"{self.n_warned:,} of them with a warning."
        )
        if not self._with_rows:
            self._print_counts()
        print(self.coverage)
        print("The colour of a photograph is not the skin tone of the person in it.")
        print("Research use only. Not a medical device.", flush=True)

    def _print_counts(self):
        counts = self._diagnoses.most_common()
        if counts:
            print("Diagnoses: " + ", ".join(f"{name} {n:,}" for name, n in counts))
        for told in self._unread:
            print(told)
        if self.n_failed > MOST_TOLD:
            left = self.n_failed - MOST_TOLD
            print(f"... and {left:,} more, each with its `error` in the output")

    def _print(self, image, diagnosis, members, colour, warnings):
        width = self._class_width + len("0.000")
        line = (
            f"{_cut(image, IMAGE_WIDTH)}  {diagnosis:<{width}}  "
            f"{members:<{SET_WIDTH}}  {colour:<{len(COLOUR)}}  {warnings}"
        )
        print(line.rstrip(), flush=True)


def _short(row):
    """The beginnings of a photograph's warnings and of its outline's remarks."""
    yield from (warning.partition(":")[0] for warning in row["warnings"])
    yield from (f"outline {remark.partition(':')[0]}" for remark in row["outline"])


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
