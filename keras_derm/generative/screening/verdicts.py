"""Which made images may join a training set: measured against real ones."""

import numpy as np
import pandas as pd

from keras_derm.cluster.work import work_on_each
from keras_derm.generative.conditions import condition_names
from keras_derm.generative.screening.criteria import (
    MIN_REFERENCE,
    colour_measures,
    copy_measures,
    fine_measures,
    likeness_measures,
)

_FEW_CELLS = 4
"""Cells that are screened before other processes are begun."""

FEATURES = {
    "colour_distance": "colours",
    "structure_distance": "structure (SSIM)",
    "texture_distance": "texture (GLCM)",
    "grid": "grid",
}


def screen(
    images,
    conditions,
    reference_images,
    reference_conditions,
    max_reference=100,
    seed=0,
    parents=None,
):
    """Decide which made images are kept, and say why the others are not.

    An image is compared with real images of its cell (diagnosis and tone group), or
    of its diagnosis where the cell has too few, in three ways: distance of colour
    histograms (Hellinger), 1 - SSIM, both averaged over the nearest 5 real images,
    and the largest standard score of its grey-level co-occurrence features. What
    lies beyond the 0.99 quantile of the same measure of the real images themselves is
    rejected. So is what is blurred (less sharp than all but a hundredth of the real
    images) or shows a grid, as layers leave it that enlarge an image: power at the
    frequencies of an eighth of a cycle a pixel and its multiples that stands out of
    that about them more than in all but a hundredth of the real images. So is an image
    that was asked for with a tone, and whose ITA cannot be measured or lies outside the
    range (the middle 0.99) of that of real images of the same tone group. ITA is the
    colour of a photograph: within the range, an image has a colour that photographs of
    such people have, which is no proof that it shows such a person. So is a near copy:
    closer to some training image, flips and rotations included, than nearly all real
    images are to their nearest real one: than all but a hundredth, as archives hold
    several photographs of one lesion, whose distance is about 0.

    Args:
        images: Made images, uint8 (n, side, side, 3), RGB.
        conditions: Integers (n, 2): diagnosis and tone-group index.
        reference_images: All real training images, uint8 (m, side, side, 3).
        reference_conditions: Integers (m, 2).
        max_reference: Number of real images drawn from larger cells, for speed.
        seed: Seed of that draw.
        parents: Position of the real image that each image was made of, int (n,),
            for translations: likeness to the parent is meant, and no copy.

    Returns:
        `pandas.DataFrame`, one row an image: `accepted` (bool), `reason` (text, empty
        where accepted), `compared_with` ("cell", "diagnosis" or "all"),
        `colour_distance`, `structure_distance`, `texture_distance`, `sharpness` and
        `grid` (in nats), the limit of each (`..._limit`), what `colour_measures` found,
        `copy_distance`, `copy_limit` (root mean square difference in grey levels of 255
        at 16 x 16), and `nearest_reference` (position of the nearest real image).

    Raises:
        ValueError: If shapes disagree, or there are fewer than 20 real images.
    """
    conditions, reference_conditions = _check_screening(
        images, conditions, reference_images, reference_conditions
    )
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(index=range(len(images)))
    cells = np.unique(conditions, axis=0)
    compared = []
    for cell in cells:
        rows = np.flatnonzero((conditions == cell).all(axis=1))
        level, chosen = _references(reference_conditions, cell)
        if len(chosen) > max_reference:
            chosen = generator.choice(chosen, max_reference, replace=False)
        table.loc[rows, "compared_with"] = level
        compared.append((rows, chosen))
    pairs = ((images[rows], reference_images[chosen]) for rows, chosen in compared)
    found = work_on_each(
        _measures, pairs, "Screening", len(cells), at_once=1, few=_FEW_CELLS
    )
    for (rows, _), measures in zip(compared, found, strict=True):
        for name, values in measures.items():
            table.loc[rows, name] = values
    real = reference_images, reference_conditions
    measures = colour_measures((images, conditions), real, max_reference, generator)
    measures |= copy_measures(images, reference_images, generator, parents)
    for name, values in measures.items():
        table[name] = values
    reasons = _reasons(table, condition_names(conditions))
    table.insert(0, "reason", reasons)
    table.insert(0, "accepted", [reason == "" for reason in reasons])
    return table


def _measures(compared):
    """Measures of images of a cell beside real ones."""
    return likeness_measures(*compared) | fine_measures(*compared)


def _check_screening(images, conditions, references, reference_conditions):
    conditions = np.asarray(conditions, dtype=int).reshape(-1, 2)
    reference_conditions = np.asarray(reference_conditions, dtype=int).reshape(-1, 2)
    if images.shape[1:] != references.shape[1:] or images.dtype != references.dtype:
        raise ValueError(
            "made and real images must have one shape and dtype. Received: "
            f"{images.shape[1:]} {images.dtype} and "
            f"{references.shape[1:]} {references.dtype}"
        )
    lengths = (len(images), len(conditions), len(references), len(reference_conditions))
    if lengths[0] != lengths[1] or lengths[2] != lengths[3]:
        raise ValueError(
            "images and conditions must be of equal number. Received: "
            f"{lengths[0]} and {lengths[1]}, real {lengths[2]} and {lengths[3]}"
        )
    if len(references) < MIN_REFERENCE:
        raise ValueError(
            f"screening needs at least {MIN_REFERENCE} real images. "
            f"Received: {len(references)}"
        )
    return conditions, reference_conditions


def _references(reference_conditions, cell):
    """Positions of the real images to compare a cell with, and what they share."""
    same = reference_conditions == cell
    for level, mask in (("cell", same.all(axis=1)), ("diagnosis", same[:, 0])):
        if mask.sum() >= MIN_REFERENCE:
            return level, np.flatnonzero(mask)
    return "all", np.arange(len(reference_conditions))


def _reasons(table, names):
    """Every reason for which each image is rejected, as one text."""
    reasons = []
    for (diagnosis, tone), row in zip(names, table.to_dict("records"), strict=True):
        group = {"cell": f"{diagnosis}, tone {tone}", "diagnosis": diagnosis}.get(
            row["compared_with"], "all diagnoses"
        )
        found = [
            f"{title} unlike real images of {group}: "
            f"{row[name]:.3g} > {row[f'{name}_limit']:.3g}"
            for name, title in FEATURES.items()
            if row[name] > row[f"{name}_limit"]
        ]
        if row["sharpness"] < row["sharpness_limit"]:
            found.append(
                f"blurred unlike real images of {group}: sharpness "
                f"{row['sharpness']:.3g} < {row['sharpness_limit']:.3g}"
            )
        if row["ita_doubt"]:
            found.append(f"colour of skin cannot be measured: {row['ita_doubt']}")
        elif row["ita"] < row["real_ita_low"] or row["ita"] > row["real_ita_high"]:
            found.append(
                f"colour of skin unlike real images of tone {tone}: ITA "
                f"{row['ita']:.0f}, theirs {row['real_ita_low']:.0f} to "
                f"{row['real_ita_high']:.0f}"
            )
        if row["copy_distance"] < row["copy_limit"]:
            found.append(
                f"near copy of training image {row['nearest_reference']}: "
                f"{row['copy_distance']:.3g} < {row['copy_limit']:.3g}"
            )
        reasons.append("; ".join(found))
    return reasons
