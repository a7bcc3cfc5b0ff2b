"""Job: judge both arms on the same real test images."""

import json
from pathlib import Path

import pandas as pd

from keras_derm.files import short_digest
from keras_derm.report.intervals import interval_cell
from keras_derm.runs import RunDirectory

ARMS = ("baseline", "augmented")
TONES = ("skin_tone", "skin_tone_pooled")
ALPHA = 0.10
NOTHING_ADDED = (
    "Nothing was compared: no synthetic image passed the screening, so both arms "
    "learned from the same real images. What differs between them is the chance of "
    "training."
)
ONE_SEED = (
    "One seed was trained for each arm; another can move these figures by as much, and "
    "only several (compare.py) tell what augmentation did."
)
MADE_ELSEWHERE = (
    "The predictions were made elsewhere: that both models learned from the same real "
    "training images, and from nothing of this test set, is not known here."
)


def evaluate(
    run: str,
    predictions: dict[str, str] | None = None,
    task: str = "diagnosis8",
    n_replicates: int = 2000,
    seed: int = 0,
    stratified: bool = False,
):
    """Judge the baseline and the augmented ensemble on the same real test images.

    Writes predictions/*.csv, metrics.json, metrics.csv (every metric, overall and
    by skin tone, sex, age, site, source and contrast, with 95 % intervals and the
    paired difference), disparities.csv, decision_curves.csv, conformal sets per skin
    tone (conformal/*.json and selective.csv) and figures.

    Args:
        run: Run directory with both arms trained, or with prepared images where
            predictions are given.
        predictions: Predictions made elsewhere, to be judged instead of the arms of
            the run: --predictions.baseline a.csv --predictions.augmented b.csv. A csv
            has isic_id and one probability column per class, with a row for every
            val and test image of the run's catalog.csv. One model alone is judged by
            compare.py.
        task: What the predictions given tell apart: diagnosis8, melanoma or
            melanocytic.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.
    """
    bootstrap = {"n_replicates": n_replicates, "seed": seed, "stratified": stratified}
    settings, after = dict(bootstrap), ["prepare", *ARMS]
    if predictions:
        if set(predictions) != set(ARMS):
            raise ValueError(
                f"`predictions` must name a csv for each of {', '.join(ARMS)}; "
                f"compare.py judges one model alone. Received: {sorted(predictions)}"
            )
        settings |= {"task": task, "predictions": _digests(run, predictions)}
        after = ["prepare"]
    run = RunDirectory(run)
    with run.stage(
        "evaluation", settings, after=after, folders=["predictions", "conformal"]
    ) as todo:
        if todo:
            _evaluate(run, predictions, task, bootstrap)


def _digests(run, predictions):
    own = (Path(run) / "predictions").resolve()
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

    elsewhere = run.done("evaluation") and run.settings("evaluation").get("task")
    task = get_task(elsewhere or run.settings("baseline")["task"])
    return task.present_in(run.catalog.split("train"))


def _evaluate(run, predictions, task, bootstrap):
    from keras_derm import evaluation
    from keras_derm.catalog import get_task
    from keras_derm.evaluation.metrics import macro_auc
    from keras_derm.files import write_csv, write_json

    task = get_task(task if predictions else run.settings("baseline")["task"])
    task = task.present_in(run.catalog.split("train"))
    real = run.catalog.where(task.covers(run.catalog)).require_real()
    splits = {name: real.split(name) for name in ("val", "test")}
    inputs = evaluation.inputs_from_catalog(
        splits["test"],
        task,
        evaluation.AXES,
        evaluation.contrast_edges(run.catalog.table),
    )
    inputs["positive"] = task.classes[task.positive_class]
    if predictions:
        predicted = {
            arm: _made_elsewhere(run, arm, path, real, task)
            for arm, path in predictions.items()
        }
    else:
        predicted = {
            arm: {
                name: predict_split(run, arm, name, rows, task)
                for name, rows in splits.items()
            }
            for arm in ARMS
        }
    val_true = task.targets(splits["val"])
    y_prob, y_prob_val = (
        {arm: predicted[arm][name]["ensemble"] for arm in ARMS}
        for name in ("test", "val")
    )
    validation = {arm: macro_auc(val_true, y_prob_val[arm]) for arm in ARMS}
    points = {
        f"operating_points_{arm}": thresholds(task, val_true, y_prob_val[arm])
        for arm in ARMS
    }
    if not all(points.values()):
        print(f"no thresholds: no validation image is {inputs['positive']}")
    comparison = evaluation.compare(
        **inputs,
        y_prob_baseline=y_prob["baseline"],
        y_prob_augmented=y_prob["augmented"],
        **points,
        **bootstrap,
    )
    verdict = _verdict(run, comparison, predictions)
    metrics = {
        **comparison.to_dict(),
        "verdict": verdict,
        "predictions": predictions,
        "members": {
            arm: _members(predicted[arm]["test"], inputs, bootstrap) for arm in ARMS
        },
        "validation_macro_auc": validation,
        "temperature": {
            arm: _temperature(val_true, y_prob_val[arm], inputs["y_true"], y_prob[arm])
            for arm in ARMS
        },
        "chosen_arm": max(ARMS, key=validation.get),
    }
    write_json(run / "metrics.json", metrics)
    write_csv(run / "metrics.csv", comparison.table())
    write_csv(run / "disparities.csv", _disparities(comparison))
    _write_selective(run, splits, val_true, y_prob_val, y_prob, inputs, bootstrap)
    _figures(run, comparison)
    _write_curves(run, task, y_prob, inputs, bootstrap)
    if not predictions:
        _describe_models(run, task, splits["val"], y_prob_val)
    print(verdict)


def thresholds(task, val_true, val_prob):
    """Thresholds of the positive class on val; none where no image there is positive.

    Args:
        task: `Task`.
        val_true: Targets of the validation images, `(n,)`.
        val_prob: What a model says of them, `(n, n_classes)`.

    Returns:
        Dict from sensitivity to threshold, empty where there is none.
    """
    from keras_derm.evaluation import operating_points

    is_positive = val_true == task.positive_class
    if not is_positive.any():
        return {}
    return operating_points(is_positive, val_prob[:, task.positive_class])


def _describe_models(run, task, val, y_prob_val):
    """Write beside each ensemble what predict.py needs to know of it."""
    from keras_derm.files import write_json
    from keras_derm.jobs.prediction_facts import photograph_facts, prediction_facts

    photographs = photograph_facts(run)
    for arm in ARMS:
        path = run / arm / "ensemble.json"
        facts = prediction_facts(run, task, val, y_prob_val[arm], photographs)
        write_json(path, json.loads(path.read_text()) | facts)


def _verdict(run, comparison, predictions):
    if predictions:
        return f"{comparison.verdict()} {MADE_ELSEWHERE}"
    described = json.loads((run / "augmented/ensemble.json").read_text())
    if described["n_synthetic"] == 0:
        return NOTHING_ADDED
    return f"{comparison.verdict()} {ONE_SEED}"


def _members(predicted, inputs, bootstrap):
    """Metrics of the ensemble and of each member, over all test images."""
    from keras_derm import evaluation

    whole = {**inputs, "strata": None}  # one line each in the report
    return {
        name: evaluation.evaluate(y_prob=y_prob, **whole, **bootstrap).to_dict()[
            "strata"
        ][0]["metrics"]
        for name, y_prob in predicted.items()
    }


def _temperature(val_true, val_prob, y_true, y_prob):
    """Temperature fitted on val, and calibration on test with and without it."""
    from keras_derm import evaluation

    temperature = evaluation.fit_temperature(val_true, val_prob)
    scaled = evaluation.apply_temperature(y_prob, temperature)
    error = evaluation.expected_calibration_error
    return {
        "temperature": temperature,
        "expected_calibration_error": error(y_true, y_prob),
        "expected_calibration_error_scaled": error(y_true, scaled),
    }


def _disparities(comparison):
    return pd.concat(
        [
            pd.DataFrame(found.disparities).assign(arm=arm)
            for arm, found in zip(
                ARMS, (comparison.baseline, comparison.augmented), strict=True
            )
        ]
    )


def _write_selective(run, splits, val_true, y_prob_val, y_prob, inputs, bootstrap):
    """Conformal sets of each arm, fitted on val per pooled tone, judged on test."""
    import numpy as np

    from keras_derm import evaluation
    from keras_derm.files import write_csv

    if len(val_true) < evaluation.least_images(ALPHA):
        print(f"no conformal sets: {len(val_true)} validation images are too few")
        return
    tone = {
        name: np.asarray(
            evaluation.skin_tone_strata(rows.table["skin_tone"])["skin_tone_pooled"]
        )
        for name, rows in splits.items()
    }
    tables = []
    for arm in ARMS:
        sets = evaluation.fit_conformal(
            val_true, y_prob_val[arm], tone["val"], inputs["classes"], ALPHA
        )
        sets.save(run / f"conformal/{arm}.json")
        table = evaluation.selective_table(
            inputs["y_true"],
            y_prob[arm],
            sets,
            tone["test"],
            inputs["groups"],
            bootstrap["seed"],
            bootstrap["n_replicates"],
        )
        tables.append(table.assign(arm=arm))
    write_csv(run / "selective.csv", pd.concat(tables))


def _made_elsewhere(run, arm, path, catalog, task):
    """Probabilities of both splits from one csv, copied into the run."""
    from keras_derm.evaluation import predictions_from_csv

    judged = catalog.where(split=["val", "test"])
    y_prob = predictions_from_csv(path, judged, task.classes)
    found = {}
    for split in ("val", "test"):
        rows = (judged.table["split"] == split).to_numpy()
        found[split] = {"ensemble": y_prob[rows]}
        ids = judged.table.loc[rows, "isic_id"]
        path = run / f"predictions/{arm}_ensemble_{split}.csv"
        _write_predictions(path, ids, y_prob[rows], task)
    return found


def _write_predictions(path, ids, y_prob, task):
    from keras_derm.files import write_csv

    frame = pd.DataFrame(y_prob, columns=list(task.classes))
    frame.insert(0, "isic_id", ids.to_numpy())
    write_csv(path, frame)


def predict_split(run, arm, split, rows, task, prefix=None):
    """Probabilities of the ensemble and of each member; also written as csv.

    Args:
        run: `RunDirectory`.
        arm: Folder of the ensemble in the run.
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
    from keras_derm.pipeline import PreparedImages, image_dataset

    prepared = PreparedImages.load(run / "prepared/real")
    ensemble = load_classifier(run / arm / "ensemble.keras")
    models = {"ensemble": ensemble}
    models |= {member.name: member for member in ensemble_members(ensemble)}
    prefix = f"predictions/{arm}_" if prefix is None else prefix
    found = {}
    for name, model in models.items():
        dataset = image_dataset(
            prepared, prepared.indices(rows), image_size=model.input_shape[1:3]
        )
        what = f"predicting {split} with {arm}"
        found[name] = predict_probabilities(model, dataset, what)
        ids = rows.table["isic_id"]
        path = run / f"{prefix}{name}_{split}.csv"
        _write_predictions(path, ids, found[name], task)
    return found


def _figures(run, comparison):
    from keras_derm.report import figures, save_figure

    arms = {"Baseline": comparison.baseline, "Augmented": comparison.augmented}
    matrices = {name: found.confusion_matrix for name, found in arms.items()}
    classes = comparison.baseline.classes
    save_figure(run, "confusion", figures.confusion_matrices(matrices, classes))
    table = forest_table(comparison.table())
    by_tone = table["stratum"].isin(["all", *TONES])
    words = "Augmented minus baseline", ("baseline higher", "augmented higher")
    save_figure(run, "forest", figures.forest_plot(table[by_tone], *words))
    others = table[table["judged"] & ~by_tone]
    if not others.empty:
        save_figure(run, "forest_others", figures.forest_plot(others, *words))
    bins = {name: pd.DataFrame(found.reliability) for name, found in arms.items()}
    save_figure(run, "reliability", figures.reliability(bins))


def _write_curves(run, task, y_prob, inputs, bootstrap):
    """ROC with a band and net benefit of both arms, as figures and as a table."""
    from keras_derm import evaluation
    from keras_derm.files import write_csv
    from keras_derm.report import figures, save_figure

    is_positive = inputs["y_true"] == task.positive_class
    if is_positive.all() or not is_positive.any():
        return
    options = {
        "groups": inputs["groups"],
        "seed": bootstrap["seed"],
        "n_replicates": bootstrap["n_replicates"],
    }
    bands, decisions = {}, {}
    for arm in ARMS:
        score = y_prob[arm][:, task.positive_class]
        area = evaluation.delong_interval(is_positive, score, inputs["groups"])
        area = interval_cell(dict(zip(("value", "low", "high"), area, strict=True)))
        name = f"{arm.capitalize()}: AUC {area}"
        bands[name] = evaluation.roc_band(is_positive, score, **options)
        decisions[arm.capitalize()] = evaluation.decision_curve(
            is_positive, score, **options
        )
    title = f"{inputs['positive']} against the rest"
    save_figure(run, "roc", figures.roc(bands, title))
    title = f"Net benefit of finding {inputs['positive']}"
    save_figure(run, "net_benefit", figures.net_benefit(decisions, title))
    tables = [table.assign(arm=arm) for arm, table in decisions.items()]
    write_csv(run / "decision_curves.csv", pd.concat(tables))


def forest_table(table, metric="balanced_accuracy"):
    """Rows of one metric for the forest plot, without strata that hold no image."""
    return table[(table["metric"] == metric) & (table["n"] > 0)]
