"""Lesion finders against true masks, what they do to the tone, and their speed.

One photograph of each of a fixed sample of lesions, without those that the network
that comes along has learned from. Dice is given by skin type too where that is known,
as on phantoms.

Usage: python benchmarks/lesion_finder.py --data ham10000:PATH
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.progress import track

from keras_derm.catalog import group_ids, read_image, read_mask
from keras_derm.evaluation import OVERLAP_METRICS, mean_overlap, overlap_scores
from keras_derm.jobs.evaluate_segmenter import milliseconds
from keras_derm.lesion_finders import (
    AutomaticFinder,
    MaxFlowFinder,
    PlainOtsuFinder,
    shipped_finder,
)
from keras_derm.lesion_finders.drawing import FOUND_COLOUR, TRUE_COLOUR, outlined
from keras_derm.readers import read_data_source
from keras_derm.report import figures
from keras_derm.skin_tone.individual_typology_angle import (
    IndividualTypologyAngle,
    SkinView,
)
from keras_derm.skin_tone.thresholds import UNDETERMINED

N_ON_SHEET = 10
N_TIMED = 20


def sample_of_lesions(catalog, n, seed):
    """Return the rows of one photograph of each of n lesions, in random order."""
    rows = np.random.default_rng(seed).permutation(len(catalog))
    _, first = np.unique(group_ids(catalog)[rows], return_index=True)
    return rows[np.sort(first)[:n]]


def judge(path, mask_path, finders):
    """Scores of every finder on one photograph, and what it does to the tone."""
    image, true = read_image(path), read_mask(mask_path, path)
    estimator = IndividualTypologyAngle()
    given = estimator.measure_view(SkinView(image, true))
    rows = []
    for name, finder in finders.items():
        outline = finder.find(image)
        alone = estimator.measure_view(SkinView(image, finder=finder))
        rows.append(
            overlap_scores(true, outline.mask)
            | {
                "finder": name,
                "path": path,
                "found": outline.lesion is not None,
                "entropy": outline.border_entropy,
                "type": given["ita_type"],
                "type_found": alone["ita_type"],
                "contrast_bias": alone["contrast"] - given["contrast"],
                "ita_error": abs(alone["ita"] - given["ita"]),
            }
        )
    return rows


def summary(judged):
    """Figures of one finder, as text."""
    means = mean_overlap(judged[list(OVERLAP_METRICS)], np.arange(len(judged)))
    told = {
        OVERLAP_METRICS[
            row.metric
        ]: f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
        for row in means.itertuples()
    }
    both = (judged["type"] != UNDETERMINED) & (judged["type_found"] != UNDETERMINED)
    changed = judged["type"] != judged["type_found"]
    return told | {
        "photographs": len(judged),
        "no lesion found": int((~judged["found"]).sum()),
        "colour type differs": f"{changed.mean():.1%}",
        "of these both determined": int((changed & both).sum()),
        "ITA differs by, median": f"{judged['ita_error'].median():.2f}",
        "contrast, found less true, mean": f"{judged['contrast_bias'].mean():+.2f}",
        "rank correlation of entropy and Dice": _correlation(judged),
    }


def _correlation(judged):
    if judged["entropy"].notna().sum() < 3:
        return "-"
    return f"{judged['entropy'].corr(judged['dice'], method='spearman'):+.2f}"


def unsure(judged, unsure_from):
    """Dice of the outlines that are called unsure, and of the others."""
    if unsure_from is None:
        return
    is_unsure = judged["entropy"] > unsure_from
    for name, rows in (("unsure", is_unsure), ("others", ~is_unsure)):
        own = judged.loc[rows, ["dice"]]
        if len(own):
            row = mean_overlap(own, np.arange(len(own))).iloc[0]
            print(f"{name}: {len(own)} outlines, Dice {row['value']:.3f} "
                  f"({row['low']:.3f} to {row['high']:.3f})")  # fmt: skip


def write_sheet(judged, masks, finder, sheet):
    """Write the ten worst and the ten best as one picture."""
    ordered = judged.sort_values("dice")
    shown = pd.concat([ordered.head(N_ON_SHEET), ordered.tail(N_ON_SHEET)])
    images = []
    for path in shown["path"]:
        image, true = read_image(path), read_mask(masks[path], path)
        found = finder.find(image).lesion
        images.append(outlined(image, {TRUE_COLOUR: true, FOUND_COLOUR: found}))
    captions = [f"Dice {value:.2f}" for value in shown["dice"]]
    Path(sheet).parent.mkdir(parents=True, exist_ok=True)
    figures.contact_sheet(images, captions, 5).savefig(sheet, dpi=110)
    print(f"worst and best (blue: true, orange: found): {Path(sheet).absolute()}")


def main(
    data: str = "phantom:n=200,seed=7,size=224,tones=balanced",
    n: int = 600,
    seed: int = 7,
    max_flow: bool = False,
    sheet: str = "runs/lesion_finder.png",
) -> None:
    """Find the lesions of a sample of photographs that have true masks.

    Args:
        data: Data source READER:PATH.
        n: Number of lesions.
        seed: Of the sample.
        max_flow: Judge max-flow too, which needs the extra max_flow.
        sheet: Picture to write: the ten worst and the ten best of the finder that
            comes along.
    """
    catalog = read_data_source(data)
    shipped = shipped_finder()
    known = catalog.table["mask_path"].notna().to_numpy(dtype=bool)
    catalog = catalog.where(known & ~shipped.learned_from(catalog))
    catalog = catalog.where(
        np.isin(np.arange(len(catalog)), sample_of_lesions(catalog, n, seed))
    )
    finders = {"shipped": shipped, "rule": AutomaticFinder(), "otsu": PlainOtsuFinder()}
    if max_flow:
        finders["max-flow"] = MaxFlowFinder()
    masks = dict(zip(catalog.paths, catalog.mask_paths, strict=True))
    rows = [
        row
        for path, mask in track(masks.items(), "Finding lesions", len(masks))
        for row in judge(path, mask, finders)
    ]
    judged = pd.DataFrame(rows)
    by_finder = dict(list(judged.groupby("finder", sort=False)))
    print(pd.DataFrame({k: summary(v) for k, v in by_finder.items()}).to_string())
    unsure(by_finder["shipped"], getattr(shipped, "unsure_from", None))
    labels = dict(zip(catalog.paths, catalog.table["skin_tone_label"], strict=True))
    judged["skin type"] = judged["path"].map(labels)
    if judged["skin type"].notna().any():
        table = judged.pivot_table("dice", "skin type", "finder")
        print(table.assign(n=judged["skin type"].value_counts() // len(finders)))
    images = [read_image(path) for path in catalog.paths[: N_TIMED + 1]]
    for name, finder in finders.items():
        print(f"{name}: {milliseconds(finder, images):.1f} ms a photograph")
    write_sheet(by_finder["shipped"], masks, shipped, sheet)


if __name__ == "__main__":
    auto_cli(main)
