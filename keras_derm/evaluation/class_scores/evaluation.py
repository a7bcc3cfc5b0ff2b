"""Judge one model's predictions on real images, overall and per stratum."""

import functools
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores import calibration, metrics, subgroups
from keras_derm.evaluation.class_scores.disparities import disparities, permuted_groups
from keras_derm.evaluation.class_scores.group_gaps import (
    PairScorer,
    find_pairs,
    gap_metrics,
    group_gaps,
)
from keras_derm.evaluation.class_scores.one_mix import DIAGNOSIS, as_variables
from keras_derm.evaluation.class_scores.weighted_calls import WeightedCalls
from keras_derm.evaluation.class_scores.weighted_metrics import WeightedMetrics
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.files import jsonable

ROUNDING = 1e-12


@dataclass(frozen=True)
class Evaluation:
    """Every metric of one model, with intervals.

    In a `Comparison` an arm may have been trained with several seeds. Metrics and
    confusion matrix are then means over the seeds, the reliability diagram is that of
    all their predictions together, and each metric lists the seeds in `per_seed`.

    Args:
        classes, positive, level, n_replicates, seed: as in `evaluate`.
        operating_points: dict from a sensitivity on val to the threshold of the
            positive class that has it there, or to a list of thresholds where there
            are several seeds; empty without.
        confusion_matrix: counts, true class first.
        per_class: for each class a dict of `n` and of metrics.
        strata: for each stratum, the whole set first, what `describe_stratum`
            returned and `metrics`. A metric is a dict of `value`, `low`, `high`
            and `reason`, which says why one of them is NaN and is empty otherwise,
            and with several seeds `per_seed`.
        disparities: the largest gap between the groups of each variable, as
            `disparities` returned them.
        gaps: each group beside the largest of its variable, raw and with one mix of
            diagnoses, sites and ages, as `group_gaps` returned them.
        reliability: bins of the reliability diagram of the whole set: `n`,
            `confidence` and `accuracy`.

    Example:
        >>> found = evaluate(y_true, y_prob, classes, strata={"sex": sex})
        >>> found.overall["sensitivity"]
        {'value': 0.81, 'low': 0.74, 'high': 0.87, 'reason': ''}
    """

    classes: tuple
    positive: str
    operating_points: dict
    level: float
    n_replicates: int
    seed: int
    confusion_matrix: list
    per_class: dict
    strata: list
    disparities: list
    gaps: list
    reliability: list

    @property
    def overall(self):
        """The metrics of the whole set: dict from name to value, low, high, reason."""
        return self.strata[0]["metrics"]

    def to_dict(self):
        """Return everything as JSON-able values; NaN becomes None."""
        return jsonable(asdict(self))

    def table(self):
        """Return a row for each stratum and metric.

        Returns:
            DataFrame with `stratum`, `value_of_stratum`, `n`, `n_groups`,
            `n_positive`, `n_classes` (that have images), `judged`, `metric`,
            `label`, `value`, `low`, `high` and `reason` (why a number is missing, or
            "too few to judge").
        """
        return pd.DataFrame(
            [
                {
                    **stratum_columns(stratum),
                    "metric": name,
                    "label": metrics.metric_label(name, self.positive),
                    **{key: entry[key] for key in ("value", "low", "high")},
                    "reason": join_reasons(stratum["mark"], entry["reason"]),
                }
                for stratum in self.strata
                for name, entry in stratum["metrics"].items()
            ]
        )


def evaluate(
    y_true,
    y_prob,
    classes,
    groups=None,
    strata=None,
    positive="MEL",
    operating_points=None,
    seed=0,
    n_replicates=2000,
    level=0.95,
    stratified=False,
    mix=None,
):
    """Compute every metric with an interval, for the whole set and each stratum.

    Args:
        y_true: class indices of real images, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        classes: class names, in the order of the columns of `y_prob`.
        groups: patient or lesion of each image, shape `(n,)`, the unit of the
            bootstrap; None makes each image its own.
        strata: dict from a variable's name to an array of `n` values. `tone_group`
            shows light, medium, dark and unknown, with images or without.
        positive: name of the class that is to be found, which sensitivity,
            specificity, PPV, NPV and AUC are about.
        operating_points: thresholds of the positive class fitted on val by
            `operating_points`, each a number, or one for each image, shape `(n,)`,
            where groups have thresholds of their own; None leaves out the metrics at
            them.
        seed, n_replicates: seed and number of the bootstrap replicates.
        level: coverage of the intervals, in (0, 1).
        stratified: whether every resample holds as many patients or lesions of each
            diagnosis as there are.
        mix: dict from `diagnosis`, and other variables such as site and age, to an
            array of `n` values: groups are compared with the mix of all images in
            these. By default the mix of the classes.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: if a shape, an index, a probability or a name is wrong.

    Example:
        >>> points = operating_points(val_true == mel, val_prob[:, mel])
        >>> result = evaluate(y_true, y_prob, classes, operating_points=points)
        >>> result.table()
    """
    design = Design(y_true, classes, groups, strata, positive, stratified, mix)
    scorers = design.scorers(y_prob, operating_points)
    draws = design.bootstrap(scorers, n_replicates, seed)
    return design.evaluation([scorers], draws, [y_prob], level, seed)


class Design:
    """The test set without the predictions: truth, groups, strata, positive class.

    Args:
        y_true, classes, groups, strata, positive, stratified, mix: as in `evaluate`.

    Example:
        >>> design = Design(y_true, classes, lesion, {"sex": sex}, "MEL")
        >>> draws = design.bootstrap(design.scorers(y_prob), n_replicates=2000, seed=0)
    """

    def __init__(
        self, y_true, classes, groups, strata, positive, stratified=False, mix=None
    ):
        self.classes = tuple(classes)
        if positive not in self.classes:
            raise ValueError(
                f"`positive` must be one of {self.classes}. "
                f"Received: positive={positive!r}"
            )
        self.y_true = metrics.check_targets(y_true, self.classes)
        self.name = positive
        self.positive = self.classes.index(positive)
        n = len(self.y_true)
        self.cluster, self.n_groups = bootstrap.cluster_index(groups, n)
        self.strata = subgroups.build_strata(strata, n)
        self._kind = bootstrap.cluster_class(self.y_true, self.cluster, self.n_groups)
        self._stratified = stratified
        self.described = [
            subgroups.describe_stratum(
                stratum, self.y_true, self.cluster, self.classes, self.positive
            )
            for stratum in self.strata
        ]
        if mix is None:
            mix = {DIAGNOSIS: np.array(self.classes, dtype=object)[self.y_true]}
        variables = as_variables(mix, n)
        self._diagnosis = bootstrap.cluster_class(
            variables[DIAGNOSIS].codes, self.cluster, self.n_groups
        )
        self.pairs = find_pairs(
            self.strata,
            self.described,
            self.y_true == self.positive,
            variables,
            self.cluster,
            self.n_groups,
        )

    def bootstrap(self, scorers, n_replicates, seed):
        """Draws of each scorer on the same resamples of the patients or lesions."""
        kind = self._kind if self._stratified else None
        return bootstrap.bootstrap(scorers, self.n_groups, n_replicates, seed, kind)

    def scorers(self, y_prob, operating_points=None):
        """Return what scores a model: the strata, then the pairs that are judged.

        Returns:
            List of a `WeightedMetrics` for each stratum and a `PairScorer` for each
            pair.
        """
        shape = len(self.y_true), len(self.classes)
        y_prob = metrics.check_probabilities(y_prob, *shape)
        _check_points(operating_points, len(self.y_true))
        return [
            WeightedMetrics(
                self.y_true[stratum.mask],
                y_prob[stratum.mask],
                self.cluster[stratum.mask],
                self.n_groups,
                self.positive,
                _points_within(operating_points, stratum.mask),
                per_class=stratum.name == "all",
            )
            for stratum in self.strata
        ] + self._pair_scorers(y_prob, operating_points)

    def _pair_scorers(self, y_prob, operating_points):
        @functools.cache
        def of_images(stratum, value):
            mask = masks[stratum, value]
            n = int(mask.sum())
            given = self.y_true[mask], y_prob[mask], np.arange(n), n
            points = _points_within(operating_points, mask)
            return WeightedCalls(*given, self.positive, points)

        masks = {(one.name, one.value): one.mask for one in self.strata}
        return [
            PairScorer(
                pair,
                [of_images(pair.stratum, one["value"]) for one in pair.groups],
                self.cluster,
            )
            for pair in self.pairs
            if pair.judged
        ]

    def estimates(self, scorers):
        """Metrics of the images as they are, each group counted once.

        Returns:
            For each scorer an array of shape `(seeds, metrics)`.
        """
        as_they_are = np.ones((self.n_groups, 1))
        return [
            np.array([scorer(as_they_are)[:, 0] for scorer in of_stratum])
            for of_stratum in zip(*scorers, strict=True)
        ]

    def evaluation(self, scorers, draws, y_prob, level, seed):
        """Join estimates and bootstrap draws in an `Evaluation`.

        Args:
            scorers, y_prob: for each seed what `scorers` returned, and of what.
            draws: for each scorer the resampled means over the seeds, an array of
                shape `(metrics, n_replicates)`.
            level, seed: as in `evaluate`.
        """
        strata, named_draws, per_class = [], [], {}
        estimates = self.estimates(scorers)
        for description, scorer, estimate, draw in zip(
            self.described, scorers[0], estimates, draws, strict=False
        ):
            values = dict(zip(scorer.names, estimate.T, strict=True))
            replicates = dict(zip(scorer.names, draw, strict=True))
            named_draws.append(replicates)
            found = _Results(values, replicates, level)
            named = found.of(scorer.headline, description, self.name)
            strata.append({**description, "metrics": named})
            if scorer.per_class:
                per_class = self._per_class(description, found)
        whole = [of_seed[0] for of_seed in scorers]
        points = [one.operating_points for one in whole]
        if len(points) > 1:
            points = [{name: [one[name] for one in points] for name in points[0]}]
        chance = functools.partial(self._by_chance, whole, seed)
        return Evaluation(
            classes=self.classes,
            positive=self.name,
            operating_points=dict(points[0]),
            level=level,
            n_replicates=draws[0].shape[1],
            seed=seed,
            confusion_matrix=self._confusion_matrix(y_prob),
            per_class=per_class,
            strata=strata,
            disparities=disparities(strata, named_draws, chance, self.name, level),
            gaps=self._gaps(whole[0], estimates, draws, named_draws, level),
            reliability=calibration.reliability_table(
                np.tile(self.y_true, len(y_prob)), np.concatenate(y_prob)
            ).to_dict("records"),
        )

    def _gaps(self, whole, estimates, draws, named_draws, level):
        n = len(self.strata)
        alone = {
            (stratum.name, stratum.value): of_stratum
            for stratum, of_stratum in zip(self.strata, named_draws, strict=True)
        }
        return group_gaps(
            self.pairs,
            estimates[n:],
            draws[n:],
            alone,
            gap_metrics(whole.operating_points),
            self.name,
            level,
        )

    def _confusion_matrix(self, y_prob):
        """Counts, and with several seeds their means."""
        y_pred = (np.asarray(of_seed).argmax(axis=1) for of_seed in y_prob)
        n_classes = len(self.classes)
        counts = [metrics.confusion_matrix(self.y_true, p, n_classes) for p in y_pred]
        return (counts[0] if len(counts) == 1 else np.mean(counts, axis=0)).tolist()

    def _by_chance(self, scorers, seed, variable, values, n_replicates):
        """Draw the metrics of groups which chance alone has made."""

        def of_calls(weights):
            found = [scorer.of_calls(weights) for scorer in scorers]
            return {
                name: np.mean([of_seed[name] for of_seed in found], axis=0)
                for name in found[0]
            }

        group = self._group_of_cluster(variable, values)
        return permuted_groups(of_calls, group, self._diagnosis, n_replicates, seed)

    def _group_of_cluster(self, variable, values):
        """Number of the group that most images of a patient or lesion are of, or -1."""
        counts = np.zeros((len(values) + 1, self.n_groups), dtype=np.int64)
        for stratum in self.strata:
            if stratum.name == variable:
                known = stratum.value in values
                row = values.index(stratum.value) if known else len(values)
                np.add.at(counts[row], self.cluster[stratum.mask], 1)
        group = counts.argmax(axis=0)
        return np.where(group == len(values), -1, group)

    def _per_class(self, description, found):
        table = {}
        for k, name in enumerate(self.classes):
            n_class = description["n_per_class"][name]
            of_class = {**description, "n_positive": n_class}
            scores = found.of(metrics.PER_CLASS_METRICS, of_class, name, f"/{k}")
            table[name] = {"n": n_class} | scores
        return table


def _check_points(operating_points, n):
    for name, threshold in (operating_points or {}).items():
        if np.shape(threshold) not in ((), (n,)):
            raise ValueError(
                f"a threshold must be a number, or one for each of the {n} images. "
                f"Received: shape {np.shape(threshold)} for sensitivity {name}"
            )


def _points_within(operating_points, mask):
    """Thresholds for the images of a mask: one number stays as it is."""
    return {
        name: threshold if np.ndim(threshold) == 0 else np.asarray(threshold)[mask]
        for name, threshold in (operating_points or {}).items()
    }


class _Results(NamedTuple):
    """Estimates of each seed and replicates of their mean, by name of the row."""

    values: dict
    replicates: dict
    level: float

    def of(self, names, description, positive, suffix=""):
        """Dict from each metric to its entry in a stratum."""
        return {
            name: _result(
                name,
                self.values[name + suffix],
                self.replicates[name + suffix],
                self.level,
                subgroups.undefined_reason(name, description, positive),
            )
            for name in names
        }


def _result(metric, values, replicates, level, undefined):
    """Make a metric's entry: value (mean of seeds), interval, why one is missing."""
    entry = {"value": float(values.mean()), "low": np.nan, "high": np.nan}
    if np.isnan(values).all():
        entry["reason"] = undefined
    elif np.isnan(values).any():
        entry["reason"] = "not defined for every seed"
    else:
        low, high, entry["reason"] = interval(metric, replicates, level)
        # Student's t, of which the error of several seeds is drawn, knows no bounds.
        entry["low"], entry["high"] = (
            float(np.clip(end, *metrics.bounds(metric))) for end in (low, high)
        )
    if len(values) > 1:
        entry["per_seed"] = values.tolist()
    return entry


def interval(metric, replicates, level):
    """Percentile interval of a metric, or why there is none.

    Every resample adds noise to the calibration error, so that its replicates lie
    above it: their percentiles are no interval for it. Nor is a single value, which
    says that the images were too few, or too easy, to see any error at all.
    """
    if metric == "expected_calibration_error":
        return np.nan, np.nan, "no interval: every resample adds to this error"
    low, high, reason = bootstrap.percentile_interval(replicates, level)
    if not reason and high - low < ROUNDING:
        return np.nan, np.nan, "no interval: every resample gives the same value"
    return low, high, reason


def stratum_columns(stratum):
    """The columns that say which stratum a row of a table is about."""
    return {
        "stratum": stratum["stratum"],
        "value_of_stratum": stratum["value"],
        "n": stratum["n"],
        "n_groups": stratum["n_groups"],
        "n_positive": stratum["n_positive"],
        "n_classes": sum(n > 0 for n in stratum["n_per_class"].values()),
        "judged": stratum["judged"],
    }


def join_reasons(*reasons):
    """Join the reasons that are not empty."""
    return "; ".join(reason for reason in reasons if reason)
