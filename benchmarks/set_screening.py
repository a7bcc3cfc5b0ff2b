"""Which sets of images pass as synthetic images, and which do not.

Real images that were held out of training are judged as a generator's images are,
beside training images of the same diagnosis: as they are, saved again as JPEG, shrunk
and enlarged, blurred, gridded, ten of them over and over, half of them spoilt, and
noise.
What is real shall pass, and what a person sees at a glance shall not. With the run of a
generator, the images of it that screening kept or rejected are judged too.

Usage: python benchmarks/set_screening.py --data ham10000:/data/HAM10000 --size 64
"""

import io

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from PIL import Image
from rich.console import Console
from rich.progress import track
from scipy.ndimage import gaussian_filter

from keras_derm.catalog import Catalog, read_image, split_catalog
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.generative.conditions import table_conditions
from keras_derm.generative.screening import screen_sets
from keras_derm.generative.screening.set_criteria import SET_CRITERIA
from keras_derm.readers import read_data_source

MUST_PASS = ("held out", "JPEG 90", "JPEG 75", "shrunk to 3/4")
MUST_FAIL = (
    "blurred, 1.5 px",
    "gridded, 8 levels",
    "ten over and over",
    "noise",
    "half blurred",
    "half over and over",
)
"""The others are printed, and between: nothing is claimed of them."""


def main(
    data: str = "phantom:n=600,seed=7,size=128",
    size: int = 64,
    most: int = 200,
    run: str | None = None,
    feature_weights: str | None = None,
    seed: int = 0,
):
    """Print the measures of every kind of set, and whether it passes.

    Exits with status 1 where a set does not pass that must, or passes that must not.

    Args:
        data: Data source READER:PATH.
        size: Side of the images in pixels.
        most: Most images of a diagnosis, in training and held out.
        run: Run directory of a generator of that size whose synthetic images are
            judged beside the training images of it.
        feature_weights: Weights of MobileNetV2 without the top, to compare by its
            features.
        seed: Seed of the split and of what is drawn.
    """
    features = None if feature_weights is None else feature_extractor(feature_weights)
    catalog = split_catalog(read_data_source(data), (0.6, 0.0, 0.4), seed=seed)
    draw, wrong = np.random.default_rng(seed), 0
    for diagnosis, n in catalog.table["diagnosis"].value_counts().items():
        parts = []
        for split in ("train", "test"):
            rows = catalog.where(diagnosis=[diagnosis], split=split)
            chosen = np.sort(draw.permutation(len(rows))[:most])
            parts.append(_images(np.array(rows.paths, object)[chosen], size))
        if min(map(len, parts)) < 20:
            print(f"{diagnosis}: fewer than 20 of {n} images in a part")
            continue
        sets = _kinds(parts[1], draw)
        table = pd.concat(
            _judged(one, parts[0], features, seed) for one in sets.values()
        )
        table.insert(0, "kind", list(sets))
        _show(f"{diagnosis}: {len(parts[0])} real training images", table)
        passed = dict(zip(table["kind"], table["passed"], strict=True))
        wrong += sum(not passed[name] for name in MUST_PASS)
        wrong += sum(passed[name] for name in MUST_FAIL)
    if run is not None:
        _show_run(run, size, features, seed)
    print(f"{wrong} verdicts are other than they must be")
    return int(wrong > 0)


def _images(paths, size):
    images = []
    for path in track(paths, "Reading", transient=True):
        image = Image.fromarray(read_image(path))
        edge = min(image.size)
        left, top = ((side - edge) // 2 for side in image.size)
        square = image.crop((left, top, left + edge, top + edge))
        images.append(np.asarray(square.resize((size, size), Image.LANCZOS)))
    return np.reshape(images, (-1, size, size, 3)).astype("uint8")


def _kinds(held, draw):
    """Sets by their names, each of as many images."""
    again = _over_and_over(held, draw)
    blurred = _blurred(held, 1.5)
    half = len(held) // 2
    return {
        "held out": held,
        "JPEG 90": np.stack([_jpeg(image, 90) for image in held]),
        "JPEG 75": np.stack([_jpeg(image, 75) for image in held]),
        "shrunk to 3/4": np.stack([_shrunk(image, 0.75) for image in held]),
        "shrunk to 1/2": np.stack([_shrunk(image, 0.5) for image in held]),
        "blurred, 0.7 px": _blurred(held, 0.7),
        "blurred, 1.5 px": blurred,
        "gridded, 2 levels": _gridded(held, 2),
        "gridded, 8 levels": _gridded(held, 8),
        "ten over and over": again,
        "half blurred": np.concatenate([held[:half], blurred[half:]]),
        "half over and over": np.concatenate([held[:half], again[half:]]),
        "with noise, 8 levels": _clipped(held + draw.normal(0, 8, held.shape)),
        "noise": draw.integers(0, 256, held.shape).astype("uint8"),
    }


def _clipped(images):
    return np.clip(np.rint(images), 0, 255).astype("uint8")


def _jpeg(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _shrunk(image, factor):
    side = len(image)
    small = Image.fromarray(image).resize((round(side * factor),) * 2, Image.LANCZOS)
    return np.asarray(small.resize((side, side), Image.BICUBIC))


def _blurred(images, sigma):
    return _clipped(gaussian_filter(images.astype(float), (0, sigma, sigma, 0)))


def _gridded(images, amplitude):
    """With a checkerboard whose fields are 4 pixels wide."""
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    board = 1 - 2 * ((x // 4 + y // 4) % 2)
    return _clipped(images + amplitude * board[:, :, np.newaxis])


def _over_and_over(images, draw):
    again = images[np.arange(len(images)) % 10]
    return _clipped(again + draw.normal(0, 2, images.shape))


def _judged(made, real, features, seed):
    conditions = [np.zeros((len(one), 2), int) for one in (made, real)]
    alone = np.ones(len(made), bool)
    table, _ = screen_sets(
        made, conditions[0], alone, real, conditions[1], seed, features
    )
    return table


def _show(title, table):
    shown = table[["kind", "images"]].copy()
    for one in SET_CRITERIA:
        values, limits = table[one.name], table[f"{one.name}_limit"]
        shown[one.name] = [
            f"{value:.2f} ({'≥' if one.is_ratio else '≤'} {limit:.2f})"
            for value, limit in zip(values, limits, strict=True)
        ]
    shown["passes"] = table["passed"].to_numpy()
    print(title)
    Console(width=250).print(shown.to_string(index=False))


def _show_run(run, size, features, seed):
    """Judge what is kept in a run, and what was screened out, without its verdicts."""
    train = Catalog.load(f"{run}/catalog.csv").split("train")
    for folder in ("synthetic", "screened_out"):
        try:
            made = Catalog.load(f"{run}/{folder}/catalog.csv")
        except FileNotFoundError:
            print(f"{run} has no {folder}")
            continue
        rows = train.where(diagnosis=list(made.table["diagnosis"].unique()))
        table, _ = screen_sets(
            _images(made.paths, size),
            table_conditions(made.table),
            np.ones(len(made), bool),
            _images(rows.paths, size),
            table_conditions(rows.table),
            seed,
            features,
        )
        _show(f"{run}: {folder}", table.rename(columns={"set": "kind"}))


if __name__ == "__main__":
    raise SystemExit(auto_cli(main, as_positional=False))
