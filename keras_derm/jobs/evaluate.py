"""Job: judge both arms on the same real test images."""

import json

import pandas as pd

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
    "One seed was trained for each arm: another can move these figures by as much."
)


def evaluate(
    run: str, n_replicates: int = 2000, seed: int = 0, stratified: bool = False
):
    """Judge the baseline and the augmented ensemble on the same real test images.

    Writes predictions/*.csv, metrics.json, metrics.csv (every metric, overall and
    by skin tone, sex, age, site, source and contrast, with 95 % intervals and the
    paired difference), disparities.csv, decision_curves.csv, conformal sets per skin
    tone (conformal/*.json and selective.csv) and figures.

    Args:
        run: Run directory with both arms trained.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.
    """
    settings = {"n_replicates": n_replicates, "seed": seed, "stratified": stratified}
    run = RunDirectory(run)
    with run.stage(
        "evaluation",
        settings,
        after=["prepare", *ARMS],
        folders=["predictions", "conformal"],
    ) as todo:
        if todo:
            _evaluate(run, **settings)


def _evaluate(run, **bootstrap):
    from keras_derm import evaluation
    from keras_derm.catalog import get_task
    from keras_derm.evaluation.metrics import macro_auc
    from keras_derm.files import write_csv, write_json

    task = get_task(run.settings("baseline")["task"])
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
        f"operating_points_{arm}": evaluation.operating_points(
            val_true == task.positive_class, y_prob_val[arm][:, task.positive_class]
        )
        for arm in ARMS
    }
    comparison = evaluation.compare(
        **inputs,
        y_prob_baseline=y_prob["baseline"],
        y_prob_augmented=y_prob["augmented"],
        **points,
        **bootstrap,
    )
    made = json.loads((run / "augmented/ensemble.json").read_text())["n_synthetic"]
    verdict = f"{comparison.verdict()} {ONE_SEED}" if made else NOTHING_ADDED
    metrics = {
        **comparison.to_dict(),
        "verdict": verdict,
        "members": {
            arm: _members(predicted[arm]["test"], inputs, bootstrap) for arm in ARMS
        },
        "validation_macro_auc": validation,
        "chosen_arm": max(ARMS, key=validation.get),
    }
    write_json(run / "metrics.json", metrics)
    write_csv(run / "metrics.csv", comparison.table())
    write_csv(run / "disparities.csv", _disparities(comparison))
    _write_selective(run, splits, val_true, y_prob_val, y_prob, inputs, bootstrap)
    _figures(run, comparison)
    _write_curves(run, task, y_prob, inputs, bootstrap)
    print(verdict)


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


def chosen_arm(run, arm="chosen"):
    """`arm`, or where it is "chosen" the arm with the higher validation AUC."""
    if arm != "chosen":
        return arm
    return json.loads((run / "metrics.json").read_text())["chosen_arm"]


def predict_split(run, arm, split, rows, task):
    """Probabilities of the ensemble and of each member; also written as csv."""
    from keras_derm.classifiers import (
        ensemble_members,
        load_classifier,
        predict_probabilities,
    )
    from keras_derm.files import write_csv
    from keras_derm.pipeline import PreparedImages, image_dataset

    prepared = PreparedImages.load(run / "prepared/real")
    ensemble = load_classifier(run / arm / "ensemble.keras")
    models = {"ensemble": ensemble}
    models |= {member.name: member for member in ensemble_members(ensemble)}
    found = {}
    for name, model in models.items():
        dataset = image_dataset(
            prepared, prepared.indices(rows), image_size=model.input_shape[1:3]
        )
        found[name] = predict_probabilities(model, dataset)
        frame = pd.DataFrame(found[name], columns=list(task.classes))
        frame.insert(0, "isic_id", rows.table["isic_id"])
        write_csv(run / f"predictions/{arm}_{name}_{split}.csv", frame)
    return found


def _figures(run, comparison):
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    arms = {"Baseline": comparison.baseline, "Augmented": comparison.augmented}
    matrices = {name: found.confusion_matrix for name, found in arms.items()}
    classes = comparison.baseline.classes
    save_figure(run, "confusion", figures.confusion_matrices(matrices, classes))
    table = forest_table(comparison.table())
    by_tone = table["stratum"].isin(["all", *TONES])
    save_figure(run, "forest", figures.forest_plot(table[by_tone]))
    others = table[table["judged"] & ~by_tone]
    if not others.empty:
        save_figure(run, "forest_others", figures.forest_plot(others))
    bins = {name: pd.DataFrame(found.reliability) for name, found in arms.items()}
    save_figure(run, "reliability", figures.reliability(bins))


def _write_curves(run, task, y_prob, inputs, bootstrap):
    """ROC with a band and net benefit of both arms, as figures and as a table."""
    from keras_derm import evaluation
    from keras_derm.files import write_csv
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

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
        name = "{}: AUC {:.3f} ({:.3f} to {:.3f})".format(arm.capitalize(), *area)
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
