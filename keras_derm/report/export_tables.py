"""What quantisation cost: tables of export/cost.json for report and model card."""

import pandas as pd

from keras_derm.evaluation import stratum_title
from keras_derm.report.arm_tables import interval_cell

COST_NOTE = (
    "Quantised minus float on the same real test images; 95 % intervals from the "
    "paired cluster bootstrap: lesions (or patients) are drawn. A calibration error "
    "has no interval: every resample adds to it. Same class: share of the images on "
    "which both name the same class."
)
GATE_NOTE = (
    "On all test images the estimate decides: a fall of macro AUC by more than the "
    "margin refuses the export. In a group, or where all test images are few, the "
    "fall must also be more than chance: its interval below zero. Tone groups are of "
    "people; the colour of the photograph (ITA) is none of a person."
)


def members_table(cost):
    """Each member with its weight and how it was quantised."""
    return pd.DataFrame(cost["members"])


def speed_table(cost):
    """Size, latency and memory of both models."""
    rows = [("size, MB", cost["float_size_bytes"] / 1e6, cost["size_bytes"] / 1e6)]
    for batch_size, times in cost["latency"].items():
        batch = f"batch of {batch_size}" if batch_size != "1" else "one image"
        for name, key in (("median", "median_ms"), ("95th percentile", "p95_ms")):
            both = times["float"][key], times["quantised"][key]
            rows.append((f"{name}, ms, {batch}", *both))
    memory = [cost["memory"][model] for model in ("float", "quantised")]
    if all(memory):
        peaks = (of_model["peak_mb"] for of_model in memory)
        rows.append(("peak memory of the process, MB", *peaks))
    table = pd.DataFrame(rows, columns=["", "Keras float32", f"TFLite {cost['mode']}"])
    return table.assign(ratio=table.iloc[:, 1] / table.iloc[:, 2])


def cost_table(cost):
    """Float against quantised: all test images, and each group that can be judged."""
    rows = [
        (
            _group(row),
            row["n"],
            row["label"],
            interval_cell(row, "reference"),
            interval_cell(row, "value"),
            interval_cell(row, "difference", "+"),
        )
        for row in cost["scores"]
        if row["judged"] or row["stratum"] == "all"
    ]
    columns = ["group", "n", "metric", "float", "quantised", "difference"]
    return pd.DataFrame(rows, columns=columns)


def agreement_table(cost):
    """On how many images of each group both models name the same class."""
    rows = []
    for row in cost["scores"]:
        if row["metric"] == "macro_auc" and row["n"]:
            judged = "judged" if row["judged"] else row["reason"].partition(";")[0]
            rows.append(
                (_group(row), row["n"], interval_cell(row, "agreement"), judged)
            )
    return pd.DataFrame(rows, columns=["group", "n", "same class", "metrics"])


def gate_table(cost):
    """The verdict on each group."""
    rows = [
        (
            group["group"],
            group["n"],
            interval_cell(group, "difference", "+", 4),
            f"{group['margin']:g}",
            group["verdict"],
        )
        for group in cost["gate"]["groups"]
        if group["n"]
    ]
    columns = ["group", "n", "change of macro AUC", "margin", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _group(row):
    if row["stratum"] == "all":
        return "all"
    return f"{stratum_title(row['stratum'])} {row['value_of_stratum']}"
