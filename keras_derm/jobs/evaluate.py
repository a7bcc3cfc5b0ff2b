"""Job: judge all arms of a run on the same real test images."""

import json
from pathlib import Path

import pandas as pd

from keras_derm.files import short_digest
from keras_derm.report.interval_cell import interval_cell
from keras_derm.runs import RunDirectory

ARMS = ("baseline", "augmented")
NOTHING_ADDED = (
    "Nothing was compared between augmented and baseline: no synthetic image passed "
    "the screening, so both learned from the same real images. What differs between "
    "them is the chance of training."
)
ONE_SEED = (
    "One seed was trained for each arm; only several (compare.py) tell what "
    "augmentation did."
)
MADE_ELSEWHERE = (
    "The predictions were made elsewhere: that all models learned from the same real "
    "training images, and from nothing of this test set, is not known here."
)


def evaluate(
    run: str,
    predictions: dict[str, str] | None = None,
    task: str = "diagnosis8",
    reference: str = "baseline",
    n_replicates: int = 2000,
    seed: int = 0,
    stratified: bool = False,
):
    """Judge the ensembles of all arms on the same real test images.

    Writes predictions/*.csv, metrics.json, metrics.csv (every metric of every arm,
    overall and by skin tone, sex, age, site, source and contrast, with 95 % intervals
    and the paired difference from the reference), disparities.csv,
    decision_curves.csv, conformal sets per skin tone (conformal/*.json and
    selective.csv) and figures.

    Args:
        run: Run directory with the reference and another arm trained, or with prepared
            images where predictions are given.
        predictions: Predictions made elsewhere, to be judged instead of the arms of
            the run: --predictions.baseline a.csv --predictions.augmented b.csv, and
            more of any name. A csv has isic_id and one probability column per class,
            with a row for every val and test image of the run's catalog.csv. One
            model alone is judged by compare.py.
        task: What the predictions given tell apart: diagnosis8, melanoma or
            melanocytic.
        reference: The arm that the others are compared with.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.
    """
    how = {
        "reference": reference,
        "n_replicates": n_replicates,
        "seed": seed,
        "stratified": stratified,
    }
    settings, run = dict(how), RunDirectory(run)
    if predictions:
        if reference not in predictions or len(predictions) < 2:
            raise ValueError(
                f"`predictions` must name a csv for the reference, {reference}, and "
                "for another arm; compare.py judges one model alone. "
                f"Received: {sorted(predictions)}"
            )
        settings |= {"task": task, "predictions": _digests(run, predictions)}
        arms, after = list(predictions), ["prepare"]
    else:
        arms = _arms_of_one_task(run, reference)
        after = ["prepare", *(stage_of(arm) for arm in arms)]
    with run.stage(
        "evaluation", settings, after=after, folders=["predictions", "conformal"]
    ) as todo:
        if todo:
            _evaluate(run, arms, predictions, task, how)


def arm_folder(run, arm):
    """Folder in which an arm of the run was trained."""
    return run / (arm if arm in ARMS else f"arms/{arm}")


def stage_of(arm):
    """Name of the stage that trained an arm."""
    return arm if arm in ARMS else f"arm_{arm}"


def trained_arms(run):
    """Names of the finished arms: baseline, augmented, then the others."""
    records = (run / "stages").glob("arm_*.json")
    names = sorted(path.stem.removeprefix("arm_") for path in records)
    others = [name for name in names if not name.endswith(".begun")]
    return [arm for arm in ARMS if run.done(arm)] + others


def _arms_of_one_task(run, reference):
    """The reference and all trained arms that tell the same classes apart."""
    trained = trained_arms(run)
    if reference not in (*trained, *ARMS):
        raise ValueError(
            f"`reference` must be one of the trained arms {trained}. "
            f"Received: {reference!r}"
        )
    if set(trained) <= {reference}:  # whose absence the stage will tell
        return [reference, *(arm for arm in ARMS if arm != reference)]
    if reference not in trained:
        return [reference]
    task = run.settings(stage_of(reference))["task"]
    tasks = {arm: run.settings(stage_of(arm))["task"] for arm in trained}
    for arm in (arm for arm in trained if tasks[arm] != task):
        print(f"{arm} is not judged: its task is {tasks[arm]}, not {task}")
    judged = [arm for arm in trained if tasks[arm] == task]
    if len(judged) < 2:
        raise ValueError(
            f"no other arm has the task of {reference}; compare.py judges one model "
            f"alone. Received: {tasks}"
        )
    return judged


def _digests(run, predictions):
    own = (run / "predictions").resolve()
    for path in predictions.values():
        if own in Path(path).resolve().parents:
            raise ValueError(
                f"{own} is written anew: keep predictions made elsewhere outside of "
                f"it. Received: {path}"
            )
    return {
        arm: {path: short_digest(Path(path).read_bytes())}
        for arm, path in predictions.items()
    }


def judged_task(run):
    """The task of an evaluated run, with the classes that its training images have."""
    from keras_derm.catalog import get_task

    settings = run.settings("evaluation") if run.done("evaluation") else {}
    arm = settings.get("reference", "baseline")
    name = settings.get("task") or run.settings(stage_of(arm))["task"]
    return get_task(name).present_in(run.catalog.split("train"))


def _evaluate(run, arms, predictions, task, how):
    from keras_derm import evaluation
    from keras_derm.catalog import get_task
    from keras_derm.files import write_csv, write_json

    if not predictions:
        task = run.settings(stage_of(how["reference"]))["task"]
    task = get_task(task).present_in(run.catalog.split("train"))
    real = run.catalog.where(task.covers(run.catalog)).require_real()
    splits = {name: real.split(name) for name in ("val", "test")}
    predicted = {
        arm: _made_elsewhere(run, arm, predictions[arm], real, task)
        if predictions
        else {
            name: predict_split(run, arm, name, rows, task)
            for name, rows in splits.items()
        }
        for arm in arms
    }
    edges = evaluation.contrast_edges(run.catalog.table)
    found = evaluation.judge_arms(
        **splits, task=task, predicted=predicted, contrast_edges=edges, **how
    )
    comparison = found.comparison
    verdict = _verdict(run, comparison, predictions)
    metrics = {**found.to_dict(), "verdict": verdict, "predictions": predictions}
    write_json(run / "metrics.json", metrics)
    write_csv(run / "metrics.csv", comparison.table())
    write_csv(run / "disparities.csv", comparison.disparities())
    if not comparison.arms[comparison.reference].operating_points:
        print(f"no thresholds: no validation image is {comparison.positive}")
    if not found.conformal:
        n_val = len(splits["val"])
        print(f"no conformal sets: {n_val} validation images are too few")
    for arm, sets in found.conformal.items():
        sets.save(run / f"conformal/{arm}.json")
    if found.selective is not None:
        write_csv(run / "selective.csv", found.selective)
    _figures(run, comparison)
    if found.roc:
        _curves(run, found)
    if not predictions:
        _describe_models(run, task, splits["val"], predicted)
    print(verdict)


def _describe_models(run, task, val, predicted):
    """Write beside each ensemble what predict.py needs to know of it."""
    from keras_derm.evaluation import ENSEMBLE
    from keras_derm.export import photograph_facts, prediction_facts
    from keras_derm.files import write_json

    photographs = photograph_facts(run.catalog.split("train"))
    for arm, found in predicted.items():
        path = arm_folder(run, arm) / "ensemble.json"
        val_prob = found["val"][ENSEMBLE]
        facts = prediction_facts(task, val, val_prob, photographs, tone_rule(run))
        write_json(path, json.loads(path.read_text()) | facts)


def tone_rule(run):
    """Rule and thresholds by which the audit measured skin tones."""
    audit = run.settings("audit")
    return {key: audit[key] for key in ("rule", "thresholds")}


def _verdict(run, comparison, predictions):
    """What is said of every arm, and what one training of each cannot tell."""
    said = {arm: comparison.stratum_verdict(arm) for arm in comparison.differences}
    if predictions:
        return " ".join([*said.values(), MADE_ELSEWHERE])
    if comparison.reference == "baseline" and "augmented" in said:
        described = arm_folder(run, "augmented") / "ensemble.json"
        if json.loads(described.read_text())["n_synthetic"] == 0:
            said["augmented"] = NOTHING_ADDED
    compared = any(sentence != NOTHING_ADDED for sentence in said.values())
    return " ".join([*said.values(), *([ONE_SEED] if compared else [])])


def chosen_arm(run, arm="chosen"):
    """`arm`, or where it is "chosen" the arm with the highest validation AUC."""
    metrics = json.loads((run / "metrics.json").read_text())
    if arm != "chosen" and arm not in metrics["arms"]:
        raise ValueError(
            f"`arm` must be chosen or an arm that was judged, {list(metrics['arms'])}. "
            f"Received: {arm!r}"
        )
    return metrics["chosen_arm"] if arm == "chosen" else arm


def _made_elsewhere(run, arm, path, real, task):
    """Probabilities of both splits from one csv, copied into the run."""
    from keras_derm import evaluation

    judged, found = real.where(split=["val", "test"]), {}
    y_prob = evaluation.predictions_from_csv(path, judged, task.classes)
    for split in ("val", "test"):
        part = y_prob[(judged.table["split"] == split).to_numpy()]
        copy = run / f"predictions/{arm}_ensemble_{split}.csv"
        evaluation.predictions_to_csv(copy, real.split(split), part, task.classes)
        found[split] = {evaluation.ENSEMBLE: part}
    return found


def predict_split(run, arm, split, rows, task, prefix=None):
    """Probabilities of the ensemble and of each member; also written as csv.

    Args:
        run: `RunDirectory`.
        arm: Name of the arm.
        split: Name that the csv files end in.
        rows: `Catalog` of the images.
        task: `Task` whose classes the ensemble tells apart.
        prefix: What their paths in the run begin with; predictions/ARM_ by default.

    Returns:
        Dict from `"ensemble"` and the names of the members to float64 arrays
        `(n, n_classes)`.
    """
    from keras_derm.classifiers import (
        ensemble_members,
        load_classifier,
        predict_probabilities,
    )
    from keras_derm.evaluation import ENSEMBLE, predictions_to_csv
    from keras_derm.pipeline import PreparedImages, image_dataset

    prepared = PreparedImages.load(run / "prepared/real")
    ensemble = load_classifier(arm_folder(run, arm) / "ensemble.keras")
    models = {ENSEMBLE: ensemble}
    models |= {member.name: member for member in ensemble_members(ensemble)}
    prefix = f"predictions/{arm}_" if prefix is None else prefix
    found = {}
    for name, model in models.items():
        dataset = image_dataset(
            prepared, prepared.indices(rows), image_size=model.input_shape[1:3]
        )
        found[name] = predict_probabilities(model, dataset)
        path = run / f"{prefix}{name}_{split}.csv"
        predictions_to_csv(path, rows, found[name], task.classes)
    return found


def _figures(run, comparison):
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    arms = {_title(arm): found for arm, found in comparison.arms.items()}
    matrices = {name: found.confusion_matrix for name, found in arms.items()}
    classes = comparison.arms[comparison.reference].classes
    save_figure(run, "confusion", figures.confusion_matrices(matrices, classes))
    save_forests(run, "forest", comparison.table(), comparison.reference)
    bins = {name: pd.DataFrame(found.reliability) for name, found in arms.items()}
    save_figure(run, "reliability", figures.reliability(bins))


def save_forests(run, name, table, reference):
    """Draw balanced accuracy of the arms minus that of the reference.

    Args:
        run: `RunDirectory`.
        name: Name of the figure by skin tone; that of the other strata, where some can
            be judged, ends in _others.
        table: What `Comparison.table` returned.
        reference: Name of the reference.
    """
    from keras_derm.evaluation import TONE_STRATA, forest_table
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    table = forest_table(table[table["arm"] != reference])
    if table.empty:
        return
    arms = table["arm"].unique()
    arm = arms[0] if len(arms) == 1 else "arm"
    words = {
        "xlabel": f"{_title(arm)} minus {reference}",
        "sides": (f"{reference} higher", f"{arm} higher"),
    }
    if len(arms) > 1:
        table = table.assign(label=table["arm"] + ", " + table["label"])
    by_tone = table["stratum"].isin(["all", *TONE_STRATA])
    save_figure(run, name, figures.forest_plot(table[by_tone], **words))
    others = table[table["judged"] & ~by_tone]
    if not others.empty:
        save_figure(run, f"{name}_others", figures.forest_plot(others, **words))


def _curves(run, found):
    """ROC with a band and net benefit of all arms, as figures and as a table."""
    from keras_derm.files import write_csv
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    positive = found.comparison.positive
    areas = {
        arm: interval_cell(dict(zip(("value", "low", "high"), area, strict=True)))
        for arm, area in found.auc.items()
    }
    bands = {f"{_title(a)}: AUC {areas[a]}": band for a, band in found.roc.items()}
    save_figure(run, "roc", figures.roc(bands, f"{positive} against the rest"))
    curves = {_title(arm): curve for arm, curve in found.decision_curves.items()}
    title = f"Net benefit of finding {positive}"
    save_figure(run, "net_benefit", figures.net_benefit(curves, title))
    tables = [curve.assign(arm=arm) for arm, curve in found.decision_curves.items()]
    write_csv(run / "decision_curves.csv", pd.concat(tables))


def _title(arm):
    return arm[0].upper() + arm[1:]
