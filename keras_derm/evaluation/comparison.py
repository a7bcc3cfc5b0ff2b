"""Does augmentation help? Two models on the same real images, paired."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from keras_derm.evaluation import bootstrap, metrics
from keras_derm.evaluation.evaluation import (
    Design,
    Evaluation,
    join_reasons,
    jsonable,
    stratum_columns,
)

HEADLINE = ("balanced_accuracy", "macro_auc", "sensitivity", "specificity")


@dataclass(frozen=True)
class Comparison:
    """Two evaluations from the same resamples, and their difference.

    Args:
        baseline: `Evaluation` of the model trained on real images alone.
        augmented: `Evaluation` of the model trained on real and synthetic images.
        differences: for each stratum, in the order of `baseline.strata`, a dict
            from metric to `value` (augmented - baseline), `low`, `high`, `reason`.
    """

    baseline: Evaluation
    augmented: Evaluation
    differences: list

    def to_dict(self):
        """Return everything, verdict included, as JSON-able values."""
        return jsonable({**asdict(self), "verdict": self.verdict()})

    def table(self):
        """Return a row for each stratum and metric.

        Returns:
            DataFrame with the columns that name the stratum, `metric`, `label`,
            then `baseline`, `augmented` and `difference`, each with `_low` and
            `_high`, and `reason`.
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
                row["reason"] = join_reasons(before["mark"], difference["reason"])
                rows.append(row)
        return pd.DataFrame(rows)

    def verdict(self, metric="balanced_accuracy", stratum="all", value="all"):
        """Say in one sentence whether augmentation helped; it may say no.

        A difference counts only where its interval leaves out zero. Headline
        metrics of the same stratum that moved the other way are named too.

        Args:
            metric: the metric to judge by, a name of `METRICS`.
            stratum: the variable, such as `skin_tone_pooled`; `all` for the set.
            value: its value, such as `V-VI`.

        Returns:
            A sentence.

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
            return f"Nothing can be said from {where}: {before['mark']}."
        difference = differences[metric]
        if np.isnan(difference["low"]):
            return f"Nothing can be said from {where}: {difference['reason']}."
        direction = _direction(difference)
        moved = (
            f"{self._label(metric)} went from "
            f"{before['metrics'][metric]['value']:.3f} to "
            f"{after['metrics'][metric]['value']:.3f} on the same {where} "
            f"({self._difference(difference)})"
        )
        against = self._against(differences, metric, direction)
        return f"{_OPENING[direction]}: {moved}{against}."

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
        return metrics.LABELS[metric].format(positive=self.baseline.positive)

    def _difference(self, difference):
        return (
            f"difference {difference['value']:+.3f}, {self.baseline.level:.0%} "
            f"interval {difference['low']:+.3f} to {difference['high']:+.3f}"
        )

    def _against(self, differences, metric, direction):
        others = [
            f"{self._label(name)} {_MOVED[_direction(differences[name])]} "
            f"({self._difference(differences[name])})"
            for name in HEADLINE
            if name != metric and _direction(differences[name]) not in (0, direction)
        ]
        return f"; but {' and '.join(others)}" if others else ""


_OPENING = {
    1: "Augmentation helped",
    0: "No measurable effect of augmentation",
    -1: "Augmentation did harm",
}
_MOVED = {1: "rose", -1: "fell"}


def compare(
    y_true,
    y_prob_baseline,
    y_prob_augmented,
    classes,
    groups=None,
    strata=None,
    positive="MEL",
    threshold_baseline=None,
    threshold_augmented=None,
    seed=0,
    n_replicates=2000,
    level=0.95,
):
    """Evaluate two models on the same images and the same resamples of them.

    Args:
        y_true: class indices of real images, shape `(n,)`.
        y_prob_baseline: probabilities of the baseline, shape `(n, classes)`.
        y_prob_augmented: probabilities of the augmented model, same shape.
        classes, groups, strata, positive, seed, n_replicates, level: as in
            `evaluate`.
        threshold_baseline: the baseline's threshold, fitted on val, or None.
        threshold_augmented: the augmented model's own threshold, fitted on val;
            both are given or neither.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: as `evaluate`, or if only one threshold is given.
    """
    if (threshold_baseline is None) != (threshold_augmented is None):
        raise ValueError(
            "give both thresholds or neither. Received: threshold_baseline="
            f"{threshold_baseline}, threshold_augmented={threshold_augmented}"
        )
    design = Design(y_true, classes, groups, strata, positive)
    before = design.scorers(y_prob_baseline, threshold_baseline)
    after = design.scorers(y_prob_augmented, threshold_augmented)
    draws = bootstrap.bootstrap(before + after, design.n_groups, n_replicates, seed)
    draws_before, draws_after = draws[: len(before)], draws[len(before) :]
    baseline = design.evaluation(
        before, draws_before, y_prob_baseline, threshold_baseline, level, seed
    )
    augmented = design.evaluation(
        after, draws_after, y_prob_augmented, threshold_augmented, level, seed
    )
    differences = [
        _differences(
            baseline.strata[i]["metrics"],
            augmented.strata[i]["metrics"],
            draws_after[i] - draws_before[i],
            level,
        )
        for i in range(len(before))
    ]
    return Comparison(baseline, augmented, differences)


def _differences(before, after, draws, level):
    # The named metrics come first among the draws; per-class ones follow them.
    differences = {}
    for draw, name in zip(draws, before, strict=False):
        value = after[name]["value"] - before[name]["value"]
        if np.isnan(value):
            low, high = np.nan, np.nan
            reason = next(
                one[name]["reason"] for one in (before, after) if one[name]["reason"]
            )
        else:
            low, high, reason = bootstrap.percentile_interval(draw, level)
        differences[name] = {"value": value, "low": low, "high": high, "reason": reason}
    return differences


def _columns(prefix, found):
    return {
        prefix: found["value"],
        f"{prefix}_low": found["low"],
        f"{prefix}_high": found["high"],
    }


def _direction(difference):
    """1 or -1 where the interval leaves out zero, otherwise 0."""
    return int(difference["low"] > 0) - int(difference["high"] < 0)
