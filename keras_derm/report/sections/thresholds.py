"""Section: where to draw the line, and whether the probabilities can be believed."""

import pandas as pd

from keras_derm.report.arm_tables import beside_each_other
from keras_derm.report.html import Section, Table
from keras_derm.report.run_files import (
    figure_block,
    listed,
    positive_words,
    read_metrics,
    read_metrics_table,
)


def section(run):
    """Thresholds, calibration, net benefit; None where no threshold could be fixed."""
    if not run.done("evaluate"):
        return None
    metrics, table = read_metrics(run), read_metrics_table(run)
    overall = table[(table["stratum"] == "all") & table["metric"].str.contains("_at_")]
    if overall.empty:
        return None
    return Section(
        "Thresholds and probabilities",
        "A threshold is fixed on validation images and then kept.",
        [
            _fixed_on_validation(metrics),
            beside_each_other("At these thresholds", overall, metrics["reference"]),
            figure_block(
                run,
                "reliability",
                "Accuracy against confidence, in bins of equally many images.",
                "On the diagonal the probabilities mean what they say.",
            ),
            figure_block(
                run,
                "net_benefit",
                f"Net benefit of {listed(metrics['arms'])} against acting on all or on "
                "nobody.",
                "At each probability from which a reader would act; bands of 95 %.",
            ),
        ],
    )


def _fixed_on_validation(metrics):
    """One row an arm: its thresholds, its temperature, and what that did on test."""
    rows = []
    for arm, found in metrics["arms"].items():
        row, scaled = {"arm": arm}, metrics["temperature"][arm]
        for sensitivity, threshold in found["operating_points"].items():
            row[f"threshold for {float(sensitivity):.0%}"] = threshold
        row["temperature"] = f"{scaled['temperature']:.2f}"
        row["calibration error"] = scaled["expected_calibration_error"]
        row["with temperature"] = scaled["expected_calibration_error_scaled"]
        rows.append(row)
    return Table(
        pd.DataFrame(rows),
        "Fixed on validation images",
        "Threshold: probability from which an image is called "
        f"{positive_words(metrics)[0]}, for a sensitivity of so much. One temperature "
        "softens (above 1) or sharpens the probabilities; expected calibration error "
        "on test images, without and with it.",
    )
