"""All that is told of the arms of a run: the comparison, and each arm's own use."""

from dataclasses import dataclass
from functools import partial

import pandas as pd

from keras_derm.evaluation.class_scores.axes import AXES
from keras_derm.evaluation.class_scores.calibration import temperature_summary
from keras_derm.evaluation.class_scores.conformal import (
    fit_conformal_by_colour,
    selective_table,
)
from keras_derm.evaluation.class_scores.curves import decision_curve, roc_band
from keras_derm.evaluation.class_scores.evaluation import evaluate
from keras_derm.evaluation.class_scores.metrics import macro_auc
from keras_derm.evaluation.class_scores.photograph_colour import catalog_colours
from keras_derm.evaluation.class_scores.predictions import (
    inputs_from_catalog,
    task_thresholds,
)
from keras_derm.evaluation.comparison import Comparison, compare
from keras_derm.evaluation.statistics.delong import delong_interval

ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Judgement:
    """What `judge_arms` found, arm by arm.

    Args:
        comparison: `Comparison` of the ensembles.
        members: dict from arm to a dict from model, the ensemble among them, to its
            metrics on all test images.
        validation_macro_auc: dict from arm to the macro AUC of its ensemble on val.
        temperature: dict from arm to what `temperature_summary` returned.
        conformal: dict from arm to its `ConformalSets`; empty where the validation
            images are too few.
        selective: DataFrame of `selective_table` with `arm`, or None without sets.
        roc, auc, decision_curves: dicts from arm to what `roc_band`,
            `delong_interval` and `decision_curve` returned; empty where the test
            images are all of the positive class or none is.

    Example:
        >>> found = judge_arms(val, test, task, predicted, "baseline")
        >>> write_json("metrics.json", found.to_dict())
        >>> found.comparison.table()
    """

    comparison: Comparison
    members: dict
    validation_macro_auc: dict
    temperature: dict
    conformal: dict
    selective: pd.DataFrame | None
    roc: dict
    auc: dict
    decision_curves: dict

    @property
    def chosen_arm(self):
        """The arm of the highest macro AUC on val, the first of equals."""
        return max(self.validation_macro_auc, key=self.validation_macro_auc.get)

    def to_dict(self):
        """Return the comparison, and what is one figure an arm, as JSON-able values."""
        return {
            **self.comparison.to_dict(),
            "members": self.members,
            "validation_macro_auc": self.validation_macro_auc,
            "temperature": self.temperature,
            "chosen_arm": self.chosen_arm,
        }


def judge_arms(
    val,
    test,
    task,
    predicted,
    reference="baseline",
    contrast_edges=None,
    n_replicates=2000,
    seed=0,
    stratified=False,
):
    """Judge ensembles on the same real test images, with all that is fitted on val.

    Args:
        val, test: `Catalog` of the real validation images, and of the test images.
        task: `Task` whose classes the arms tell apart.
        predicted: dict from arm to a dict of `val` and `test`, each a dict from
            `"ensemble"`, and the names of members where they are known, to
            probabilities, shape `(n, classes)`.
        reference: the arm that the others are compared with.
        contrast_edges: what `contrast_edges` found, or None.
        n_replicates, seed, stratified: as in `evaluate`.

    Returns:
        A `Judgement`.

    Raises:
        ValueError: as `compare`.
    """
    inputs = inputs_from_catalog(test, task, AXES, contrast_edges)
    draw = {"n_replicates": n_replicates, "seed": seed}
    val_true, y_true = task.targets(val), inputs["y_true"]
    val_prob, y_prob = (
        {arm: found[split][ENSEMBLE] for arm, found in predicted.items()}
        for split in ("val", "test")
    )
    comparison = compare(
        y_prob=y_prob,
        reference=reference,
        operating_points={
            arm: task_thresholds(task, val_true, found)
            for arm, found in val_prob.items()
        },
        stratified=stratified,
        **inputs,
        **draw,
    )
    whole = {**inputs, "strata": None, "stratified": stratified, **draw}
    fitted = {
        arm: fit_conformal_by_colour(val, task, found)
        for arm, found in val_prob.items()
    }
    conformal = {arm: sets for arm, sets in fitted.items() if sets is not None}
    return Judgement(
        comparison,
        {arm: _members(found["test"], whole) for arm, found in predicted.items()},
        {arm: macro_auc(val_true, found) for arm, found in val_prob.items()},
        {
            arm: temperature_summary(val_true, val_prob[arm], y_true, y_prob[arm])
            for arm in predicted
        },
        conformal,
        _selective(conformal, test, y_prob, inputs, draw),
        **_curves(y_true == task.positive_class, y_prob, task, inputs["groups"], draw),
    )


def _members(y_prob, options):
    """Metrics of the ensemble and of each member, over all test images."""
    return {
        name: evaluate(y_prob=of_model, **options).to_dict()["strata"][0]["metrics"]
        for name, of_model in y_prob.items()
    }


def _selective(conformal, test, y_prob, inputs, draw):
    if not conformal:
        return None
    truth, whom = inputs["y_true"], (catalog_colours(test), inputs["groups"])
    return pd.concat(
        selective_table(truth, y_prob[arm], sets, *whom, **draw).assign(arm=arm)
        for arm, sets in conformal.items()
    )


def _curves(is_positive, y_prob, task, groups, draw):
    """ROC bands, areas and net benefit of each arm."""
    if is_positive.all() or not is_positive.any():
        return {"roc": {}, "auc": {}, "decision_curves": {}}
    scores = {arm: found[:, task.positive_class] for arm, found in y_prob.items()}
    curves = {
        "roc": partial(roc_band, **draw),
        "auc": delong_interval,
        "decision_curves": partial(decision_curve, **draw),
    }
    return {
        name: {arm: curve(is_positive, score, groups) for arm, score in scores.items()}
        for name, curve in curves.items()
    }
