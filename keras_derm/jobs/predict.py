"""Job: classify photographs with a trained or exported model."""

import contextlib
from pathlib import Path

from keras_derm.jobs.found_images import every_image, number_found
from keras_derm.jobs.prediction_rows import ShownTable, check_output
from keras_derm.object_store import is_url, refuse_url

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
            or glob patterns; or their URLs in an object store, such as
            s3://bucket/folder (extra object_store).
        output: .csv, .json or .parquet (extra parquet) to write, one row an image with
            every probability. Its `coverage` is the share of the sets that hold the
            truth; it is empty where these photographs are too few to be compared with
            those that the sets were fitted on, or unlike them. The file appears when
            all rows are there; until then they are in FILE.partial. The same command,
            where it was stopped, goes on from there, and does again what has come or
            changed since, and all after it. A URL in an object store gets the file when
            it is whole; until then rows are kept on this machine, in a file of
            KERAS_DERM_CACHE that is told.
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
    for name, path in {"model": model, "overlay": overlay, "outline": outline}.items():
        refuse_url(name, path)
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}")
    asked = [images] if isinstance(images, str) else list(images)
    n_images = number_found(asked)  # before the model is read
    from keras_derm.cluster.place import on_cluster
    from keras_derm.jobs.classification import Classification
    from keras_derm.jobs.prediction_progress import PredictionProgress
    from keras_derm.jobs.predictor import Predictor

    predictor = Predictor(Path(model), n_threads)
    if overlay is not None:
        predictor.check_overlays()
    with_rows = output is None or n_images <= MOST_SHOWN
    table = ShownTable(predictor, with_rows)
    found = every_image(asked)
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
        if is_url(output):
            print(f"Until all are there, rows are kept in {kept.path}.", flush=True)

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
