"""Does it help, and whom? Any number of arms on the same real images, paired."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.evaluation import (
    Design,
    join_reasons,
    stratum_columns,
)
from keras_derm.evaluation.class_scores.group_gaps import COLUMNS
from keras_derm.evaluation.class_scores.subgroups import (
    TONE,
    UNKNOWN,
    judging_metric,
    stratum_title,
)
from keras_derm.evaluation.differences import (
    HEADLINE,
    P_VALUES,
    claim,
    describe_difference,
    paired_differences,
)
from keras_derm.evaluation.group_changes import COLUMNS as CHANGE_COLUMNS
from keras_derm.evaluation.group_changes import group_changes, group_figures
from keras_derm.evaluation.statistics.delong import delong_test
from keras_derm.evaluation.statistics.mcnemar import mcnemar_test
from keras_derm.files import jsonable

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
_NO_DIFFERENCE = dict.fromkeys(("value", "low", "high", *P_VALUES), np.nan)


@dataclass(frozen=True)
class Comparison:
    """Evaluations of several arms from the same resamples, and their differences.

    Args:
        reference: name of the arm that the others are compared with.
        arms: dict from each arm, the reference among them, to its `Evaluation`.
        n_seeds: dict from arm to its number of seeds.
        differences: dict from each other arm to a list, in the order of the strata,
            of dicts from metric to what `paired_differences` returned (arm -
            reference).
        tests: dict from each other arm to tests of the whole set: `delong` (AUC of
            the positive class; None where the images are all of it or none is) and
            `mcnemar` (`only_reference`, `only_arm`: on how many patients or lesions
            one is right more often; `p_value`). Both are None where an arm has
            several seeds, since they know of one training alone.
        group_changes: what each other arm changes for the group of a variable that is
            served worst, and in the gaps, as `group_changes` returned it.

    Example:
        >>> y_prob = {"baseline": first, "augmented": second, "copies": third}
        >>> found = compare(y_true, y_prob, classes, reference="baseline")
        >>> print(found.verdict("augmented"))
        >>> found.table()
    """

    reference: str
    arms: dict
    n_seeds: dict
    differences: dict
    tests: dict
    group_changes: list

    @property
    def positive(self):
        """Name of the positive class."""
        return self.arms[self.reference].positive

    @property
    def level(self):
        """Coverage of the intervals."""
        return self.arms[self.reference].level

    @property
    def n_replicates(self):
        """Bootstrap replicates."""
        return self.arms[self.reference].n_replicates

    def to_dict(self):
        """Return everything, method and verdicts included, as JSON-able values."""
        return jsonable(
            {
                "reference": self.reference,
                "positive": self.positive,
                "level": self.level,
                "n_replicates": self.n_replicates,
                "method": METHOD,
                "arms": {arm: found.to_dict() for arm, found in self.arms.items()},
                "n_seeds": self.n_seeds,
                "differences": self.differences,
                "tests": self.tests,
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
        for arm, evaluation in self.arms.items():
            compared = self.differences.get(arm, [{}] * len(evaluation.strata))
            strata = self.arms[self.reference].strata, evaluation.strata
            for before, after, differences in zip(*strata, compared, strict=True):
                for name, metric in after["metrics"].items():
                    difference = differences.get(name, _NO_DIFFERENCE)
                    why = difference["reason"] if differences else metric["reason"]
                    row = {"arm": arm, "n_seeds": self.n_seeds[arm]}
                    row |= stratum_columns(after)
                    row |= {"metric": name, "label": self._label(name)}
                    row |= _columns("reference", before["metrics"][name])
                    row |= _columns("value", metric)
                    row |= _columns("difference", difference)
                    row |= {key: difference[key] for key in P_VALUES}
                    rows.append(row | {"reason": join_reasons(after["mark"], why)})
        return pd.DataFrame(rows)

    def disparities(self):
        """Return the largest gaps between groups of every arm.

        Returns:
            DataFrame with the columns of `Evaluation.disparities` and `arm`.
        """
        return pd.concat(
            pd.DataFrame(found.disparities).assign(arm=arm)
            for arm, found in self.arms.items()
        )

    def gaps(self):
        """Return each group beside the largest of its variable, of every arm.

        Returns:
            DataFrame with `arm` and `group_gaps.COLUMNS`, without rows where no group
            can be judged.
        """
        rows = [
            {"arm": arm} | gap for arm, found in self.arms.items() for gap in found.gaps
        ]
        return pd.DataFrame(rows, columns=["arm", *COLUMNS])

    def changes(self):
        """Return what each arm changes for the worst served groups and in the gaps.

        Returns:
            DataFrame with `group_changes.COLUMNS`, without rows where fewer than two
            groups of a variable can be judged.
        """
        return pd.DataFrame(self.group_changes, columns=list(CHANGE_COLUMNS))

    def verdict(self, arm, metric="balanced_accuracy"):
        """Say in plain words whether an arm is better than the reference.

        Whether what was done to the arm made it so is another question, which one
        training of each cannot answer.

        Args:
            arm, metric: as in `stratum_verdict`, which raises where there is none.

        Returns:
            Some sentences: on the whole set, see `stratum_verdict`; strata in which
            something may be claimed after correction for their number; strata too
            small to judge.
        """
        sentences = [self.stratum_verdict(arm, metric)]
        strata, compared = self.arms[arm].strata[1:], self.differences[arm][1:]
        found = [
            f"{stratum_title(stratum['stratum'])} {stratum['value']} "
            f"({describe_difference(differences[metric], self.level)})"
            for stratum, differences in zip(strata, compared, strict=True)
            if stratum["judged"] and claim(metric, differences[metric], self.level)
        ]
        n_read = sum(stratum["judged"] for stratum in strata)
        if n_read:
            sentences.append(
                f"Of {n_read} strata read, after correction for their number, "
                + self._in_strata(found, n_read)
            )
        small = [one for one in strata if one["n"] and not one["judged"]]
        if small:
            tones = [one["value"] for one in small if one["stratum"] == TONE]
            known = [tone for tone in tones if tone != UNKNOWN]
            named = f", among them tone groups {', '.join(known)}" if known else ""
            sentences.append(
                f"Too few images to say anything: {len(small)} strata{named}."
            )
        return " ".join(sentences)

    def verdicts(self, metric="balanced_accuracy"):
        """Say of every arm whether it is better on the whole set.

        Args:
            metric: As of `stratum_verdict`.

        Returns:
            Dict of arm to what `stratum_verdict` says. All are judged on the same
            images: what these are too few for is said of the last arm alone.
        """
        said = {arm: self.stratum_verdict(arm, metric) for arm in self.differences}
        whole, *_ = self.arms[self.reference].strata
        _, not_judged = judging_metric(metric, whole)
        for arm in list(said)[:-1]:
            said[arm] = said[arm].removesuffix(not_judged)
        return said

    def stratum_verdict(
        self, arm, metric="balanced_accuracy", stratum="all", value="all"
    ):
        """Say in a sentence whether an arm is better in one stratum; it may say no.

        A difference counts only where its interval leaves out zero, and in a stratum
        only where it also survives the correction for the number of strata
        (`p_adjusted`). Headline metrics of the stratum that moved the other way are
        named too. Where a class is too rare for a mean over the classes, the AUC of
        the positive class takes its place, and a second sentence says so.

        Args:
            arm: name of an arm.
            metric: the metric to judge by, a name of `METRICS`.
            stratum: the variable, such as `tone_group`; `all` for the set.
            value: its value, such as `dark`.

        Returns:
            A sentence or two.

        Raises:
            ValueError: if there is no such arm, metric or stratum.
        """
        if arm not in self.differences or metric not in self.differences[arm][0]:
            raise ValueError(
                f"`arm` must be one of {tuple(self.differences)} and `metric` a name "
                f"of the table. Received: arm={arm!r}, metric={metric!r}"
            )
        index = self._index(stratum, value)
        before = self.arms[self.reference].strata[index]
        after = self.arms[arm].strata[index]
        differences = self.differences[arm][index]
        where = f"the same {after['n']:,} real test images" + (
            "" if stratum == "all" else f" with {stratum_title(stratum)} {value}"
        )
        metric, not_judged = judging_metric(metric, after)
        difference = differences[metric]
        if not after["judged"] or np.isnan(difference["low"]):
            why = after["mark"] or difference["reason"]
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
            for name, other in differences.items()
            if name in HEADLINE
            and name != metric
            and claim(name, other, self.level) not in (0, direction)
            and judging_metric(name, after)[0] == name
        ]
        but = f"; but its {' and '.join(against)}" if against else ""
        return (
            f"{opening}: {self._label(metric)} "
            f"{after['metrics'][metric]['value']:.3f} against "
            f"{before['metrics'][metric]['value']:.3f} on {where} "
            f"({describe_difference(difference, self.level)}; {self._seeds(arm)}){but}."
            f"{not_judged}"
        )

    def _index(self, stratum, value):
        strata = self.arms[self.reference].strata
        known = [(one["stratum"], one["value"]) for one in strata]
        if (stratum, value) not in known:
            raise ValueError(
                f"`stratum` and `value` must be one of {known}. "
                f"Received: stratum={stratum!r}, value={value!r}"
            )
        return known.index((stratum, value))

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

    def _seeds(self, arm):
        if max(self.n_seeds.values()) == 1:
            return "one seed: another can move this by as much"
        return f"{self.n_seeds[arm]} against {self.n_seeds[self.reference]} seeds"

    def _label(self, metric):
        return metrics.metric_label(metric, self.positive)


def compare(
    y_true,
    y_prob,
    classes,
    reference="baseline",
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
    """Compare arms, each of one or more seeds, with a reference on the same images.

    Args:
        y_true: class indices of real images, shape `(n,)`.
        y_prob: dict from arm to probabilities, an array of shape `(n, classes)`, or a
            list of such arrays, one for each seed that the arm was trained with.
        classes, groups, strata, positive, n_replicates, level, stratified, mix: as in
            `evaluate`.
        reference: name of the arm to compare the others with; it may be the only one.
        operating_points: dict from arm to its thresholds as `operating_points` returns
            them, or to a list of these, one for each seed; None leaves them out.
        seed: seed of the bootstrap.

    Returns:
        A `Comparison`; how its intervals are made is said in `METHOD`.

    Raises:
        ValueError: as `evaluate`, or if there is no such reference, an arm without
            predictions, or thresholds that do not match the predictions.

    Example:
        >>> found = compare(y_true, {"float": first, "int8": second}, classes, "float")
        >>> found.differences["int8"][0]["macro_auc"]["low"]
        -0.004
    """
    y_prob = {arm: _of_seeds(one) for arm, one in y_prob.items()}
    n_seeds = {arm: len(of_arm) for arm, of_arm in y_prob.items()}
    points = {arm: [None] * n for arm, n in n_seeds.items()}
    if operating_points is not None:
        points = {arm: _of_seeds(one) for arm, one in operating_points.items()}
    _check_arms(n_seeds, reference, points)
    design = Design(y_true, classes, groups, strata, positive, stratified, mix)
    scorers = {
        arm: list(map(design.scorers, of_arm, points[arm]))
        for arm, of_arm in y_prob.items()
    }
    draws = _draw_means(design, scorers, n_replicates, seed)
    arms = {
        arm: design.evaluation(scorers[arm], draws[arm], y_prob[arm], level, seed)
        for arm in y_prob
    }
    others = [arm for arm in arms if arm != reference]
    of_strata = {arm: found[: len(design.strata)] for arm, found in draws.items()}
    differences = {
        arm: paired_differences(
            arms[reference].strata,
            arms[arm].strata,
            [b - a for a, b in zip(of_strata[reference], of_strata[arm], strict=True)],
            level,
        )
        for arm in others
    }
    tests = {arm: _tests(design, y_prob[reference], y_prob[arm]) for arm in others}
    figures = {
        arm: group_figures(found, design.pairs, scorers[arm][0], draws[arm])
        for arm, found in arms.items()
    }
    changes = group_changes(figures, reference, positive, level)
    return Comparison(reference, arms, n_seeds, differences, tests, changes)


def _of_seeds(given):
    """A list with an entry for each seed, also where one was given without a list."""
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _check_arms(n_seeds, reference, operating_points):
    if reference not in n_seeds:
        raise ValueError(
            f"`reference` must be one of the arms {tuple(n_seeds)}. "
            f"Received: reference={reference!r}"
        )
    if not all(n_seeds.values()):
        raise ValueError(
            f"every arm needs predictions of one seed or more. Received: {n_seeds}"
        )
    points = {arm: len(of_arm) for arm, of_arm in operating_points.items()}
    every = [one or () for of_arm in operating_points.values() for one in of_arm]
    kinds = {tuple(sorted(one)) for one in every}
    if points != n_seeds or len(kinds) != 1:
        raise ValueError(
            "`operating_points` must hold thresholds for the same sensitivities for "
            f"each seed of each arm, {n_seeds}. Received: {points} of sensitivities "
            f"{sorted(kinds)}"
        )


def _draw_means(design, scorers, n_replicates, seed):
    """Each arm's mean over its seeds, with the error that few seeds leave.

    For each scorer an array of shape `(metrics, n_replicates)`.
    """
    flat = [one for of_arm in scorers.values() for of_seed in of_arm for one in of_seed]
    resampled = iter(design.bootstrap(flat, n_replicates, seed))
    estimates = {arm: design.estimates(of_arm) for arm, of_arm in scorers.items()}
    spread = [_pooled_spread(found) for found in zip(*estimates.values(), strict=True)]
    n_seeds = {arm: len(of_arm) for arm, of_arm in scorers.items()}
    errors = _seed_errors(n_seeds, n_replicates, seed)
    draws = {}
    for arm, n in n_seeds.items():
        of_seeds = [[next(resampled) for _ in spread] for _ in range(n)]
        draws[arm] = [
            sum(of_stratum) / n + deviation[:, np.newaxis] * errors[arm]
            for *of_stratum, deviation in zip(*of_seeds, spread, strict=True)
        ]
    return draws


def _pooled_spread(values):
    """Standard deviation between the seeds of one arm, pooled over the arms.

    From `(seeds, metrics)` of each arm to `(metrics,)`: 0 where no arm has a second
    seed. An arm counts where the metric is defined for all its seeds.
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


def _tests(design, reference, arm):
    """DeLong's and McNemar's tests of two models, each of one seed."""
    if len(reference) + len(arm) > 2:
        return {"delong": None, "mcnemar": None}
    pair = [np.asarray(y_prob) for (y_prob,) in (reference, arm)]
    is_positive = design.y_true == design.positive
    delong = None
    if 0 < is_positive.sum() < len(is_positive):
        scores = (y_prob[:, design.positive] for y_prob in pair)
        delong = delong_test(is_positive, *scores, design.cluster)._asdict()
    found = mcnemar_test(
        *(y_prob.argmax(axis=1) == design.y_true for y_prob in pair), design.cluster
    )
    mcnemar = {"only_reference": found.only_a, "only_arm": found.only_b}
    return {"delong": delong, "mcnemar": mcnemar | {"p_value": found.p_value}}


def _columns(prefix, found):
    return {
        prefix: found["value"],
        f"{prefix}_low": found["low"],
        f"{prefix}_high": found["high"],
    }
