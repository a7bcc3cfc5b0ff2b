"""From the cells that are short of images to made images that pass the screening."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.generative.cell_deficits import MIN_TONE_IMAGES, cell_deficits
from keras_derm.generative.conditions import (
    condition_indices,
    condition_names,
    table_conditions,
)
from keras_derm.generative.screening import screen


@dataclass(frozen=True, eq=False)
class Synthesis:
    """Which images are to be made.

    Attributes:
        deficits: Table of `cell_deficits`, of the diagnoses that the generator makes.
        cells: Conditions wanted, integers (k, 2), one row a cell.
        counts: Images wanted of each, integers (k,).
        none_because: Why none is to be made; empty where some are.

    Example:
        >>> plan = plan_synthesis(train, target_per_diagnosis=1000, learned=("MEL",))
        >>> images, _, verdicts = made_images(generator, plan, train, real)
        >>> kept = images[verdicts["kept"]]
    """

    deficits: pd.DataFrame
    cells: np.ndarray
    counts: np.ndarray
    none_because: str


def plan_synthesis(
    catalog, target_per_diagnosis, max_ratio=3.0, learned=None, by_tone=True
):
    """Find the cells that are short of images, of those a generator can make.

    Args:
        catalog: `Catalog` of the training rows.
        target_per_diagnosis: Training images each diagnosis shall have.
        max_ratio: Most made images for each real one of a diagnosis.
        learned: Diagnoses that the generator makes, see `Generator.learned`.
        by_tone: Whether it makes the tone asked for, see
            `Generator.makes_wanted_tones`.

    Returns:
        `Synthesis`.
    """
    deficits = cell_deficits(catalog, target_per_diagnosis, max_ratio, by_tone)
    because = why_none(deficits, target_per_diagnosis, learned)
    if learned is not None:
        deficits = deficits[deficits["diagnosis"].isin(learned)]
    wanted = deficits[deficits["make"] > 0]
    counts = wanted["make"].to_numpy(int)
    because = "" if len(wanted) else because
    return Synthesis(deficits, table_conditions(wanted), counts, because)


def why_none(deficits, target, learned):
    """Say why no image is to be made, where that is so."""
    have = deficits.groupby("diagnosis")["have"].sum()
    short = [name for name, n in have.items() if n < target]
    if not short:
        return "no diagnosis is short of images"
    if learned is not None and not set(short) & set(learned):
        return f"the generator did not learn those that are short, {', '.join(short)}"
    return (
        f"{', '.join(short)} are short of images, but no tone group has enough "
        f"real training images, {MIN_TONE_IMAGES}, to aim at"
    )


def made_images(generator, plan, catalog, images, candidates_per_image=1.5, seed=0):
    """Make the images of a plan, and judge each of them.

    Args:
        generator: Trained `Generator`.
        plan: `Synthesis`.
        catalog: `Catalog` of the training rows.
        images: Their images at the size of the made ones, uint8 (m, side, side, 3).
        candidates_per_image: Images made for each one wanted, so that some can be
            rejected.
        seed: Integer seed of the images, and of what they are compared with.

    Returns:
        Tuple of the images, uint8 (n, side, side, 3), their conditions, integers
        (n, 2), and a table of what `screen` found, one row an image. It tells the
        `diagnosis` and `tone_group` of each, whether it is `kept` (accepted, and
        among the first of its cell that are wanted), `isic_id` of the real image that
        is nearest, and that of the image that it was made of, where there is one.
    """
    n_candidates = np.ceil(plan.counts * candidates_per_image).astype(int)
    print(
        f"making {n_candidates.sum()} images for {plan.counts.sum()} wanted", flush=True
    )
    made, conditions, parents = generator.make(
        (plan.cells, n_candidates), seed, catalog, images
    )
    verdicts = screen(
        made,
        conditions,
        images,
        condition_indices(catalog),
        seed=seed,
        parents=parents,
    )
    kept = first_of_each_cell(conditions, verdicts["accepted"].to_numpy(), plan)
    names = condition_names(conditions)
    verdicts.insert(0, "diagnosis", [diagnosis for diagnosis, _ in names])
    verdicts.insert(1, "tone_group", [tone for _, tone in names])
    verdicts.insert(2, "kept", kept)
    ids = catalog.table["isic_id"].to_numpy()
    verdicts["nearest_reference"] = ids[verdicts["nearest_reference"].to_numpy(int)]
    if parents is not None:
        verdicts["parent_id"] = ids[parents]
    return made, conditions, verdicts


def first_of_each_cell(conditions, accepted, plan):
    """Of the accepted images of each cell, the first as many as are wanted."""
    kept = np.zeros(len(conditions), bool)
    for cell, n in zip(plan.cells, plan.counts, strict=True):
        rows = np.flatnonzero((conditions == cell).all(axis=1) & accepted)
        kept[rows[:n]] = True
    return kept
