"""How many images each cell of diagnosis and skin tone is short of."""

import numpy as np
import pandas as pd

from keras_derm.catalog import DIAGNOSES, FITZPATRICK_TYPES
from keras_derm.generative.conditions import CONDITION_TONES

MIN_TONE_IMAGES = 20


def cell_deficits(catalog, target, max_ratio=5.0):
    """Plan the images to make, aimed at rare diagnoses on the rarer tones.

    Each diagnosis that occurs is brought up to `target` images, by no more than
    `max_ratio` times what is there. Its new images go to the tones with the fewest
    of its images first, as water fills a vessel: to those alone until they are level
    with the next. "undetermined" counts for the diagnosis but is never a target, nor is
    a tone with fewer than 20 real images of all diagnoses: a generator cannot know a
    tone it never saw.

    Args:
        catalog: `Catalog` of training rows, with `skin_tone`.
        target: Images wanted of each diagnosis.
        max_ratio: Most made images for each real one of the diagnosis.

    Returns:
        `pandas.DataFrame`, one row a cell: `diagnosis`, `skin_tone`, `have`, `make`.
        Where no tone is frequent enough, nothing is made.

    Raises:
        CatalogError: If a row is held out (`val`, `test`).
        ValueError: If `target` or `max_ratio` is negative.
    """
    if target < 0 or max_ratio < 0:
        raise ValueError(
            "`target` and `max_ratio` must not be negative. "
            f"Received: target={target}, max_ratio={max_ratio}"
        )
    catalog.require_training_only()
    table = catalog.real().table
    tones = table["skin_tone"].fillna("undetermined")
    counts = pd.crosstab(table["diagnosis"].astype(object), tones.astype(object))
    counts = counts.reindex(columns=CONDITION_TONES, fill_value=0)
    aimed = [
        tone for tone in FITZPATRICK_TYPES if counts[tone].sum() >= MIN_TONE_IMAGES
    ]
    cells = []
    for diagnosis in (name for name in DIAGNOSES if name in counts.index):
        have = counts.loc[diagnosis]
        n_real = int(have.sum())
        n_make = max(0, min(target - n_real, int(max_ratio * n_real)))
        make = dict.fromkeys(CONDITION_TONES, 0)
        if aimed:
            make.update(zip(aimed, _fill(have[aimed].to_numpy(), n_make), strict=True))
        cells += [(diagnosis, tone, int(have[tone]), make[tone]) for tone in have.index]
    return pd.DataFrame(cells, columns=["diagnosis", "skin_tone", "have", "make"])


def _fill(have, n_make):
    """Distribute `n_make` so that the least become level: list of int."""
    levels = np.asarray(have, dtype=int).copy()
    while n_make > 0:
        lowest = np.flatnonzero(levels == levels.min())
        higher = levels[levels > levels.min()]
        step = higher.min() - levels.min() if len(higher) else n_make
        if step * len(lowest) <= n_make:
            levels[lowest] += step
            n_make -= step * len(lowest)
            continue
        share, rest = divmod(n_make, len(lowest))
        levels[lowest] += share
        levels[lowest[:rest]] += 1
        n_make = 0
    return [int(count) for count in levels - have]
