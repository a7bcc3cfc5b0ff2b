"""Synthetic images beside a floor and ceilings, and what was learned by heart."""

import numpy as np
import pandas as pd

from keras_derm.evaluation.image_quality.feature_distances import (
    all_turns,
    memorisation,
    quality_table,
)

N_COPIED = 10
N_TURNED = 250
SETS = {
    "training": "real training images (floor)",
    "synthetic": "synthetic images",
    "copies": "ten training images over and over",
    "noise": "noise",
}


def judge_synthetic_images(images, diagnoses, extractor, seed=0):
    """Compare synthetic images with real ones that no generator saw.

    Real training images are judged beside them as the floor, and as ceilings what is
    worthless: noise, and ten training images of each diagnosis over and over.

    Args:
        images: Dict of `training`, `held out` and `synthetic` to uint8 images of one
            size, (n, side, side, 3).
        diagnoses: Dict of the same names to the diagnosis of each image, (n,).
        extractor: `FeatureExtractor`.
        seed: Seed of which images are drawn, and of the noise.

    Returns:
        Tuple of what `quality_table` returned, and of a dict of what `memorisation`
        returned with `network` and `n`, the number of synthetic images; its figures
        are None where no diagnosis is both synthetic and held out.

    Example:
        >>> extractor = feature_extractor("imagenet")
        >>> table, memory = judge_synthetic_images(images, diagnoses, extractor)
    """
    cells = {name: np.asarray(found, str) for name, found in diagnoses.items()}
    features = {name: extractor(found) for name, found in images.items()}
    generator = np.random.default_rng(seed)
    as_noise = _no_more_than(cells["synthetic"], cells["held out"], least=1)
    cells["noise"] = as_noise.to_numpy()
    shape = (len(cells["noise"]), *images["synthetic"].shape[1:])
    features["noise"] = extractor(generator.integers(0, 256, shape).astype("uint8"))
    copied = _copies(cells["training"], cells["synthetic"], generator)
    features["copies"] = features["training"][copied]
    cells["copies"] = cells["synthetic"]
    table = quality_table(
        (features["held out"], cells["held out"]),
        {title: (features[name], cells[name]) for name, title in SETS.items()},
        extractor.name,
        seed,
    )
    # Of the same diagnoses: rare lesions lie further from each other than nevi do.
    wanted = held_out_alike(cells["synthetic"], cells["held out"], generator)
    if not len(wanted):
        return table, {"memorisation_ratio": None, "copied_share": None, "n": 0}
    turned = {}
    for name in ("synthetic", "held out"):
        alike = images[name][draw_alike(cells[name], wanted, seed)]
        turned[name] = extractor(all_turns(alike)).reshape(8, len(alike), -1)
    memory = memorisation(turned["synthetic"], features["training"], turned["held out"])
    return table, {**memory, "network": extractor.name, "n": len(wanted)}


def draw_alike(diagnoses, wanted, seed):
    """Draw images with the diagnoses of others, `wanted`.

    Returns:
        Positions in `diagnoses`: of each diagnosis as many as are wanted, or as there
        are.
    """
    generator = np.random.default_rng(seed)
    diagnoses = np.asarray(diagnoses, str)
    names, counts = np.unique(np.asarray(wanted, str), return_counts=True)
    return np.concatenate(
        [
            generator.permutation(np.flatnonzero(diagnoses == name))[:n]
            for name, n in zip(names, counts, strict=True)
        ]
    )


def held_out_alike(made, held_out, generator):
    """Draw diagnoses of at most 250 made images, of each no more than are held out."""
    drawn = made[generator.permutation(len(made))[:N_TURNED]]
    return _no_more_than(drawn, held_out)


def _no_more_than(made, held_out, least=0):
    """Diagnoses of made images, of each no more than are held out, or `least`."""
    made = pd.Series(made)
    most = made.map(pd.Series(held_out).value_counts()).fillna(0).clip(lower=least)
    return made[made.groupby(made).cumcount() < most]


def _copies(training, wanted, generator):
    """Positions of ten training images of each diagnosis, as often as it is wanted."""
    few = {
        name: generator.permutation(np.flatnonzero(training == name))[:N_COPIED]
        for name in np.unique(wanted)
    }
    return np.array([generator.choice(few[name]) for name in wanted])
