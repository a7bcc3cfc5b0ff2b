"""Generators after equal processor time: how near their images are to unseen ones.

Every generator learns from the training images of a run for the same processor seconds,
with its own defaults, and then makes as many images of each diagnosis as are compared.
They are judged against photographs that none of them saw, beside real training images
(the floor): kernel distance, precision, recall and coverage, what was copied, and the
kernel distance of each diagnosis. A sheet of each lies in the folder of `output`.

Usage: python benchmarks/generator_quality.py --run RUN --weights WEIGHTS --seconds 300
"""

import resource
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from PIL import Image

from keras_derm.catalog import DIAGNOSES
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.evaluation.image_quality.synthetic_quality import (
    SETS,
    judge_synthetic_images,
)
from keras_derm.generative import condition_indices, generator_class, sampling_weights
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import RunDirectory
from keras_derm.settings.generators import generator_settings

N_TIMED = 6
COLUMNS = 8


def processor_seconds():
    """Of this process, over all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def trained(settings, image_size, rows, images, seconds, seed, precision):
    """A generator after about so many processor seconds of steps.

    A step is timed first, as the learning rate of some falls with the share of their
    steps that are done.

    Returns:
        Tuple of the generator, its steps and their processor seconds.
    """
    kind = generator_class(settings.name)

    def new(n_steps):
        keras.utils.set_random_seed(seed)
        made = kind.from_settings(
            settings, image_size, n_steps, seed, precision=precision
        )
        made.prepare(rows, images, settings, seed)
        return made

    def fit(generator, n_steps):
        batches = generator.dataset(rows, images, settings, seed, generator.steps_done)
        start = processor_seconds()
        generator.fit(batches, steps_per_epoch=n_steps, verbose=0, shuffle=False)
        return processor_seconds() - start

    timed = new(100)
    fit(timed, N_TIMED)  # the first steps are of tracing
    per_step = fit(timed, N_TIMED) / N_TIMED
    n_steps = max(1, round(seconds / per_step))
    generator = new(n_steps)
    return generator, n_steps, fit(generator, n_steps)


def sheet(images, path):
    """Write the first images as a grid."""
    n = len(images) // COLUMNS * COLUMNS
    side = images.shape[1]
    grid = images[:n].reshape(-1, COLUMNS, side, side, 3).swapaxes(1, 2)
    Image.fromarray(grid.reshape(-1, COLUMNS * side, 3)).save(path)


def figures(images, diagnoses, extractor, seed):
    """Row of figures of all, and kernel distance of each diagnosis."""
    table, memory = judge_synthetic_images(images, diagnoses, extractor, seed)
    metrics = table["metric"].str.split(" \\(").str[0].str.lower()
    table = table.assign(metric=metrics)
    made = table[table["set"].isin([SETS["synthetic"], SETS["training"]])]
    cells = made.pivot_table("value", ["set", "cell"], "metric")
    distances = cells["kernel distance"].unstack("cell")
    # A generator of one diagnosis has no other cell.
    whole = cells.xs(
        "all" if "all" in distances else distances.columns[0], level="cell"
    )
    distances = distances.drop(columns="all", errors="ignore")
    return whole, distances, memory


def main(
    run: str,
    weights: str,
    seconds: float = 300,
    image_size: int = 64,
    generators: tuple[str, ...] = (
        "diffusion",
        "sngan",
        "conditional_wgan_gp",
        "cyclegan",
    ),
    n: int = 500,
    precision: str = "mixed_bfloat16",
    seed: int = 0,
    output: str = "runs/generator_quality",
) -> None:
    """Train each generator for equal processor seconds, and judge its images.

    Args:
        run: Run directory with a finished prepare_dataset.
        weights: Weights of MobileNetV2 without the top.
        seconds: Processor seconds of the training steps of each.
        image_size: Side of the images.
        generators: Names of generators.
        n: Images of each.
        precision: What networks compute in.
        seed: Of everything.
        output: Folder for the sheets.
    """
    directory = RunDirectory(run)
    prepared = PreparedImages.load(directory.prepared_real)
    rows = directory.catalog.split("train")
    held_out = directory.catalog.where(split=["val", "test"])
    images = resized_images(prepared, rows, image_size)
    extractor = feature_extractor(weights)
    real = {
        "training": images(np.arange(len(rows))),
        "held out": resized_images(prepared, held_out, image_size)(
            np.arange(len(held_out))
        ),
    }
    diagnoses = {
        "training": rows.table["diagnosis"],
        "held out": held_out.table["diagnosis"],
    }
    conditions = condition_indices(rows)
    drawn = np.random.default_rng(seed).choice(
        len(rows), n, replace=False, p=sampling_weights(conditions[:, 0], 0.5)
    )
    Path(output).mkdir(parents=True, exist_ok=True)
    told, by_diagnosis = [], []
    for name in generators:
        settings = generator_settings(name)
        generator, n_steps, used = trained(
            settings, image_size, rows, images, seconds, seed, precision
        )
        counts = conditions[drawn]
        if name == "cyclegan":  # it makes melanoma of benign images alone
            counts = counts.copy()
            counts[:, 0] = DIAGNOSES.index("MEL")
        cells, wanted = np.unique(counts, axis=0, return_counts=True)
        made = generator.make((cells, wanted), seed, rows, real["training"])
        names = [DIAGNOSES[i] for i in made.conditions[:, 0]]
        order = np.random.default_rng(seed).permutation(len(made))[:48]
        sheet(made.images[order], Path(output) / f"{name}.png")
        found = figures(
            real | {"synthetic": made.images},
            diagnoses | {"synthetic": names},
            extractor,
            seed,
        )
        whole, distances, memory = found
        for title, kept in ((name, "synthetic"), ("training images", "training")):
            if kept == "training" and name != generators[0]:
                continue
            row = whole.loc[SETS[kept]].to_dict()
            row |= memory if kept == "synthetic" else {}
            told.append({"generator": title, "steps": n_steps, "seconds": used} | row)
            by_diagnosis.append(distances.loc[SETS[kept]].rename(title))
        print(pd.DataFrame(told).round(3).to_string(index=False), flush=True)
    print("\nkernel distance by diagnosis")
    print(pd.DataFrame(by_diagnosis).round(2).to_string())


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
