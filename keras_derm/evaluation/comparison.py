"""Does augmentation help? Two models on the same real images, paired."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from keras_derm.evaluation import metrics
from keras_derm.evaluation.delong import delong_test
from keras_derm.evaluation.differences import (
    P_VALUES,
    claim,
    describe_difference,
    moved_against,
    paired_differences,
)
from keras_derm.evaluation.evaluation import (
    Design,
    Evaluation,
    join_reasons,
    jsonable,
    stratum_columns,
)
from keras_derm.evaluation.mcnemar import mcnemar_test
from keras_derm.evaluation.subgroups import judging_metric


@dataclass(frozen=True)
class Comparison:
    """Two evaluations from the same resamples, and their difference.

    Args:
        baseline: `Evaluation` of the model trained on real images alone.
        augmented: `Evaluation` of the model trained on real and synthetic images.
        differences: for each stratum, in the order of `baseline.strata`, a dict
            from metric to what `paired_differences` returned (augmented - baseline).
        tests: `delong` (AUC) and `mcnemar` (`only_baseline`, `only_augmented`: on how
            many patients or lesions one is right more often) of the whole set.
    """

    baseline: Evaluation
    augmented: Evaluation
    differences: list
    tests: dict

    def to_dict(self):
        """Return everything, verdict included, as JSON-able values."""
        return jsonable({**asdict(self), "verdict": self.verdict()})

    def table(self):
        """Return a row for each stratum and metric.

        Returns:
            DataFrame with the columns that name the stratum, `metric`, `label`,
            then `baseline`, `augmented` and `difference`, each with `_low` and
            `_high`, `p_value`, `p_adjusted` and `reason`.
        """
        rows = []
        for before, after, differences in zip(
            self.baseline.strata, self.augmented.strata, self.differences, strict=True
        ):
            for name, difference in differences.items():
                row = {**stratum_columns(before), "metric": name}
                row["label"] = self._label(name)
                row |= _columns("baseline", before["metrics"][name])
                row |= _columns("augmented", after["metrics"][name])
                row |= _columns("difference", difference)
                row |= {name: difference[name] for name in P_VALUES}
                row["reason"] = join_reasons(before["mark"], difference["reason"])
                rows.append(row)
        return pd.DataFrame(rows)

    def verdict(self, metric="balanced_accuracy", stratum="all", value="all"):
        """Say in one sentence whether the augmented model is better; it may say no.

        Whether augmentation made it so is another question, which one training of
        each model cannot answer: see `compare_arms`.

        A difference counts only where its interval leaves out zero, and in a
        stratum only where it also survives the correction for the number of strata
        (`p_adjusted`). Headline metrics of the same stratum that moved the other way
        are named too. Where a class is too rare for a mean over the classes, the AUC
        of the positive class takes its place, and a second sentence says so.

        Args:
            metric: the metric to judge by, a name of `METRICS`.
            stratum: the variable, such as `skin_tone_pooled`; `all` for the set.
            value: its value, such as `V-VI`.

        Returns:
            A sentence or two.

        Raises:
            ValueError: if there is no such metric or stratum.
        """
        index = self._find(stratum, value)
        before, after = self.baseline.strata[index], self.augmented.strata[index]
        differences = self.differences[index]
        if metric not in differences:
            raise ValueError(
                f"`metric` must be one of {tuple(differences)}. "
                f"Received: metric={metric!r}"
            )
        where = f"{before['n']:,} real test images" + (
            "" if stratum == "all" else f" with {stratum} {value}"
        )
        if not before["judged"]:
            return f"Nothing can be said from {where} ({before['mark']})."
        metric, not_judged = judging_metric(metric, before)
        difference = differences[metric]
        if np.isnan(difference["low"]):
            why = difference["reason"]
            return f"Nothing can be said from {where} ({why}).{not_judged}"
        level = self.baseline.level
        direction = claim(metric, difference, level)
        moved = (
            f"{self._label(metric)} went from "
            f"{before['metrics'][metric]['value']:.3f} to "
            f"{after['metrics'][metric]['value']:.3f} on the same {where} "
            f"({describe_difference(difference, level)})"
        )
        against = [
            f"{self._label(name)} {'rose' if other['value'] > 0 else 'fell'} "
            f"({describe_difference(other, level)})"
            for name, other in moved_against(
                differences, metric, direction, level
            ).items()
            if judging_metric(name, before)[0] == name
        ]
        but = f"; but {' and '.join(against)}" if against else ""
        return f"{_OPENING[direction]}: {moved}{but}.{not_judged}"

    def _find(self, stratum, value):
        for index, found in enumerate(self.baseline.strata):
            if (found["stratum"], found["value"]) == (stratum, value):
                return index
        known = [(found["stratum"], found["value"]) for found in self.baseline.strata]
        raise ValueError(
            f"`stratum` and `value` must be one of {known}. "
            f"Received: stratum={stratum!r}, value={value!r}"
        )

    def _label(self, metric):
        return metrics.metric_label(metric, self.baseline.positive)


_OPENING = {
    1: "The augmented model is better",
    0: "No measurable effect of augmentation",
    -1: "The augmented model is worse",
}


def compare(
    y_true,
    y_prob_baseline,
    y_prob_augmented,
    classes,
    groups=None,
    strata=None,
    positive="MEL",
    operating_points_baseline=None,
    operating_points_augmented=None,
    seed=0,
    n_replicates=2000,
    level=0.95,
    stratified=False,
):
    """Evaluate two models on the same images and the same resamples of them.

    Args:
        y_true: class indices of real images, shape `(n,)`.
        y_prob_baseline: probabilities of the baseline, shape `(n, classes)`.
        y_prob_augmented: probabilities of the augmented model, same shape.
        classes, groups, strata, positive, seed, n_replicates, level, stratified: as
            in `evaluate`.
        operating_points_baseline: the baseline's thresholds, fitted on val, or None.
        operating_points_augmented: the augmented model's own thresholds, for the
            same sensitivities on val.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: as `evaluate`, or if the operating points are of different
            sensitivities.
    """
    points = operating_points_baseline or {}, operating_points_augmented or {}
    if set(points[0]) != set(points[1]):
        raise ValueError(
            "both models need thresholds for the same sensitivities. Received: "
            f"operating_points_baseline={points[0]}, "
            f"operating_points_augmented={points[1]}"
        )
    design = Design(y_true, classes, groups, strata, positive, stratified)
    before = design.scorers(y_prob_baseline, points[0])
    after = design.scorers(y_prob_augmented, points[1])
    draws = design.bootstrap(before + after, n_replicates, seed)
    draws_before, draws_after = draws[: len(before)], draws[len(before) :]
    baseline = design.evaluation(before, draws_before, y_prob_baseline, level, seed)
    augmented = design.evaluation(after, draws_after, y_prob_augmented, level, seed)
    differences = paired_differences(
        baseline.strata,
        augmented.strata,
        [b - a for a, b in zip(draws_before, draws_after, strict=True)],
        level,
    )
    tests = _tests(design, np.asarray(y_prob_baseline), np.asarray(y_prob_augmented))
    return Comparison(baseline, augmented, differences, tests)


def _tests(design, y_prob_baseline, y_prob_augmented):
    is_positive = design.y_true == design.positive
    delong = None
    if 0 < is_positive.sum() < len(is_positive):
        scores = (y[:, design.positive] for y in (y_prob_baseline, y_prob_augmented))
        delong = delong_test(is_positive, *scores, design.cluster)._asdict()
    only_baseline, only_augmented, p_value = mcnemar_test(
        y_prob_baseline.argmax(axis=1) == design.y_true,
        y_prob_augmented.argmax(axis=1) == design.y_true,
        design.cluster,
    )
    mcnemar = {
        "only_baseline": only_baseline,
        "only_augmented": only_augmented,
        "p_value": p_value,
    }
    return {"delong": delong, "mcnemar": mcnemar}


def _columns(prefix, found):
    return {
        prefix: found["value"],
        f"{prefix}_low": found["low"],
        f"{prefix}_high": found["high"],
    }
