"""What quantisation cost: tables of export/cost.json for report and model card."""

import pandas as pd

from keras_derm.report.intervals import interval_cell

COST_NOTE = (
    "Quantised minus float on the same real test images; 95 % intervals from the "
    "paired cluster bootstrap: lesions (or patients) are drawn. A calibration error "
    "has no interval: every resample adds to it. Same class: share of the images on "
    "which both name the same class."
)
GATE_NOTE = (
    "On all test images the estimate decides: a fall of macro AUC by more than the "
    "margin refuses the export. On a skin tone, or where all test images are few, the "
    "fall must also be more than chance: its interval below zero."
)


def members_table(cost):
    """Each member with its weight and how it was quantised."""
    return pd.DataFrame(cost["members"])


def speed_table(cost):
    """Size, latency and memory of both models."""
    quantised = f"TFLite {cost['mode']}"
    rows = [
        {
            "": "size, MB",
            "Keras float32": cost["float_size_bytes"] / 1e6,
            quantised: cost["size_bytes"] / 1e6,
        }
    ]
    for batch_size, times in cost["latency"].items():
        batch = f"batch of {batch_size}" if batch_size != "1" else "one image"
        for name, key in (("median", "median_ms"), ("95th percentile", "p95_ms")):
            rows.append(
                {
                    "": f"{name}, ms, {batch}",
                    "Keras float32": times["float"][key],
                    quantised: times["quantised"][key],
                }
            )
    memory = cost["memory"]
    if memory["float"] and memory["quantised"]:
        rows.append(
            {
                "": "peak memory of the process, MB",
                "Keras float32": memory["float"]["peak_mb"],
                quantised: memory["quantised"]["peak_mb"],
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(ratio=table["Keras float32"] / table[quantised])


def cost_table(cost):
    """Float against quantised: all test images, and each tone that can be judged."""
    rows = []
    for row in cost["scores"]:
        if row["judged"] or row["stratum"] == "all":
            rows.append(
                {
                    "tone": _tone(row),
                    "n": row["n"],
                    "metric": row["label"],
                    "float": interval_cell(row, "reference"),
                    "quantised": interval_cell(row, "value"),
                    "difference": interval_cell(row, "difference", "+"),
                }
            )
    return pd.DataFrame(rows)


def agreement_table(cost):
    """On how many images of each group both models name the same class."""
    return pd.DataFrame(
        [
            {
                "tone": _tone(row),
                "n": row["n"],
                "same class": interval_cell(row, "agreement"),
                "metrics": "judged"
                if row["judged"]
                else row["reason"].partition(";")[0],
            }
            for row in cost["scores"]
            if row["metric"] == "macro_auc" and row["n"]
        ]
    )


def gate_table(cost):
    """The verdict on each group."""
    return pd.DataFrame(
        [
            {
                "group": group["group"],
                "n": group["n"],
                "change of macro AUC": interval_cell(group, "difference", "+", 4),
                "margin": f"{group['margin']:g}",
                "verdict": group["verdict"],
            }
            for group in cost["gate"]["groups"]
            if group["n"]
        ]
    )


def _tone(row):
    return "all" if row["stratum"] == "all" else row["value_of_stratum"]
