"""Arms of an experiment, each trained with several seeds, on the same real images."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.evaluation import metrics, subgroups
from keras_derm.evaluation.differences import (
    P_VALUES,
    claim,
    describe_difference,
    moved_against,
    paired_differences,
)
from keras_derm.evaluation.evaluation import (
    Design,
    join_reasons,
    jsonable,
    result,
    stratum_columns,
)
from keras_derm.evaluation.subgroups import judging_metric

METHOD = (
    "Every resample draws the patients or lesions anew, the same for all arms and "
    "seeds, and takes each arm's mean over its seeds. To that mean it adds a draw of "
    "its error: the spread between seeds, pooled over the arms, over the root of the "
    "arm's number of seeds, times a draw from Student's t with as many degrees of "
    "freedom as there are seeds beyond the first of each arm. Intervals are "
    "percentiles of these values. They cover which lesions were tested and how "
    "training fell out; where every arm has one seed, they cover the lesions alone. "
    "What seeds disagree on image by image counts twice, which makes the intervals "
    "rather too wide, at most by a factor of 1.4."
)
_TONES = "skin_tone_pooled"
_NO_DIFFERENCE = dict.fromkeys(("value", "low", "high", *P_VALUES), np.nan)


@dataclass(frozen=True)
class ArmComparison:
    """Several arms against a reference, stratum by stratum.

    Args:
        reference: name of the arm that the others are compared with.
        positive: name of the positive class.
        level: coverage of the intervals.
        n_replicates: bootstrap replicates.
        n_seeds: dict from arm to its number of seeds.
        strata: dict from arm to a list of strata as in `Evaluation.strata`; a metric
            is the mean over the seeds and has `per_seed` too.
        differences: dict from each other arm to a list, in the order of the strata,
            of dicts from metric to an entry of `paired_differences` (arm -
            reference).
    """

    reference: str
    positive: str
    level: float
    n_replicates: int
    n_seeds: dict
    strata: dict
    differences: dict

    def to_dict(self):
        """Return everything, method and verdicts included, as JSON-able values."""
        return jsonable(
            {
                **self.__dict__,
                "method": METHOD,
                "verdicts": {arm: self.verdict(arm) for arm in self.differences},
            }
        )

    def table(self):
        """Return a row for each arm, stratum and metric.

        Returns:
            DataFrame with `arm`, `n_seeds`, the columns that name the stratum,
            `metric`, `label`; `reference`, `value` and `difference`, each with
            `_low` and `_high`; `p_value`, `p_adjusted` and `reason`. The rows of the
            reference itself have no difference.
        """
        rows = []
        for arm, of_arm in self.strata.items():
            compared = self.differences.get(arm, [{}] * len(of_arm))
            for before, after, differences in zip(
                self.strata[self.reference], of_arm, compared, strict=True
            ):
                for name, metric in after["metrics"].items():
                    difference = differences.get(name, _NO_DIFFERENCE)
                    row = {"arm": arm, "n_seeds": self.n_seeds[arm]}
                    row |= stratum_columns(after)
                    row |= {"metric": name, "label": self._label(name)}
                    for prefix, found in (
                        ("reference", before["metrics"][name]),
                        ("value", metric),
                        ("difference", difference),
                    ):
                        row[prefix] = found["value"]
                        row[f"{prefix}_low"] = found["low"]
                        row[f"{prefix}_high"] = found["high"]
                    row |= {key: difference[key] for key in P_VALUES}
                    row["reason"] = join_reasons(
                        after["mark"],
                        difference["reason"] if differences else metric["reason"],
                    )
                    rows.append(row)
        return pd.DataFrame(rows)

    def verdict(self, arm, metric="balanced_accuracy"):
        """Say in plain words whether an arm is better than the reference.

        Args:
            arm: name of an arm.
            metric: the metric to judge by.

        Returns:
            Some sentences: on the whole set, by the AUC of the positive class where
            a class is too rare for a mean over the classes; strata in which something
            may be claimed after correction for their number; strata too small to
            judge.

        Raises:
            ValueError: if there is no such arm or metric.
        """
        if arm not in self.differences or metric not in self.differences[arm][0]:
            raise ValueError(
                f"`arm` must be one of {tuple(self.differences)} and `metric` a name "
                f"of the table. Received: arm={arm!r}, metric={metric!r}"
            )
        sentences = [self._overall(arm, metric)]
        found = [
            f"{stratum['stratum'].replace('_', ' ')} {stratum['value']} "
            f"({describe_difference(differences[metric], self.level)})"
            for stratum, differences in zip(
                self.strata[arm][1:], self.differences[arm][1:], strict=True
            )
            if stratum["judged"] and claim(metric, differences[metric], self.level)
        ]
        n_read = sum(stratum["judged"] for stratum in self.strata[arm][1:])
        if n_read:
            sentences.append(
                f"Of {n_read} strata read, after correction for their number, "
                + self._in_strata(found, n_read)
            )
        small = [
            stratum
            for stratum in self.strata[arm][1:]
            if stratum["n"] and not stratum["judged"]
        ]
        if small:
            tones = [one["value"] for one in small if one["stratum"] == _TONES]
            named = f", among them skin tones {', '.join(tones)}" if tones else ""
            sentences.append(
                f"Too few images to say anything: {len(small)} strata{named}."
            )
        return " ".join(sentences)

    def _in_strata(self, found, n_read):
        if found:
            return f"it differs in {'; '.join(found)}."
        needed = math.ceil(2 * n_read / (1 - self.level))
        if self.n_replicates < needed:
            return (
                "no difference can be told: that takes more than the "
                f"{self.n_replicates:,} resamples that were drawn, at least {needed:,}."
            )
        return "a difference can be told in none."

    def _overall(self, arm, metric):
        stratum, reference = self.strata[arm][0], self.strata[self.reference][0]
        metric, not_judged = judging_metric(metric, stratum)
        difference = self.differences[arm][0][metric]
        where = f"the same {stratum['n']:,} real test images"
        if not stratum["judged"] or np.isnan(difference["low"]):
            why = stratum["mark"] or difference["reason"]
            return f"Nothing can be said of {arm} from {where} ({why}).{not_judged}"
        direction = claim(metric, difference, self.level)
        opening = {
            1: f"{arm} is better than {self.reference}",
            0: f"No measurable difference between {arm} and {self.reference}",
            -1: f"{arm} is worse than {self.reference}",
        }[direction]
        against = [
            f"{self._label(name)} is {'higher' if other['value'] > 0 else 'lower'} "
            f"({describe_difference(other, self.level)})"
            for name, other in moved_against(
                self.differences[arm][0], metric, direction, self.level
            ).items()
            if judging_metric(name, stratum)[0] == name
        ]
        but = f"; but its {' and '.join(against)}" if against else ""
        return (
            f"{opening}: {self._label(metric)} "
            f"{reference['metrics'][metric]['value']:.3f} and "
            f"{stratum['metrics'][metric]['value']:.3f} on {where} "
            f"({describe_difference(difference, self.level)}; {self._seeds(arm)}){but}."
            f"{not_judged}"
        )

    def _seeds(self, arm):
        if max(self.n_seeds.values()) == 1:
            return "one seed: another can move this by as much"
        return f"{self.n_seeds[arm]} against {self.n_seeds[self.reference]} seeds"

    def _label(self, metric):
        return metrics.metric_label(metric, self.positive)


def compare_arms(
    y_true,
    y_prob,
    classes,
    reference,
    groups=None,
    strata=None,
    positive="MEL",
    operating_points=None,
    seed=0,
    n_replicates=2000,
    level=0.95,
    stratified=False,
):
    """Compare arms, each of one or more seeds, with a reference on the same images.

    Args:
        y_true: class indices of real images, shape `(n,)`.
        y_prob: dict from arm to a list of probabilities, one array of shape
            `(n, classes)` for each seed.
        classes, groups, strata, positive, n_replicates, level, stratified: as in
            `evaluate`.
        reference: name of the arm to compare the others with; it may be the only one.
        operating_points: dict from arm to a list of thresholds, one dict as
            `operating_points` returns it for each seed; None leaves them out.
        seed: seed of the bootstrap.

    Returns:
        An `ArmComparison`; how its intervals are made is said in `METHOD`.

    Raises:
        ValueError: as `evaluate`, or if there is no such reference, an arm without
            predictions, or thresholds that do not match the predictions.
    """
    _check_arms(y_prob, reference, operating_points)
    design = Design(y_true, classes, groups, strata, positive, stratified)
    scorers = {
        arm: [
            design.scorers(one, operating_points and operating_points[arm][i])
            for i, one in enumerate(of_arm)
        ]
        for arm, of_arm in y_prob.items()
    }
    values, means = _seed_values(design, scorers, n_replicates, seed)
    n_seeds = {arm: len(of_arm) for arm, of_arm in y_prob.items()}
    errors = _seed_errors(n_seeds, n_replicates, seed)
    spread = _pooled_spread(values.values())
    draws = {
        arm: mean + spread[..., np.newaxis] * errors[arm] for arm, mean in means.items()
    }
    names = next(iter(scorers.values()))[0][0].headline
    found = {
        arm: _strata(names, values[arm], draws[arm], design, level) for arm in y_prob
    }
    differences = {
        arm: paired_differences(
            found[reference], found[arm], draws[arm] - draws[reference], level
        )
        for arm in y_prob
        if arm != reference
    }
    return ArmComparison(
        reference, positive, level, n_replicates, n_seeds, found, differences
    )


def _check_arms(y_prob, reference, operating_points):
    if reference not in y_prob:
        raise ValueError(
            f"`reference` must be one of the arms {tuple(y_prob)}. "
            f"Received: reference={reference!r}"
        )
    n_seeds = {arm: len(of_arm) for arm, of_arm in y_prob.items()}
    if not all(n_seeds.values()):
        raise ValueError(
            f"every arm needs predictions of one seed or more. Received: {n_seeds}"
        )
    if operating_points is None:
        return
    points = {arm: len(of_arm) for arm, of_arm in operating_points.items()}
    kinds = {tuple(sorted(one)) for arm in operating_points.values() for one in arm}
    if points != n_seeds or len(kinds) != 1:
        raise ValueError(
            "`operating_points` must hold thresholds for the same sensitivities for "
            f"each seed of each arm, {n_seeds}. Received: {points} of sensitivities "
            f"{sorted(kinds)}"
        )


def _seed_values(design, scorers, n_replicates, seed):
    """Metrics of every seed, and their mean over the seeds in every resample.

    Returns:
        Two dicts by arm: arrays of shape `(seeds, strata, metrics)`, and arrays of
        shape `(strata, metrics, n_replicates)`.
    """
    flat = [one for of_arm in scorers.values() for of_seed in of_arm for one in of_seed]
    draws = iter(design.bootstrap(flat, n_replicates, seed))
    n_names = len(flat[0].headline)
    values, means = {}, {}
    for arm, of_arm in scorers.items():
        values[arm] = np.array(
            [[design.estimates(one)[:n_names] for one in of_seed] for of_seed in of_arm]
        )
        means[arm] = sum(
            np.array([next(draws)[:n_names] for _ in of_seed]) for of_seed in of_arm
        ) / len(of_arm)
    return values, means


def _pooled_spread(values):
    """Standard deviation between the seeds of one arm, pooled over the arms.

    Args:
        values: for each arm an array of shape `(seeds, strata, metrics)`.

    Returns:
        Array of shape `(strata, metrics)`, 0 where no arm has a second seed. An arm
        counts where the metric is defined for all its seeds.
    """
    squares, freedom = 0, 0
    for of_arm in values:
        square = ((of_arm - of_arm.mean(axis=0)) ** 2).sum(axis=0)
        squares = squares + np.nan_to_num(square)
        freedom = freedom + ~np.isnan(square) * (len(of_arm) - 1)
    return np.sqrt(squares / np.maximum(freedom, 1))


def _seed_errors(n_seeds, n_replicates, seed):
    """Error of each arm's mean in units of the pooled spread, for each resample."""
    generator = np.random.default_rng([seed, 1])
    freedom = sum(n_seeds.values()) - len(n_seeds)
    if freedom == 0:
        return dict.fromkeys(n_seeds, np.zeros(n_replicates))
    scale = np.sqrt(freedom / generator.chisquare(freedom, n_replicates))
    return {
        arm: scale * generator.normal(size=n_replicates) / np.sqrt(n)
        for arm, n in n_seeds.items()
    }


def _strata(names, values, draws, design, level):
    """Describe each stratum, its metrics the means over the seeds."""
    return [
        {
            **description,
            "metrics": {
                name: _entry(
                    name, values[:, i, j], draws[i, j], description, design, level
                )
                for j, name in enumerate(names)
            },
        }
        for i, description in enumerate(design.descriptions())
    ]


def _entry(name, per_seed, draw, description, design, level):
    undefined = subgroups.undefined_reason(name, description, design.name)
    if np.isnan(per_seed).any() and not np.isnan(per_seed).all():
        undefined = "not defined for every seed"
    entry = result(name, per_seed.mean(), draw, level, undefined)
    # Student's t knows no bounds; the metric does.
    for end in ("low", "high"):
        entry[end] = float(np.clip(entry[end], *metrics.bounds(name)))
    return {**entry, "per_seed": per_seed.tolist()}
