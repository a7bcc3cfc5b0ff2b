"""Job: classify photographs with a trained or exported model."""

import contextlib
import glob
import itertools
import os
from pathlib import Path

from keras_derm.jobs.prediction_rows import SUFFIXES as OUTPUTS
from keras_derm.jobs.prediction_rows import ShownTable, rows_file
from keras_derm.photographs import IMAGE_SUFFIXES


def predict(
    model: str,
    images: list[str] | str,
    output: str | None = None,
    overlay: str | None = None,
    outline: str | None = None,
    batch_size: int = 32,
    n_threads: int | None = None,
):
    """Classify dermoscopic photographs. Research use only: not a medical device.

    predict.py MODEL IMAGES [--output FILE]: prints, row by row, the diagnosis of
    highest probability, the prediction set, the colour of the photograph (ITA of the
    skin in it, which is not the person's skin tone) with its 95 % interval, and in what
    the photograph is unlike those that the model learned from, or its lesion not found,
    cut off or without a clear outline. An image that cannot be
    read is told with the cause and does not stop the others; the exit status is then 1.

    Args:
        model: An ensemble.keras of a run, an exported .tflite, each with its .json
            beside it, or the folder of an exported ensemble.
        images: Images, folders (searched with their subfolders, but for hidden files)
            or glob patterns.
        output: .csv or .json to write, one row an image with every probability. Rows
            are written as they come; the file appears when all are.
        overlay: Folder for pictures of what speaks for the diagnosis (LayerCAM, of 12
            x 12 regions or more), where the model is a .keras.
        outline: Folder for the photographs with the outline of the lesion drawn on
            them; the share of the picture that it covers is in the rows.
        batch_size: Images at once.
        n_threads: Threads of LiteRT; its own choice by default.

    Returns:
        Exit status: 0, or 1 where an image could not be read.
    """
    if output is not None and Path(output).suffix not in OUTPUTS:
        raise ValueError(
            f"`output` must end in {' or '.join(OUTPUTS)}. Received: {output!r}"
        )
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}")
    asked = [images] if isinstance(images, str) else list(images)
    _check_found(asked)  # before the model is read
    from keras_derm.jobs.predictor import Predictor

    predictor = Predictor(Path(model), n_threads)
    if overlay is not None:
        predictor.check_overlays()
    table = ShownTable(predictor)
    with contextlib.ExitStack() as stack:
        write = stack.enter_context(rows_file(output, predictor.classes))
        every = itertools.chain.from_iterable(map(_found, asked))
        while batch := list(itertools.islice(every, batch_size)):
            paths, names = zip(*batch, strict=True)
            rows, prepared = predictor.rows(paths)
            for row in rows:
                table.show(row)
                write(row)
            if overlay is not None:
                predictor.write_overlays(rows, prepared, names, Path(overlay))
            if outline is not None:
                predictor.write_outlines(paths, names, Path(outline))
    table.close()
    return 1 if table.n_failed else 0


def _check_found(asked):
    """Raise where there is nothing to classify in one of the images asked for."""
    if not asked:
        raise ValueError("`images` must name an image, folder or pattern. Received: []")
    for name in asked:
        if next(_found(name), None) is None:
            raise FileNotFoundError(
                "`images` names no file, folder or pattern with "
                f"{', '.join(IMAGE_SUFFIXES)} in it. Received: {name!r}"
            )


def _found(name):
    """Pairs of an image's path and its name below what was asked for, one by one."""
    path = Path(name)
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(filter(_is_shown, folders))
            for file in sorted(filter(_is_shown, files)):
                if file.lower().endswith(IMAGE_SUFFIXES):
                    yield Path(folder, file), Path(folder, file).relative_to(path)
    elif path.is_file():
        yield path, Path(path.name)
    else:
        for file in sorted(glob.glob(_pattern(path), recursive=True)):
            if Path(file).is_file():
                yield Path(file), Path(Path(file).name)


def _is_shown(name):
    """Whether a file or folder is no hidden one, as `._x.jpg` of macOS is."""
    return not name.startswith(".") and name != "__MACOSX"


def _pattern(path):
    """A pattern in which the folders that are there stand for themselves: a[1]/*.jpg"""
    there = next((folder for folder in path.parents if folder.is_dir()), Path())
    return os.path.join(glob.escape(str(there)), path.relative_to(there))
