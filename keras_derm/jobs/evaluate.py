"""Job: judge both arms on the same real test images."""

import json

from keras_derm.runs import RunDirectory

ARMS = ("baseline", "augmented")
SENSITIVITY = 0.90
NOTHING_ADDED = (
    "Nothing was compared: no synthetic image passed the screening, so both arms "
    "learned from the same real images. What differs between them is the chance of "
    "training."
)
ONE_SEED = (
    "One seed was trained for each arm: another can move these figures by as much."
)


def evaluate(run: str, n_replicates: int = 2000, seed: int = 0):
    """Judge the baseline and the augmented ensemble on the same real test images.

    Writes predictions/*.csv, metrics.json, metrics.csv (every metric, overall and
    per skin tone, with 95 % intervals and the paired difference) and figures.

    Args:
        run: Run directory with both arms trained.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
    """
    settings = {"n_replicates": n_replicates, "seed": seed}
    run = RunDirectory(run)
    with run.stage(
        "evaluation", settings, after=["prepare", *ARMS], folders=["predictions"]
    ) as todo:
        if todo:
            _evaluate(run, **settings)


def _evaluate(run, n_replicates, seed):
    from keras_derm import evaluation
    from keras_derm.catalog import get_task
    from keras_derm.evaluation.metrics import macro_auc
    from keras_derm.files import write_csv, write_json

    task = get_task(run.settings("baseline")["task"])
    task = task.present_in(run.catalog.split("train"))
    real = run.catalog.where(task.covers(run.catalog)).require_real()
    splits = {name: real.split(name) for name in ("val", "test")}
    inputs = evaluation.inputs_from_catalog(splits["test"], task)
    positive = task.classes[task.positive_class]
    y_prob, thresholds, members, validation = {}, {}, {}, {}
    for arm in ARMS:
        predicted = {
            name: predict_split(run, arm, name, rows, task)
            for name, rows in splits.items()
        }
        y_prob[arm] = predicted["test"]["ensemble"]
        validation[arm] = macro_auc(
            task.targets(splits["val"]), predicted["val"]["ensemble"]
        )
        thresholds[arm] = evaluation.threshold_at_sensitivity(
            task.targets(splits["val"]) == task.positive_class,
            predicted["val"]["ensemble"][:, task.positive_class],
            SENSITIVITY,
        )
        members[arm] = {
            member: evaluation.evaluate(
                **{**inputs, "strata": None},  # one line each in the report
                y_prob=scores,
                positive=positive,
                seed=seed,
                n_replicates=n_replicates,
            ).to_dict()["strata"][0]["metrics"]
            for member, scores in predicted["test"].items()
        }
    comparison = evaluation.compare(
        **inputs,
        y_prob_baseline=y_prob["baseline"],
        y_prob_augmented=y_prob["augmented"],
        positive=positive,
        threshold_baseline=thresholds["baseline"],
        threshold_augmented=thresholds["augmented"],
        seed=seed,
        n_replicates=n_replicates,
    )
    made = json.loads((run / "augmented/ensemble.json").read_text())["n_synthetic"]
    verdict = f"{comparison.verdict()} {ONE_SEED}" if made else NOTHING_ADDED
    metrics = {
        **comparison.to_dict(),
        "verdict": verdict,
        "members": members,
        "validation_macro_auc": validation,
        "chosen_arm": max(ARMS, key=validation.get),
    }
    write_json(run / "metrics.json", metrics)
    write_csv(run / "metrics.csv", comparison.table())
    _figures(run, comparison)
    print(verdict)


def chosen_arm(run, arm="chosen"):
    """`arm`, or where it is "chosen" the arm with the higher validation AUC."""
    if arm != "chosen":
        return arm
    return json.loads((run / "metrics.json").read_text())["chosen_arm"]


def predict_split(run, arm, split, rows, task):
    """Probabilities of the ensemble and of each member; also written as csv."""
    import pandas as pd

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

    matrices = {
        "Baseline": comparison.baseline.confusion_matrix,
        "Augmented": comparison.augmented.confusion_matrix,
    }
    classes = comparison.baseline.classes
    save_figure(run, "confusion", figures.confusion_matrices(matrices, classes))
    save_figure(run, "forest", figures.forest_plot(forest_table(comparison.table())))


def forest_table(table, metric="balanced_accuracy"):
    """Rows of one metric for the forest plot, without strata that hold no image."""
    return table[(table["metric"] == metric) & (table["n"] > 0)]
