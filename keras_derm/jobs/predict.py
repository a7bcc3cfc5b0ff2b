"""Job: classify photographs with a trained or exported model."""

import json
from glob import glob
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png")


def predict(
    model: str,
    images: str,
    output: str | None = None,
    batch_size: int = 32,
):
    """Classify dermoscopic photographs. Research use only: not a medical device.

    Prints a table and, with --output, writes every probability. An image that cannot
    be read is reported and does not stop the others; the exit status is then 1.

    Args:
        model: An ensemble.keras or an exported .tflite of a run, with its .json
            beside it.
        images: An image, a folder (searched with its subfolders), or a glob pattern.
        output: .csv to write, one row an image.
        batch_size: Images at once.

    Returns:
        Exit status: 0, or 1 where an image could not be read.
    """
    import numpy as np
    import pandas as pd
    from rich.progress import track

    from keras_derm.catalog import ImageError, read_image
    from keras_derm.files import write_csv

    paths = _image_paths(images)
    classes, prepared, classify = _load(Path(model))
    rows, failures = [], []
    starts = range(0, len(paths), batch_size)
    for start in track(starts, "Predicting", disable=len(starts) < 2):
        batch, names = [], []
        for path in paths[start : start + batch_size]:
            try:
                batch.append(prepared(read_image(path)))
                names.append(str(path))
            except ImageError as error:
                failures.append(str(error))
        if batch:
            scores = classify(np.stack(batch))
            frame = pd.DataFrame(scores, columns=list(classes))
            frame.insert(0, "image", names)
            frame.insert(1, "diagnosis", np.array(classes)[scores.argmax(axis=1)])
            rows.append(frame)
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    _print(table, classes, failures)
    if output is not None and len(table):
        write_csv(output, table)
    return 1 if failures else 0


def _image_paths(images):
    path = Path(images)
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
    elif path.is_file():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob(images, recursive=True))
    if not found:
        raise FileNotFoundError(
            f"`images` names no file, folder or pattern with {', '.join(SUFFIXES)} "
            f"in it. Received: {images!r}"
        )
    return found


def _load(path):
    """Classes, preparation of one image, and classification of a batch."""
    import numpy as np

    from keras_derm.layers.presets import preprocessing

    description = path.with_suffix(".json")
    for needed in (path, description):
        if not needed.is_file():
            raise FileNotFoundError(
                f"{needed} is missing; give ensemble.keras or a .tflite of a run "
                f"directory, with its .json beside it. Received: model={str(path)!r}"
            )
    facts = json.loads(description.read_text())
    if path.suffix == ".tflite":
        from keras_derm.export import QuantizedModel

        classify = QuantizedModel(path).predict
    else:
        from keras_derm.classifiers import load_classifier

        classify = load_classifier(path).predict_on_batch
    layers = preprocessing(facts["preset"], facts["image_size"][0])

    def prepared(image):
        images = image[None]
        for layer in layers:
            images = layer(images)
        return np.clip(np.rint(np.asarray(images)[0]), 0, 255).astype("uint8")

    return facts["classes"], prepared, lambda batch: classify(batch.astype("float32"))


def _print(table, classes, failures):
    from rich.console import Console
    from rich.table import Table

    console = Console()
    shown = Table("image", "diagnosis", *classes)
    for row in table.to_dict("records"):
        scores = [f"{row[name]:.3f}" for name in classes]
        shown.add_row(Path(row["image"]).name, row["diagnosis"], *scores)
    console.print(shown)
    for failure in failures:
        console.print(f"[red]not read:[/red] {failure}")
    console.print("Research use only. Not a medical device.")
