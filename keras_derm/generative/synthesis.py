"""From the cells that are short of images to made images that pass the screening."""

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.generative.cell_deficits import MIN_TONE_IMAGES, cell_deficits
from keras_derm.generative.conditions import condition_indices, table_conditions
from keras_derm.generative.generator import Generator
from keras_derm.generative.screening import screen, screen_sets
from keras_derm.generative.wanted_cells import wanted_cells

APART = "diagnosis and tone apart"
"""From what a generator knows a cell of which it saw no image."""


@dataclass(frozen=True, eq=False)
class Synthesis:
    """Which images are to be made.

    Attributes:
        table: Table of the cells, of `cell_deficits` or `wanted_cells`, with the
            columns `sample`, how many images to make for those wanted, and `known_by`.
        none_because: Why none is to be made; empty where some are.

    Example:
        >>> plan = plan_synthesis(train, target_per_diagnosis=1000)
        >>> made, verdicts, sets = made_images(generator, plan, train, real)
        >>> kept = made[verdicts["kept"].to_numpy()]
    """

    table: pd.DataFrame
    none_because: str = ""

    @property
    def wanted(self):
        """Rows of the table of which images are wanted."""
        return self.table[self.table["make"] > 0].reset_index(drop=True)

    @property
    def cells(self):
        """Diagnosis and tone group of what is wanted, integers (k, 2)."""
        return table_conditions(self.wanted)

    @property
    def counts(self):
        """Images wanted of each, integers (k,)."""
        return self.wanted["make"].to_numpy(int)


def plan_synthesis(
    catalog,
    target_per_diagnosis,
    max_ratio=3.0,
    kind=Generator,
    options=None,
    candidates_per_image=1.5,
    folder=None,
):
    """Find the cells that are short of images, of those a generator can make.

    Args:
        catalog: `Catalog` of the training rows.
        target_per_diagnosis: Training images each diagnosis shall have.
        max_ratio: Most made images for each real one of a diagnosis.
        kind: Class of the generator.
        options: Its settings.
        candidates_per_image: Images to sample for each one wanted, so that some can be
            rejected.
        folder: Folder of its training, see `Generator.knows`.

    Returns:
        `Synthesis`. A cell of which the generator saw no image, but others of the
        diagnosis and of the tone, is `known_by` "diagnosis and tone apart".
    """
    told, learned = kind.conditioned_on(options), kind.learned(options)
    by_tone = "tone_group" in told
    table = cell_deficits(catalog, target_per_diagnosis, max_ratio, by_tone)
    because = why_none(table, target_per_diagnosis, learned)
    if learned is not None:
        table = table[table["diagnosis"].isin(learned)].reset_index(drop=True)
    table["sample"] = np.ceil(table["make"] * candidates_per_image).astype(int)
    asked = table[[name for name in ("diagnosis", "tone_group") if name in told]]
    table["known_by"] = [
        kind.knows(options, catalog, cell, folder) or APART if n else ""
        for cell, n in zip(asked.to_dict("records"), table["make"], strict=True)
    ]
    return Synthesis(table, "" if (table["make"] > 0).any() else because)


def plan_cells(catalog, cells, kind, options, candidates_per_image=1.5, folder=None):
    """`Synthesis` of the cells that are asked for; arguments as of `wanted_cells`."""
    table = wanted_cells(catalog, cells, kind, options, candidates_per_image, folder)
    none = not (table["make"] > 0).any()
    return Synthesis(table, "the shares asked for are less than an image" * none)


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


def made_images(generator, plan, catalog, images, seed=0, features=None):
    """Make the images of a plan, and judge each of them, and each set.

    Args:
        generator: Trained `Generator`.
        plan: `Synthesis`.
        catalog: `Catalog` of the training rows.
        images: Their images at the size of the made ones, uint8 (m, side, side, 3), or
            with masks as a fourth channel, for a generator that is told them.
        seed: Integer seed of the images, and of what they are compared with.
        features: Function of images to features by which sets are compared, see
            `screen_sets`.

    Returns:
        Tuple of `Made`, timed, whose conditions are diagnosis and tone group, a table
        of what `screen` found, one row an image, and that of `screen_sets`. The first
        tells what was asked for (`diagnosis`, `tone_group` and what else the plan
        names), from what the generator knows it (`known_by`), whether it is `kept`
        (accepted, and among the first of its cell that are wanted), its `set`, whether
        it `passed_alone`, as it is accepted only where its set passes too, `isic_id` of
        the real image that is nearest, and that of the image that it was made of,
        where there is one.
    """
    wanted = plan.wanted
    n_candidates = wanted["sample"].to_numpy(int)
    print(
        f"making {n_candidates.sum()} images for {plan.counts.sum()} wanted", flush=True
    )
    cells = generator.conditions_of(wanted)
    start = time.monotonic()
    made = generator.make((cells, n_candidates), seed, catalog, images)
    seconds = time.monotonic() - start
    asked_of = made.images, made.conditions[:, :2]
    real = images[..., :3], condition_indices(catalog)
    verdicts = screen(*asked_of, *real, seed=seed, parents=made.parents)
    sets, set_of_image = screen_sets(
        *asked_of, verdicts["accepted"], *real, seed, features
    )
    verdicts = _judged_as_sets(verdicts, sets.iloc[set_of_image])
    which = (made.conditions[:, np.newaxis] == cells).all(axis=2).argmax(axis=1)
    kept = first_of_each_cell(which, verdicts["accepted"].to_numpy(), plan.counts)
    numbers = ["have", "make", "sample"]
    asked = wanted.drop(columns=numbers).iloc[which].reset_index(drop=True)
    verdicts = pd.concat([asked.assign(kept=kept), verdicts], axis=1)
    ids = catalog.table["isic_id"].to_numpy()
    verdicts["nearest_reference"] = ids[verdicts["nearest_reference"].to_numpy(int)]
    if made.parents is not None:
        verdicts["parent_id"] = ids[made.parents]
    made = dataclasses.replace(made, conditions=made.conditions[:, :2], seconds=seconds)
    return made, verdicts, sets


def _judged_as_sets(verdicts, sets):
    """Verdicts of single images where the set of each is told, one row an image."""
    failed = ~sets["passed"].to_numpy(bool)
    alone = verdicts["accepted"].to_numpy(bool)
    reasons = "set of " + sets["set"] + ": " + sets["reason"]
    reason = np.where(failed & alone, reasons.to_numpy(object), verdicts["reason"])
    found = verdicts.assign(accepted=alone & ~failed, reason=reason)
    found.insert(2, "passed_alone", alone)
    found.insert(3, "set", sets["set"].to_numpy(object))
    return found


def not_learned(sets):
    """Say which sets the generator did not learn; empty where it learned all."""
    failed = sets.loc[~sets["passed"].astype(bool), "set"]
    return f"the generator did not learn {' / '.join(failed)}" if len(failed) else ""


def first_of_each_cell(which, accepted, counts):
    """Of the accepted images of each cell, the first as many as are wanted.

    Args:
        which: Number of the cell of each image, integers (n,).
        accepted: bool (n,).
        counts: Images wanted of each cell, integers (k,).

    Returns:
        bool array (n,).
    """
    kept = np.zeros(len(which), bool)
    for cell, n in enumerate(counts):
        kept[np.flatnonzero((which == cell) & accepted)[:n]] = True
    return kept
