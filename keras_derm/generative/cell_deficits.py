"""How many images each cell of diagnosis and tone group is short of."""

import numpy as np
import pandas as pd

from keras_derm.catalog import DIAGNOSES, TONE_GROUPS
from keras_derm.evaluation import UNKNOWN
from keras_derm.generative.conditions import CONDITION_TONES

MIN_TONE_IMAGES = 20


def cell_deficits(catalog, target, max_ratio=5.0, by_tone=True):
    """Plan the images to make, aimed at rare diagnoses on the rarer tones.

    Each diagnosis that occurs is brought up to `target` images, by no more than
    `max_ratio` times what is there. Its new images go to the tones with the fewest
    of its images first, as water fills a vessel: to those alone until they are level
    with the next. A tone with fewer than 20 real images of all diagnoses is never a
    target: a generator cannot know a tone it never saw. Images of people of unknown
    tone count for the diagnosis, and are aimed at only where no tone group has
    enough, as in an archive that nobody labelled.

    Args:
        catalog: `Catalog` of training rows, with `tone_group`.
        target: Images wanted of each diagnosis.
        max_ratio: Most made images for each real one of the diagnosis.
        by_tone: Whether the generator makes the tone it is asked for; the tone of all
            that it makes is unknown otherwise.

    Returns:
        `pandas.DataFrame`, one row a cell: `diagnosis`, `tone_group`, `have`, `make`.
        Where neither a group nor the unknown have 20 images, nothing is made.

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
    tones = table["tone_group"].fillna(UNKNOWN)
    counts = pd.crosstab(table["diagnosis"].astype(object), tones.astype(object))
    counts = counts.reindex(columns=CONDITION_TONES, fill_value=0)
    aimed = _aimed_tones(counts) if by_tone else [UNKNOWN]
    cells = []
    for diagnosis in (name for name in DIAGNOSES if name in counts.index):
        have = counts.loc[diagnosis]
        n_real = int(have.sum())
        n_make = max(0, min(target - n_real, int(max_ratio * n_real)))
        make = dict.fromkeys(CONDITION_TONES, 0)
        if aimed:
            make.update(zip(aimed, _fill(have[aimed].to_numpy(), n_make), strict=True))
        cells += [(diagnosis, tone, int(have[tone]), make[tone]) for tone in have.index]
    return pd.DataFrame(cells, columns=["diagnosis", "tone_group", "have", "make"])


def _aimed_tones(counts):
    """The tones to make images of, from their counts by diagnosis and tone."""
    frequent = counts.sum() >= MIN_TONE_IMAGES
    known = [tone for tone in TONE_GROUPS if frequent[tone]]
    return known or [UNKNOWN] * int(frequent[UNKNOWN])


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
