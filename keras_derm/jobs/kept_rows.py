"""Rows of predictions that outlive a process that is stopped."""

import contextlib
import itertools
import json
from pathlib import Path

import filelock

from keras_derm.caches import image_cache
from keras_derm.files import short_digest, shown, write_text
from keras_derm.jobs.prediction_rows import image_name, rows_file
from keras_derm.object_store import is_url, write_file

SUFFIX = ".partial"


class KeptRows:
    """Rows beside an output that is not whole yet, in `found.csv.partial`.

    Its first line says of which model and settings the rows are; each further one is a
    row, with the stamp of its photograph (`FoundImage.stamp`), as JSON. A line that was
    cut off as it was written does not count. Memory does not grow with the rows.

    Args:
        path: The file.
        record: Dict, what decides the rows.

    Attributes:
        n_taken_up: How many rows were there already, after `go_on`.
        n_dropped: How many of those that were there were dropped.

    Raises:
        ValueError: The file that is there is of another record, or none of these.

    Example:
        >>> with kept_rows("found.csv", classes, record) as kept:
        ...     for images in batches(kept.go_on(images, table.show)):
        ...         kept.append(classify(images), [one.stamp() for one in images])
    """

    def __init__(self, path, record):
        self.path = Path(path)
        self.n_taken_up = self.n_dropped = 0
        if not self.path.is_file():
            write_text(self.path, json.dumps(record) + "\n")
        self._file = open(self.path, "r+b")  # noqa: SIM115
        try:
            self._check(record)
        except ValueError:
            self._file.close()
            raise
        self._start = self._file.tell()

    def go_on(self, images, take_up):
        """Take up the rows that are there, as far as they are of these images.

        Where an image has come, gone or changed, that row and all after it are dropped.

        Args:
            images: Iterator of `FoundImage`s.
            take_up: Function of a row that was there.

        Returns:
            Iterator of the images that are left to be done.
        """
        self._file.seek(self._start)
        end = self._start
        for line in self._file:
            kept = _read_line(line)
            if kept is None:
                break
            image = next(images, None)
            stamp, row = kept
            if image is None or not _is_of(stamp, row, image):
                self.n_dropped = 1 + sum(1 for _ in self._file)
                images = itertools.chain([] if image is None else [image], images)
                break
            take_up(row)
            self.n_taken_up += 1
            end += len(line)
        self._file.seek(end)
        self._file.truncate()
        return images

    def append(self, rows, stamps):
        """Add rows, each with the stamp that its image had before it was read."""
        lines = [json.dumps(pair) + "\n" for pair in zip(stamps, rows, strict=True)]
        with _named(self.path):
            self._file.write("".join(lines).encode())
            self._file.flush()

    def rows(self):
        """Yield all rows, one by one."""
        self._file.seek(self._start)
        for line in self._file:
            yield json.loads(line)[1]

    def close(self):
        """Close the file, which stays."""
        with _named(self.path):
            self._file.close()

    def _check(self, record):
        try:
            found = json.loads(self._file.readline())
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValueError(
                f"{self.path} is to hold the rows of a run of predict.py that was "
                "stopped, and holds something else: remove it, or name another "
                f"`output`. Received: {self.path}"
            )
        others = [
            f"{name} {shown(found.get(name))}, now {shown(record.get(name))}"
            for name in {**found, **record}
            if found.get(name) != record.get(name)
        ]
        if others:
            raise ValueError(
                f"{self.path} holds the rows of a run of predict.py that was stopped, "
                "with another model or other settings. Go on with those, name another "
                "`output`, or remove the file to begin anew. Received: "
                f"{'; '.join(others)}"
            )


@contextlib.contextmanager
def kept_rows(output, classes, record, each=iter):
    """Keep rows beside an output, and write it when all are there.

    Args:
        output: The .csv, .json or .parquet to write, a path or a URL. For a URL rows
            are kept and written on this machine (`image_cache`), and the file is put
            into the store when it is whole.
        classes: Names of the columns of probabilities.
        record: Dict, what decides the rows.
        each: Function that shows the progress of an iterable of all rows.

    Yields:
        `KeptRows`. Where the block ends without an exception the output is written,
        whole or not at all, and they are removed.

    Raises:
        RuntimeError: Another process of this machine writes the same output.
        ValueError: The rows that are there are of another record.
        ObjectStoreError: The store does not take the file; the rows stay.
    """
    written = _place_here(output)
    written.parent.mkdir(parents=True, exist_ok=True)
    path = written.with_name(written.name + SUFFIX)
    with _locked(path), contextlib.closing(KeptRows(path, record)) as kept:
        yield kept
        with rows_file(written, classes) as write:
            for row in each(kept.rows()):
                write(row)
        if is_url(output):
            write_file(written, output)
            written.unlink()
        path.unlink()


def _place_here(output):
    """Where an output is written on this machine."""
    if not is_url(output):
        return Path(output)
    name = f"{short_digest(output.encode())}-{output.rpartition('/')[2]}"
    return Path(image_cache(), "predictions", name)


@contextlib.contextmanager
def _locked(path):
    file = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(file, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RuntimeError(
            "another process of predict.py writes the same output: wait for it, end "
            f"it, or name another `output`. Received: {path}"
        ) from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()


def _read_line(line):
    """Stamp and row in a line, or None where it is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        stamp, row = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (stamp, row) if isinstance(row, dict) and "image" in row else None


def _is_of(stamp, row, image):
    return row["image"] == image_name(image.path) and stamp == image.stamp()


@contextlib.contextmanager
def _named(path):
    """Name the file where the system does not, as where the disk is full."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
