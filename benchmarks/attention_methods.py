"""Which attention maps of a trained classifier to read, by four measures.

On real test photographs with masks of their lesions: what replacing the most attended
pixels does to the probability, beside random patches (the lower, the better); how much
of the map lies in the lesion, beside the lesion's share of the image; how much a map is
like that of the network with random weights, and like those of other photographs; and
the time. A map that knows nothing, a bump in the middle, stands beside the methods.

Usage: python benchmarks/attention_methods.py --run RUN
"""

import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.progress import track

from keras_derm.catalog import group_ids, read_mask
from keras_derm.classifiers import ensemble_members, ensemble_weights, load_classifier
from keras_derm.evaluation import means_with_intervals
from keras_derm.explain import (
    area_under,
    attention_in_lesions,
    attention_maps,
    average_maps,
    deletion_curve,
    map_similarity,
    member_attention_maps,
    random_maps,
    randomize_weights,
)
from keras_derm.jobs.judged import judged_task
from keras_derm.layers import preparation
from keras_derm.networks import set_weights
from keras_derm.pipeline import PreparedImages
from keras_derm.report import figures
from keras_derm.report.run_files import chosen_arm
from keras_derm.runs import RunDirectory
from keras_derm.settings import PrepareDatasetSettings

GAMMA = 2.0
"""Factor before the hyperbolic tangent, by which LayerCAM's paper lifts the maps of
earlier layers before the maximum over layers is taken."""
LADDER = (1, 6, 12)
"""Least regions of the maps that are fused: of a network of 96 pixels 3, 6 and 12."""
LARGER = 4
N_RANDOM_MAPS = 3
N_OTHERS = 5
N_STEPS = 10
N_ON_SHEET = 8


def by_regions(method, least_regions, model, images, classes):
    """Maps of one layer."""
    return attention_maps(model, images, classes, method, least_regions=least_regions)


def fused(combine, model, images, classes):
    """Maps of several layers of each member, combined; members are averaged."""
    by_layer = [
        member_attention_maps(model, images, classes, least_regions=regions)
        for regions in LADDER
    ]
    maps = [combine(np.stack(of_member)) for of_member in zip(*by_layer, strict=True)]
    return average_maps(maps, ensemble_weights(model))


def maximum_of_scaled(maps):
    """As LayerCAM's paper fuses."""
    return np.tanh(GAMMA * maps).max(axis=0)


def evidence_within_regions(model, images, classes):
    """Grad-CAM's coarse map, and within its regions LayerCAM's finer one."""
    return average_maps(
        [
            coarse * fine
            for coarse, fine in zip(
                member_attention_maps(model, images, classes, "grad_cam"),
                member_attention_maps(model, images, classes),
                strict=True,
            )
        ],
        ensemble_weights(model),
    )


def enlarged(model, images, classes):
    """Grad-CAM of the same weights on images enlarged to four times the side."""
    members = [larger(member) for member in ensemble_members(model)]
    maps = member_attention_maps(members, images, classes, "grad_cam")
    return average_maps(maps, ensemble_weights(model))


def larger(member):
    """The same classifier for images of four times the side."""
    side = LARGER * member.input_shape[1]
    copy = keras.models.clone_model(member, keras.Input((side, side, 3)))
    set_weights(copy, member.get_weights())
    return copy


def middle(model, images, classes):
    """A bump in the middle of each image: most lesions are there."""
    height, width = images.shape[1:3]
    rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    bump = np.exp(-2 * (rows[:, None] ** 2 + columns**2)).astype("float32")
    return np.repeat(bump[None], len(images), axis=0)


METHODS = {
    "grad_cam": partial(by_regions, "grad_cam", None),
    "layer_cam_12": partial(by_regions, "layer_cam", 12),
    "layer_cam_6": partial(by_regions, "layer_cam", 6),
    "fused_maximum": partial(fused, maximum_of_scaled),
    "product": evidence_within_regions,
    "middle": middle,
    "layer_cam_24": partial(by_regions, "layer_cam", 24),
    "fused_mean": partial(fused, partial(np.mean, axis=0)),
    "grad_cam_earlier": partial(by_regions, "grad_cam", 12),
    "grad_cam_plus_plus": partial(by_regions, "grad_cam_plus_plus", None),
    "enlarged": enlarged,
}


def photographs(run, n, seed):
    """Test photographs with masks: table of rows, images, and masks in their square."""
    test = run.catalog.where(judged_task(run).covers(run.catalog)).split("test")
    known = np.array([path is not None for path in test.mask_paths])
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(known))[:n]
    test = test.where(np.isin(np.arange(len(test)), drawn))
    settings = run.settings(PrepareDatasetSettings)
    chain = preparation(settings.preset, settings.image_size)
    pairs = zip(test.mask_paths, test.paths, strict=True)
    masks = [
        np.asarray(chain.transform_masks(read_mask(*pair)[None])[0]) for pair in pairs
    ]
    prepared = PreparedImages.load(run.prepared_real)
    return test, prepared.take(prepared.indices(test)), masks


def measure(explain, model, forgetful, images, classes, masks, floor):
    """Maps of one method, and a row of measures an image."""
    start = time.perf_counter()
    maps = explain(model, images, classes)
    seconds = time.perf_counter() - start
    inside = attention_in_lesions(maps, masks)
    curve = deletion_curve(model, images, maps, classes, N_STEPS)
    others = [
        map_similarity(maps, np.roll(maps, shift, axis=0))[0]
        for shift in range(1, N_OTHERS + 1)
    ]
    share, lesion = inside["attention_in_lesion"], inside["lesion_share"]
    return maps, {
        "deletion": area_under(curve),
        "less than random": floor - area_under(curve),
        "in lesion": share,
        "times its share": share / lesion,
        "like untrained": map_similarity(maps, explain(forgetful, images, classes))[0],
        "like others": np.mean(others, axis=0),
        "seconds": np.full(len(images), seconds / len(images)),
    }


def interval(value, low, high):
    return f"{value:.3f}" + ("" if np.isnan(low) else f" ({low:.3f} to {high:.3f})")


def tell_of_larger(model, images, probabilities):
    """Print how far probabilities change where the images are enlarged."""
    members = ensemble_members(model)
    resizing = [keras.layers.Resizing(*larger(one).input_shape[1:3]) for one in members]
    found = [
        np.concatenate([
            larger_one.predict_on_batch(resize(images[i : i + 16].astype("float32")))
            for i in range(0, len(images), 16)
        ])
        for larger_one, resize in zip(map(larger, members), resizing, strict=True)
    ]  # fmt: skip
    found = np.average(found, axis=0, weights=ensemble_weights(model))
    named = (found.argmax(axis=1) != probabilities.argmax(axis=1)).mean()
    change = np.abs(found - probabilities).max(axis=1).mean()
    print(
        f"Enlarged to {LARGER} times the side, {named:.0%} of the images are named "
        f"otherwise; the largest change of a probability is {change:.2f} in the mean."
    )


def write_sheet(path, test, images, maps, probabilities, classes):
    """Write melanomas that were called something else, with the maps of each method."""
    is_melanoma = test.table["diagnosis"].to_numpy(str) == "MEL"
    called = np.array(classes)[probabilities.argmax(axis=1)]
    missed = np.flatnonzero(is_melanoma & (called != "MEL"))[:N_ON_SHEET]
    if not len(missed):
        print("no melanoma was missed")
        return
    captions = [f"called {called[i]} {probabilities[i].max():.0%}" for i in missed]
    shown = {name: of_method[missed] for name, of_method in maps.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = figures.attention_columns(images[missed], shown, captions)
    figure.savefig(path, dpi=110)
    print(f"missed melanomas, the map of what they were called: {path.absolute()}")


def main(
    run: str,
    arm: str = "chosen",
    n: int = 150,
    seed: int = 0,
    methods: tuple[str, ...] = tuple(METHODS),
    sheet: str = "runs/attention_methods.png",
) -> None:
    """Print the measures of every method, and draw the maps of missed melanomas.

    Args:
        run: Run directory that has been evaluated, of an archive with masks.
        arm: Whose ensemble.
        n: Test photographs, drawn at random.
        seed: Of the draw, random maps and random weights.
        methods: Which, by their names in METHODS; enlarged takes as long as ten others.
        sheet: Picture to write.
    """
    directory = RunDirectory(run)
    model = load_classifier(
        directory.arm(chosen_arm(directory, arm)) / "ensemble.keras"
    )
    test, images, masks = photographs(directory, n, seed)
    probabilities = model.predict(images.astype("float32"), verbose=0)
    classes = probabilities.argmax(axis=1)
    members = ensemble_members(model)
    forgetful = [
        randomize_weights(one, 1.0, [seed, i]) for i, one in enumerate(members)
    ]
    floors = [random_maps(*images.shape[:3], [seed, i]) for i in range(N_RANDOM_MAPS)]
    floor = np.mean(
        [
            area_under(deletion_curve(model, images, one, classes, N_STEPS))
            for one in floors
        ],
        axis=0,
    )
    covered = np.mean([mask.mean() for mask in masks])
    print(
        f"{len(images)} test photographs, of which lesions cover {covered:.3f}; "
        f"deletion of random patches {floor.mean():.3f}",
        flush=True,
    )
    maps = {}
    for name in track(methods, "Methods", len(methods)):
        maps[name], measures = measure(
            METHODS[name], model, forgetful, images, classes, masks, floor
        )
        values = np.stack([*measures.values()], axis=1)
        found = means_with_intervals(values, group_ids(test))
        told = {k: interval(*row) for k, row in zip(measures, found, strict=True)}
        print(pd.DataFrame(told, [name]).to_string(), flush=True)
    if "enlarged" in methods:
        tell_of_larger(model, images, probabilities)
    classes = judged_task(directory).classes
    write_sheet(Path(sheet), test, images, maps, probabilities, classes)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
