"""Section: what the classifiers are worth, on all test images."""

import pandas as pd

from keras_derm.evaluation import HEADLINE
from keras_derm.report import figures
from keras_derm.report.arm_tables import INTERVALS, beside_each_other, interval_cell
from keras_derm.report.html import Figure, Section, Table, Text
from keras_derm.report.run_files import (
    figure_block,
    listed,
    positive_words,
    read_metrics,
    read_metrics_table,
)

BARS = ("auc", "sensitivity", "false_negatives")
"""Metrics that are drawn as bars: those by which a disease is found, or missed."""


def section(run):
    """All arms on all test images; None before evaluate."""
    if not run.done("evaluate"):
        return None
    metrics, table = read_metrics(run), read_metrics_table(run)
    overall = table[table["stratum"] == "all"]
    arms = listed(metrics["arms"])
    return Section(
        "Judgement on real test images",
        metrics["verdict"],
        [
            _verdicts(metrics),
            beside_each_other(
                "Called the class of highest probability",
                overall[~overall["metric"].str.contains("_at_")],
                metrics["reference"],
            ),
            _bars(metrics, overall),
            _tests(metrics),
            figure_block(run, "confusion", f"Confusion matrices of {arms}."),
            figure_block(
                run,
                "roc",
                f"ROC curves of {arms} with 95 % bands.",
                "Bands from the cluster bootstrap, intervals of the areas by DeLong.",
            ),
            _members(metrics, overall),
        ],
    )


def _verdicts(metrics):
    """A sentence for each arm, where the lead does not say it of the only one."""
    verdicts = metrics["verdicts"]
    if len(verdicts) < 2:
        return None
    return Text("\n".join(f"- {arm}: {said}" for arm, said in verdicts.items()))


def _bars(metrics, overall):
    """Bars of what is found and missed; None where no class is to be found."""
    rows = overall[overall["metric"].isin(BARS)]
    if rows.empty:
        return None
    one, many = positive_words(metrics)
    return Figure(
        figures.arm_bars(rows),
        f"Bars of AUC, sensitivity and missed {many} of {listed(metrics['arms'])}.",
        f"How well {one} is found, and how many are missed, called the class of "
        "highest probability; lines are the 95 % intervals of the table.",
    )


def _members(metrics, overall):
    """One row an arm and member; the ensemble is one of them."""
    labels = dict(zip(overall["metric"], overall["label"], strict=True))
    rows = [
        {"arm": arm, "model": model}
        | {labels[name]: interval_cell(scores[name]) for name in HEADLINE}
        for arm, members in metrics["members"].items()
        for model, scores in members.items()
    ]
    title = "Each member on its own, and the ensemble"
    return Table(pd.DataFrame(rows), title, INTERVALS)


def _tests(metrics):
    """Tests of each arm against the reference; of several seeds there are none."""
    reference, rows = metrics["reference"], []
    area = f"difference in {positive_words(metrics)[0]} AUC"
    for arm, tests in metrics["tests"].items():
        mcnemar, delong = tests["mcnemar"], tests["delong"]
        if mcnemar is None:
            continue
        row = {"arm": arm, "this arm alone is right": mcnemar["only_arm"]}
        row[f"{reference} alone is right"] = mcnemar["only_reference"]
        row["McNemar's p"] = f"{mcnemar['p_value']:.2g}"
        if delong is not None and delong["low"] is not None:
            row[area] = interval_cell(delong | {"value": delong["difference"]}, "", "+")
            row["DeLong's p"] = f"{delong['p_value']:.2g}"
        rows.append(row)
    if not rows:
        return None
    return Table(
        pd.DataFrame(rows),
        f"Tests of each arm against {reference}",
        "On how many lesions (or patients) one of the two is right more often, by "
        "McNemar's exact test; areas by DeLong's test.",
    )
