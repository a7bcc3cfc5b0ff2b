"""What one photograph costs predict.py, part by part, and what memory it takes.

Each figure is processor time of one thread, the least of several rounds over the same
photographs, each with the one before done: reading, preparation, the classifier, the
colour of the skin, the outline of the lesion, warnings, and keeping and writing rows.
The total is what `predict` itself takes for each further photograph in a process of
its own, and peak memory is that of the process.

Usage: python benchmarks/predict_cost.py MODEL FOLDER
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jsonargparse import auto_cli
from rich.progress import track

from keras_derm.jobs.found_images import FoundImage
from keras_derm.jobs.kept_rows import kept_rows
from keras_derm.jobs.predictor import Predictor, outline_remarks
from keras_derm.photographs import IMAGE_SUFFIXES, read_image
from keras_derm.skin_tone.individual_typology_angle import SkinView

MODEL = Path(__file__).parents[1] / "saved_models/dermoscopy.tflite"

N_FEW = 10
"""Photographs of a short call, which is taken off a longer one."""

CHILD = """
import json, sys, time
from keras_derm.export.memory import peak_bytes
from keras_derm.jobs.predict import predict
model, few, many, output = sys.argv[1:]
seconds = []
for names in (few, few, many):  # the first loads libraries and networks
    start = time.process_time()
    predict(model, json.loads(names), output, n_threads=1)
    seconds.append(time.process_time() - start)
print(json.dumps({
    "seconds": seconds,
    "peak_mb": peak_bytes() / 1e6,
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


def main(
    model: str = str(MODEL),
    images: str | None = None,
    n_images: int = 100,
    n_rounds: int = 5,
) -> None:
    """Print milliseconds of processor time a photograph, and peak memory in MB.

    Args:
        model: An exported model as predict.py takes it.
        images: Folder of photographs; a phantom's, made for it, by default.
        n_images: Photographs, evenly spread over the folder.
        n_rounds: Rounds, of which the fastest counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        every = [
            path
            for path in sorted(Path(images or _phantom(folder)).rglob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES
        ]
        paths = every[:: max(1, len(every) // n_images)][:n_images]
        costs = _costs(Predictor(model, n_threads=1), paths, n_rounds, Path(folder))
        for what, milliseconds in costs.items():
            print(f"{what:<34}{milliseconds:7.2f} ms")
        print(f"{'sum of the parts':<34}{sum(costs.values()):7.2f} ms")
        _print_whole(model, paths, n_rounds, Path(folder))


def _phantom(folder):
    from keras_derm.phantom import write_phantom

    write_phantom(f"{folder}/phantom", n=100, seed=7)
    return f"{folder}/phantom/images"


def _costs(predictor, paths, n_rounds, folder):
    """Milliseconds a photograph of every part."""
    images = [read_image(path) for path in paths]
    finder = predictor._finder
    views = [SkinView(image, finder=finder) for image in images]
    outlines = [
        view.outline if view.image.shape == image.shape else finder.find(image)
        for view, image in zip(views, images, strict=True)
    ]
    both = list(zip(images, outlines, strict=True))
    prepared = [predictor._prepared(*pair) for pair in both]
    rows = predictor.rows(paths)[0]

    def of_the_whole(image, view):
        return finder.find(image) if view.image.shape != image.shape else None

    def warnings(image, outline, view):
        found = predictor._unfit(image, outline) + outline_remarks(outline, finder)
        return found + (
            predictor.limits.warnings(image, view.lab) if predictor.limits else []
        )

    def write(row, path):
        kept.append([row], [FoundImage(path, Path(path).name).stamp()])

    parts = {
        "reading": (read_image, paths),
        "lesion and skin, at 256 pixels": (
            lambda image: SkinView(image, finder=finder),
            images,
        ),
        "lesion in a larger photograph": (of_the_whole, images, views),
        "colour of the skin (ITA)": (predictor._estimator.measure_angle, views),
        "warnings": (warnings, images, outlines, views),
        "preparation": (predictor._prepared, images, outlines),
        "classifier": (lambda one: predictor._classify(one[None]), prepared),
    }
    costs = {
        what: _milliseconds(n_rounds, *part)
        for what, part in track(parts.items(), "Measuring", transient=True)
    }
    output = folder / "written.csv"
    start = time.process_time()
    with kept_rows(output, predictor.classes, predictor.record()) as kept:
        costs["keeping rows"] = _milliseconds(1, write, rows, paths)
        start = time.process_time()
    costs["writing the csv"] = 1000 * (time.process_time() - start) / len(paths)
    return costs


def _milliseconds(n_rounds, work, *arguments):
    seconds = []
    for _ in range(n_rounds):
        start = time.process_time()
        for one in zip(*arguments, strict=True):
            work(*one)
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds) / len(arguments[0])


def _print_whole(model, paths, n_rounds, folder):
    names = [
        json.dumps([str(path) for path in part]) for part in (paths[:N_FEW], paths)
    ]
    costs, found = [], {}
    for _ in range(n_rounds):
        command = [sys.executable, "-c", CHILD, model, *names, folder / "found.csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        _, few, many = found["seconds"]
        costs.append(1000 * (many - few) / (len(paths) - N_FEW))
    print(f"{'predict.py, each one more':<34}{min(costs):7.2f} ms")
    loaded = "with" if found["tensorflow"] else "without"
    print(f"{'peak memory':<34}{found['peak_mb']:7.0f} MB, {loaded} TensorFlow")


if __name__ == "__main__":
    auto_cli(main)
