"""Job: classify photographs with a trained or exported model."""

import contextlib
import glob
import itertools
import os
from pathlib import Path

from keras_derm.jobs.prediction_rows import ShownTable, check_output
from keras_derm.photographs import IMAGE_SUFFIXES

MOST_SHOWN = 100
"""Images up to which rows are printed, too, where they are written to a file."""


def predict(
    model: str,
    images: list[str] | str,
    output: str | None = None,
    overlay: str | None = None,
    outline: str | None = None,
    batch_size: int = 32,
    n_threads: int | None = None,
    cluster: str = "none",
):
    """Classify dermoscopic photographs. Research use only: not a medical device.

    predict.py MODEL IMAGES [--output FILE]: prints, row by row, the diagnosis of
    highest probability, the prediction set, the colour of the photograph (ITA of the
    skin in it, which is not the person's skin tone) with its 95 % interval, warnings
    (the model is unsure, the photograph is unlike those that it learned from, no lesion
    is found) and whether the lesion's outline is cut off or unsure. Of more than 100
    images whose rows are written to a file, counts are printed instead, and the
    progress. An image that cannot be read is told with the cause and does not stop the
    others; the exit status is then 1.

    Args:
        model: An ensemble.keras of a run, an exported .tflite, each with its .json
            beside it, or the folder of an exported ensemble.
        images: Images, folders (searched with their subfolders, but for hidden files)
            or glob patterns.
        output: .csv, .json or .parquet (extra parquet) to write, one row an image with
            every probability. Its `coverage` is the share of the sets that hold the
            truth; it is empty where these photographs are too few to be compared with
            those that the sets were fitted on, or unlike them. The file appears when
            all rows are there; until then they are in FILE.partial. The same command,
            where it was stopped, goes on from there, and does again what has come or
            changed since, and all after it.
        overlay: Folder for pictures of what speaks for the diagnosis (LayerCAM, of 12
            x 12 regions or more): by the model where it is a .keras, else by the .keras
            of its name beside it.
        outline: Folder for the photographs with the outline of the lesion drawn on
            them; the share of the picture that it covers is in the rows.
        batch_size: Images at once.
        n_threads: Threads of LiteRT; its own choice by default, on a cluster one.
        cluster: Where the work is done: none, by this process; local, by a Ray cluster
            of this machine alone; or the address of a Ray cluster (HOST:PORT, auto,
            ray://HOST:PORT), whose machines see the model and the images under the
            same paths. The rows are the same (extra cluster).

    Returns:
        Exit status: 0, or 1 where an image could not be read.
    """
    if output is not None:
        check_output(output)
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}")
    asked = [images] if isinstance(images, str) else list(images)
    n_images = _number_found(asked)  # before the model is read
    from keras_derm.cluster.place import on_cluster
    from keras_derm.jobs.classification import Classification
    from keras_derm.jobs.prediction_progress import PredictionProgress
    from keras_derm.jobs.predictor import Predictor

    predictor = Predictor(Path(model), n_threads)
    if overlay is not None:
        predictor.check_overlays()
    with_rows = output is None or n_images <= MOST_SHOWN
    table = ShownTable(predictor, with_rows)
    found = _every_image(asked)
    folders = {"overlay": overlay, "outline": outline}
    classify = Classification(predictor, **folders)
    with contextlib.ExitStack() as stack:
        stack.enter_context(on_cluster(cluster))
        progress = stack.enter_context(PredictionProgress(n_images, not with_rows))
        if output is None:
            for rows, _ in classify.each(found, batch_size):
                _each(table.show, rows)
        else:
            record = predictor.record() | _absolute(folders)
            _classify_to(output, classify, record, found, batch_size, table, progress)
    table.close()
    return 1 if table.n_failed else 0


def _absolute(folders):
    return {name: path and str(Path(path).resolve()) for name, path in folders.items()}


def _classify_to(output, classify, record, found, batch_size, table, progress):
    """Classify what is not done yet, and write all rows."""
    from keras_derm.jobs.kept_rows import kept_rows

    def written(rows):
        return progress.of_writing(table.coverage.told(rows))

    with kept_rows(output, classify.classes, record, written) as kept:

        def take_up(row):
            table.show(row)
            progress.advance(1)

        left = kept.go_on(found, take_up)
        _tell_of_taken_up(kept, progress.n_images)
        progress.go_on_from(kept.n_taken_up)
        for rows, stamps in classify.each(left, batch_size):
            kept.append(rows, stamps)
            _each(table.show, rows)
            progress.advance(len(rows))


def _tell_of_taken_up(kept, n_images):
    if kept.n_taken_up or kept.n_dropped:
        print(f"Done already: {kept.n_taken_up:,} of {n_images:,} images.", flush=True)
    if kept.n_dropped:
        print(
            "After these an image has come, gone or changed: "
            f"{kept.n_dropped:,} rows are done again.",
            flush=True,
        )


def _each(function, rows):
    for row in rows:
        function(row)


def _number_found(asked):
    """How many images there are; raises where one of those asked for names none."""
    if not asked:
        raise ValueError("`images` must name an image, folder or pattern. Received: []")
    numbers = [_number(name) for name in asked]
    if 0 in numbers:
        raise FileNotFoundError(
            "`images` names no file, folder or pattern with "
            f"{', '.join(IMAGE_SUFFIXES)} in it. Received: {asked[numbers.index(0)]!r}"
        )
    return sum(numbers)


def _number(name):
    if os.path.isdir(name):
        return sum(len(files) for _, files in _files_by_folder(name))
    return sum(1 for _ in _found(name))


def _every_image(asked):
    """Pairs of each image's path and a name that no other has, one by one."""
    every = itertools.chain.from_iterable(map(_found, asked))
    if len(asked) == 1 and os.path.isdir(asked[0]):
        return every  # whose names differ, and may be too many to be held
    return _with_own_names(every)


def _with_own_names(every):
    """Number those names that were there before."""
    given = set()
    for path, name in every:
        number, own = 1, name
        while own in given:
            number += 1
            own = name.with_name(f"{name.name}_{number}")
        given.add(own)
        yield path, own


def _found(name):
    """Pairs of an image's path and its name below what was asked for, one by one."""
    path = Path(name)
    if path.is_dir():
        for folder, files in _files_by_folder(path):
            for file in files:
                yield Path(folder, file), Path(folder, file).relative_to(path)
    elif path.is_file():
        yield path, Path(path.name)
    else:
        for file in sorted(glob.glob(_pattern(path), recursive=True)):
            if Path(file).is_file():
                yield Path(file), Path(Path(file).name)


def _files_by_folder(path):
    """Pairs of a folder and the sorted names of the images in it: one at a time."""
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(filter(_is_shown, folders))
        files[:] = filter(_is_image, files)
        files.sort()
        yield folder, files


def _is_image(name):
    return _is_shown(name) and name.lower().endswith(IMAGE_SUFFIXES)


def _is_shown(name):
    """Whether a file or folder is no hidden one, as `._x.jpg` of macOS is."""
    return not name.startswith(".") and name != "__MACOSX"


def _pattern(path):
    """A pattern in which the folders that are there stand for themselves: a[1]/*.jpg"""
    there = next((folder for folder in path.parents if folder.is_dir()), Path())
    return os.path.join(glob.escape(str(there)), path.relative_to(there))
