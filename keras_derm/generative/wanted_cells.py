"""The cells that are asked for by name, spread over what they leave open."""

import numpy as np
import pandas as pd

from keras_derm.catalog import DIAGNOSES
from keras_derm.evaluation import UNKNOWN
from keras_derm.generative.conditions import CONDITION_TONES, rows_of_cell
from keras_derm.generative.registry import GENERATORS, generator_class

FURTHER = ("image_type", "anatom_site_general")
"""Conditions that a cell is not spread over: they are asked for, or left open."""


def wanted_cells(catalog, cells, kind, options, candidates_per_image=1.5, folder=None):
    """How many images to make of each cell that is asked for.

    A cell that names a group of diagnoses, or leaves the diagnosis or the tone open, is
    spread over the diagnoses and tone groups of the real training images that it fits,
    in proportion to their numbers (by largest remainders, so that the sum is what is
    asked for). One image for each of a diagnosis has the tones of those images.

    Args:
        catalog: `Catalog` of the training rows.
        cells: `CellSettings`, an iterable.
        kind: Class of the generator.
        options: Its settings.
        candidates_per_image: Images to sample for each one wanted, where a cell does
            not say it.
        folder: Folder of its training, see `Generator.knows`.

    Returns:
        `pandas.DataFrame`, one row a cell: `diagnosis`, `tone_group`, those of
        `image_type` and `anatom_site_general` that are asked for (None where left
        open), `have` (real training images), `make`, `sample`, and `known_by`, from
        what the generator knows it. Cells that overlap are added up.

    Raises:
        ValueError: If the generator is not told what a cell asks for, or never saw a
            cell; the message names each, and what the generator saw.
        CatalogError: If a row is held out (`val`, `test`).
    """
    catalog = catalog.require_training_only().real()
    told = kind.conditioned_on(options)
    _refuse_untold(cells, kind, options, told)
    parts = pd.concat(
        [_spread(catalog, cell, told, candidates_per_image) for cell in cells],
        ignore_index=True,
    )
    further = [name for name in FURTHER if name in parts]
    names = ["diagnosis", "tone_group", *further]
    table = parts.groupby(names, sort=False, dropna=False, as_index=False).sum()
    table[further] = table[further].astype(object).where(table[further].notna(), None)
    asked = [
        {name: row[name] for name in told if row.get(name) is not None}
        for row in table[names].to_dict("records")
    ]
    table["known_by"] = [kind.knows(options, catalog, one, folder) for one in asked]
    have = [int(rows_of_cell(catalog, one).sum()) for one in asked]
    table.insert(len(names), "have", have)
    _refuse_unknown(table[table["known_by"] == ""], names, catalog, kind, options)
    return table


def _refuse_untold(cells, kind, options, told):
    for cell in cells:
        untold = [name for name in cell.asked if name not in told]
        if untold:
            name = untold[0]
            others = [
                each for each in GENERATORS if name in generator_class(each).CONDITIONS
            ]
            raise ValueError(
                f"the generator {options.name}, as it was trained, is told "
                f"{' and '.join(told)} alone, so that no cell can name `{name}`. "
                f"Generators that can be told: {', '.join(others) or 'none'}. "
                f"Received: {cell}"
            )


def _refuse_unknown(unknown, names, catalog, kind, options):
    if not len(unknown):
        return
    rows = kind.training_rows(options, catalog).table
    diagnoses = unknown["diagnosis"].unique()
    same = rows["diagnosis"].isin(diagnoses)
    seen = rows[same] if same.any() else rows
    groups = [seen[name].fillna(UNKNOWN).astype(object) for name in names]
    counts = seen.groupby(groups, sort=False).size()
    saw = "; ".join(f"{_said(cell)}: {n:,}" for cell, n in counts.items())
    wanted = "; ".join(
        _said(row) for row in unknown[names].itertuples(index=False, name=None)
    )
    raise ValueError(
        f"the generator {options.name} never saw what is asked for and cannot make it. "
        f"It learned from {saw or 'none'}. Ask for cells of these, or train it on "
        f"images that are such. Received: {wanted}"
    )


def _said(cell):
    """A cell in words: its diagnosis, its tone, and what else there is."""
    diagnosis, tone, *others = cell
    return ", ".join([diagnosis, f"{tone} skin", *filter(None, others)])


def _spread(catalog, cell, told, candidates_per_image):
    """The parts of one cell: table of conditions, `make` and `sample`."""
    rows, count = _fitting(catalog, cell)
    found = pd.DataFrame({"diagnosis": rows["diagnosis"].astype(object)})
    if cell.for_each is not None or not len(rows):
        found["diagnosis"] = cell.diagnosis
    tones = rows["tone_group"].fillna(UNKNOWN).astype(object)
    found["tone_group"] = cell.tone_group or tones
    if "tone_group" not in told:
        found["tone_group"] = UNKNOWN
    if not len(rows):  # the generator is asked all the same: an adapter may know it
        found.loc[0] = cell.diagnosis, cell.tone_group or UNKNOWN
    sizes = found.groupby(["diagnosis", "tone_group"]).size()
    order = pd.MultiIndex.from_product([DIAGNOSES, CONDITION_TONES])
    sizes = sizes.reindex(order[order.isin(sizes.index)])
    parts = pd.DataFrame(sizes.index.tolist(), columns=["diagnosis", "tone_group"])
    for name in FURTHER:
        if name in cell.asked:
            parts[name] = cell.asked[name]
    parts["make"] = shares(sizes, count)
    candidates = cell.candidates or candidates_per_image
    parts["sample"] = np.ceil(parts["make"] * candidates).astype(int)
    return parts[(parts["make"] > 0) | (count == 0)]


def _fitting(catalog, cell):
    """Real rows in whose proportions a cell is spread, and how many are wanted."""
    if cell.for_each is not None:
        wanted = cell.asked | {"diagnosis": cell.for_each}
        rows = catalog.table[rows_of_cell(catalog, wanted)]
        if not len(rows):
            raise ValueError(
                "`for_each` is a diagnosis, or a group, of which there are real "
                f"training images. Received: {cell}, where there is none"
            )
        return rows, len(rows)
    rows = catalog.table[rows_of_cell(catalog, cell.asked)]
    count = cell.count or round(cell.share * len(rows))
    if not len(rows):  # in the proportions of the diagnoses at least
        kind = {k: v for k, v in cell.asked.items() if k == "diagnosis"}
        rows = catalog.table[rows_of_cell(catalog, kind)]
    if not len(rows) and cell.diagnosis not in DIAGNOSES:
        raise ValueError(
            "a cell is of a diagnosis, or a group, of which there are real training "
            f"images. Received: {cell}, where there is none"
        )
    return rows, count


def shares(weights, n):
    """Distribute `n` in proportion to weights: list of int, by largest remainders."""
    exact = n * np.asarray(weights, dtype=float) / np.sum(weights)
    whole = np.floor(exact).astype(int)
    largest = np.argsort(whole - exact, kind="stable")[: n - whole.sum()]
    whole[largest] += 1
    return [int(one) for one in whole]
