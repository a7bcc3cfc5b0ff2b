"""Section: where the lesion is, as segmenters and rules see it."""

import pandas as pd

from keras_derm.evaluation import OVERLAP_METRICS
from keras_derm.report.arm_tables import interval_cell, overlap_cells, score_cells
from keras_derm.report.html import Callout, Section, Table, Text
from keras_derm.report.run_files import figure_block, read_json

PUBLISHED = pd.DataFrame(
    {
        "published for lora_diffusion": [
            "max-flow",
            "FCN, real images",
            "FCN, real and synthetic",
        ],
        "IoU": [0.75, 0.82, 0.85],
        "Dice": [0.82, 0.88, 0.90],
        "Hausdorff (px)": [16, 12, 10],
        "ms": ["–", "120", "130"],
    }
)
"""Tables 3 and 4 of the paper, on another archive and at another size."""

SHOWN_STRATA = ("dice", "thresholded_jaccard", "hausdorff_share")
NOTE = (
    "Real photographs of test alone, each mask against that of the archive at the size "
    "of the photograph; means with 95 % intervals by lesion. Two empty masks agree; "
    "where one alone is empty the distance is the diagonal of the picture."
)


def section(run):
    """Scores of segmenters and rules; None before evaluate_segmenter."""
    if not run.done("evaluate_segmenter"):
        return None
    facts = read_json(run / "segmentation/facts.json", "evaluate_segmenter")
    summary = pd.read_csv(run / "segmentation/summary.csv")
    return Section(
        "Where the lesion is",
        f"{facts['n']:,} test photographs outlined by every segmenter of this run, and "
        "by rules that learn nothing.",
        [
            Table(_overall(summary, facts), "Segmenters and rules", NOTE),
            *_does_it_help(run, facts),
            Table(
                PUBLISHED,
                "The published figures, on another archive: not to be compared digit "
                "by digit",
            ),
            *_strata(summary, facts),
            *_sheets(run, facts),
        ],
    )


def _overall(summary, facts):
    overall = summary[summary["axis"] == "all"]
    named = overall.assign(metric=overall["metric"].map(OVERLAP_METRICS))
    table = score_cells(named, ["finder"])
    times = [f"{facts['milliseconds'][name]:.0f}" for name in table["finder"]]
    return table.assign(ms=times)


def _does_it_help(run, facts):
    """Whether an arm with made images is better, and where their masks are from."""
    differences = pd.read_csv(run / "segmentation/differences.csv")
    dice = differences[differences["metric"] == "dice"].set_index("finder")
    blocks = []
    for arm in facts["arms"]:
        if arm == facts["reference"]:
            continue
        row = dice.loc[arm]
        verdict = "no measurable difference"
        if row["low"] > 0:
            verdict = "better on these photographs"
        elif row["high"] < 0:
            verdict = "worse on these photographs"
        said = (
            f"{arm} against {facts['reference']}, the same photographs: Dice "
            f"{interval_cell(row, sign='+')}: {verdict}."
        )
        path = run.segmenter(arm) / "synthetic.csv"
        if path.is_file():
            said += (
                " One training of each cannot tell whether the synthetic images made "
                "it so (benchmarks/segmentation_seeds.py trains several)."
            )
        blocks.append(Callout("finding", said))
        if path.is_file():
            sources = pd.read_csv(path)["mask_source"].value_counts()
            told = ", ".join(f"{n:,} {SOURCES[name]}" for name, n in sources.items())
            blocks.append(Text(f"Masks of the synthetic images: {told}."))
    return blocks


SOURCES = {
    "construction": "made with the image",
    "parent": "those of the photographs that they were made of",
    "pseudo": "found by the baseline segmenter (pseudo: no truth)",
}


def _strata(summary, facts):
    reference = facts["reference"]
    name = f"{reference}, {facts['arms'][reference]['mode']}"
    own = summary[
        (summary["finder"] == name)
        & (summary["axis"] != "all")
        & summary["metric"].isin(SHOWN_STRATA)
    ]
    if own.empty:
        return []
    title = f"{name}, by what is known of the photographs (10 or more)"
    return [Table(overlap_cells(own, OVERLAP_METRICS), title)]


def _sheets(run, facts):
    titles = {
        "worst": "least Dice",
        "best": "most Dice",
        "unsure": "least sure of the border",
    }
    return [
        figure_block(
            run,
            f"segmentation_{name}",
            f"Photographs with outlines: {title}. Blue: the archive's mask; orange: "
            f"the exported {facts['reference']}; black: the same in float.",
            f"Outlines with {title} (blue: archive; orange: exported; black: float)",
        )
        for name, title in titles.items()
        if run.figure(f"segmentation_{name}").is_file()
    ]
