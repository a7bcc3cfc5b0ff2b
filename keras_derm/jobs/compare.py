"""Job: compare arms of several seeds, or predictions made elsewhere."""

from pathlib import Path

import pandas as pd

from keras_derm.files import short_digest
from keras_derm.jobs.evaluate import (
    ARMS,
    TONES,
    forest_table,
    judged_task,
    thresholds,
)
from keras_derm.jobs.interval_cell import interval_cell
from keras_derm.runs import RunDirectory


def compare(
    run: str,
    runs: list[str] | None = None,
    predictions: dict[str, str | list[str]] | None = None,
    data: str | None = None,
    task: str = "diagnosis8",
    reference: str = "baseline",
    n_replicates: int = 2000,
    seed: int = 0,
    stratified: bool = False,
):
    """Compare models on the same real test images: did it help, and for whom?

    Writes compare.json, compare.csv and figures/compare_*.png, and prints a table and
    a sentence for each arm, which may say no.

    Args:
        run: Run directory to write.
        runs: Evaluated run directories that differ in their seed, as in
            "[runs/seed0, runs/seed1]": the baseline of each is a seed of the arm
            baseline, and so for augmented.
        predictions: Further arms: name and csv files, one a seed, as in
            --predictions.cyclegan "[a_test.csv, b_test.csv]". A csv has isic_id and
            one probability column per class. Where a_val.csv lies beside each
            a_test.csv, thresholds are fixed on it for 90 and 95 % sensitivity.
        data: Where the truth lies: catalog.csv of a run, or a data source READER:PATH.
            By default the catalog of the first of runs. Images of its test split are
            judged, or all where it has no split at all.
        task: What is told apart, where no runs are given: diagnosis8, melanoma or
            melanocytic.
        reference: The arm that the others are compared with.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.
    """
    arms = prediction_files(runs or [], predictions or {})
    if data is None:
        if not runs:
            raise ValueError("say where the truth lies: --data or --runs")
        data = str(Path(runs[0]) / "catalog.csv")
    if runs:
        task = judged_task(RunDirectory(runs[0])).name
    options = {"n_replicates": n_replicates, "seed": seed, "stratified": stratified}
    settings = {
        "data": data,
        "task": task,
        "reference": reference,
        "arms": {
            arm: {str(path): short_digest(path.read_bytes()) for path in paths}
            for arm, paths in arms.items()
        },
        **options,
    }
    run = RunDirectory(run)
    with run.stage("compare", settings) as todo:
        if todo:
            _compare(run, arms, data, task, reference, options)


def prediction_files(runs, predictions):
    """List the csv files of each arm.

    Args:
        runs: Run directories.
        predictions: Dict from arm to a csv or a list of them.

    Returns:
        Dict from arm to a list of `Path`, one for each seed.

    Raises:
        FileNotFoundError: Naming every file that is missing.
        ValueError: If there is no arm, or two files of an arm hold the same.
    """
    arms = {}
    for arm in ARMS if runs else ():
        arms[arm] = [Path(run) / f"predictions/{arm}_ensemble_test.csv" for run in runs]
    for arm, paths in predictions.items():
        paths = [paths] if isinstance(paths, str) else paths
        arms.setdefault(arm, []).extend(Path(path) for path in paths)
    every = [path for paths in arms.values() for path in paths]
    if not every:
        raise ValueError("nothing to compare: give --runs or --predictions.NAME")
    missing = [str(path) for path in every if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no such predictions: {', '.join(missing)}")
    for arm, paths in arms.items():
        contents = [short_digest(path.read_bytes()) for path in paths]
        same = [
            str(path)
            for path, content in zip(paths, contents, strict=True)
            if contents.count(content) > 1
        ]
        if same:
            raise ValueError(
                "each seed needs predictions of its own: copies would pass for seeds "
                f"that agree. Received the same of {arm}: {', '.join(same)}"
            )
    return arms


def _compare(run, arms, data, task, reference, options):
    from keras_derm import evaluation
    from keras_derm.catalog import get_task
    from keras_derm.files import write_csv, write_json

    catalog = _truth(data)
    train = catalog.split("train")
    task = get_task(task).present_in(train if len(train) else catalog)
    covered = catalog.where(task.covers(catalog)).require_real()
    test = _judged(covered)
    inputs = evaluation.inputs_from_catalog(
        test, task, evaluation.AXES, evaluation.contrast_edges(catalog.table)
    )
    y_prob = {
        arm: [
            evaluation.predictions_from_csv(path, test, task.classes) for path in paths
        ]
        for arm, paths in arms.items()
    }
    found = evaluation.compare_arms(
        **inputs,
        y_prob=y_prob,
        reference=reference,
        positive=task.classes[task.positive_class],
        operating_points=_operating_points(arms, covered, task),
        **options,
    )
    write_json(run / "compare.json", found.to_dict())
    table = found.table()
    write_csv(run / "compare.csv", table)
    _figures(run, table, reference)
    _print(found, table)


def _truth(data):
    from keras_derm.catalog import Catalog
    from keras_derm.readers import read_data_source

    if data.endswith(".csv"):
        return Catalog.load(data)
    return read_data_source(data)


def _judged(catalog):
    """Rows of the test split, or all where the catalog is not split.

    Raises:
        ValueError: The catalog is split and has no test part.
    """
    if catalog.table["split"].isna().all():
        return catalog
    test = catalog.split("test")
    if not len(test):
        present = catalog.table["split"].value_counts().to_dict()
        raise ValueError(
            "the data is split, and no image that the task covers is in test: give "
            f"--data a catalog that has one, or one without splits. Received: {present}"
        )
    return test


def _operating_points(arms, catalog, task):
    """Thresholds on val, or None where a csv has no twin for val beside it."""
    from keras_derm import evaluation

    twins = {
        arm: [
            path.with_name(f"{path.name.removesuffix('_test.csv')}_val.csv")
            for path in paths
        ]
        for arm, paths in arms.items()
    }
    if not all(path.is_file() for paths in twins.values() for path in paths):
        return None
    val = catalog.split("val")
    if not len(val):
        print("no thresholds: the data has no validation images")
        return None
    val_true = task.targets(val)
    return {
        arm: [
            thresholds(
                task,
                val_true,
                evaluation.predictions_from_csv(path, val, task.classes),
            )
            for path in paths
        ]
        for arm, paths in twins.items()
    }


def _figures(run, table, reference):
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    table = forest_table(table[table["arm"] != reference])
    if table.empty:
        return
    table = table.assign(label=table["arm"] + ", " + table["label"])
    words = {
        "xlabel": f"Arm minus {reference}",
        "sides": (f"{reference} higher", "arm higher"),
    }
    by_tone = table["stratum"].isin(["all", *TONES])
    figure = figures.forest_plot(table[by_tone], **words)
    save_figure(run, "compare_forest", figure)
    others = table[table["judged"] & (~by_tone | (table["stratum"] == "all"))]
    if not others.empty:
        figure = figures.forest_plot(others, **words)
        save_figure(run, "compare_forest_others", figure)


def _print(found, table, metric="balanced_accuracy"):
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{metric.replace('_', ' ')}, {found.level:.0%} intervals")
    for name in ("arm", "stratum", "n", "value", "difference", "adjusted p"):
        shown.add_column(
            name, justify="right" if name in ("n", "adjusted p") else "left"
        )
    rows = forest_table(table, metric)
    for row in rows[rows["judged"]].to_dict("records"):
        stratum = row["stratum"].replace("anatom_site_general", "site")
        stratum = stratum.replace("_", " ")
        shown.add_row(
            row["arm"],
            "all" if stratum == "all" else f"{stratum} {row['value_of_stratum']}",
            f"{row['n']:,}",
            interval_cell(row, "value"),
            interval_cell(row, "difference", "+"),
            "" if pd.isna(row["p_adjusted"]) else f"{row['p_adjusted']:.3f}",
        )
    Console().print(shown)
    for arm in found.differences:
        print(found.verdict(arm))
