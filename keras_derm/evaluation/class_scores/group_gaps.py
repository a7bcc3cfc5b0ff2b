"""Gaps between groups of people, raw and with one mix of diagnoses, sites and ages."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from keras_derm.evaluation.class_scores import metrics, subgroups
from keras_derm.evaluation.class_scores.axes import CROSSED
from keras_derm.evaluation.class_scores.disparities import NOT_GROUPS, RANKED, ROUNDING
from keras_derm.evaluation.class_scores.one_mix import DIAGNOSIS, OneMix
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.evaluation.statistics.multiplicity import holm
from keras_derm.evaluation.statistics.power import GAP, needed_lesions, smallest_gap

POSITIVE, NEGATIVE = 0, 1
SIDES = {
    "sensitivity": (POSITIVE,),
    "specificity": (NEGATIVE,),
    "auc": (POSITIVE, NEGATIVE),
    "balanced_accuracy": (POSITIVE, NEGATIVE),
}
"""Which images a metric depends on; its lesions are counted among the first."""

AT_POINTS = ("sensitivity", "specificity")
KINDS = ("raw", "standardised")
PARTS = ("group", "beside", "gap")
EACH = "each of the two"
COLUMNS = (
    "stratum",
    "group",
    "beside",
    "metric",
    "label",
    "counted",
    "n_lesions",
    "n_lesions_beside",
    *(
        column.format(kind=kind)
        for kind in KINDS
        for column in (
            "{kind}_group",
            "{kind}_beside",
            "{kind}",
            "{kind}_low",
            "{kind}_high",
            "{kind}_reason",
        )
    ),
    "p_value",
    "p_adjusted",
    "n_effective",
    "n_effective_beside",
    "mix",
    "levels",
    "left_out",
    "power_from",
    "smallest_gap",
    "n_needed",
    "needed_in",
)
"""Keys of a gap, and columns of gaps.csv. Lesions are of the class in `counted`; a gap
is the figure of `group` less that of `beside`; `mix` names what both were given one mix
of, `levels` how finely; `power_from` says whose spread the last three go by."""


@dataclass(frozen=True)
class Pair:
    """A group of people and the one it is set beside.

    Args:
        stratum: the variable, such as `tone_group`.
        group, beside: descriptions of the two groups, as `describe_stratum` returns
            them. The other has the most positive lesions of the variable's groups.
        masks: their images, two bool arrays of shape `(n,)`.
        mixes: `OneMix` of the positive images and of the negative ones; empty where
            the group is too small to judge.

    Example:
        >>> [pair.group["value"] for pair in design.pairs]
        ['medium', 'dark', 'male']
    """

    stratum: str
    group: dict
    beside: dict
    masks: tuple
    mixes: tuple

    @property
    def judged(self):
        """Whether the gap can be given."""
        return bool(self.mixes)

    @property
    def groups(self):
        """The two descriptions."""
        return self.group, self.beside

    def lesions(self, side):
        """Positive (0) or negative (1) patients or lesions of the two groups."""
        key = ("n_positive_groups", "n_negative_groups")[side]
        return tuple(one[key] for one in self.groups)


def find_pairs(strata, described, is_positive, variables, cluster, n_clusters):
    """Set each group beside that of its variable which has the most positive lesions.

    Args:
        strata: list of `Stratum`, the whole set first.
        described: for each what `describe_stratum` returned.
        is_positive, cluster: of all images, shape `(n,)`.
        variables: what `as_variables` returned. A group of ages is not weighed by
            age, and so on.
        n_clusters: number of patients or lesions.

    Returns:
        List of `Pair`; a variable of which no group can be judged has none.
    """
    pairs = []
    for name in dict.fromkeys(stratum.name for stratum in strata[1:]):
        groups = [
            (stratum, one)
            for stratum, one in zip(strata, described, strict=True)
            if stratum.name == name and stratum.value not in NOT_GROUPS
        ]
        largest = max(
            (one for _, one in groups if one["judged"]),
            key=lambda one: one["n_positive_groups"],
            default=None,
        )
        if largest is None:
            continue
        (beside,) = (stratum for stratum, one in groups if one is largest)
        own = set(name.split(CROSSED)) - {DIAGNOSIS}
        weighed = {key: kept for key, kept in variables.items() if key not in own}
        for stratum, one in groups:
            if one is largest:
                continue
            masks, mixes = (stratum.mask, beside.mask), ()
            if one["judged"]:
                mixes = _mixes(masks, is_positive, weighed, cluster, n_clusters)
            pairs.append(Pair(name, one, largest, masks, mixes))
    return pairs


def _mixes(masks, is_positive, *given):
    """`OneMix` of the positive images of two groups, and of the negative ones."""
    return tuple(
        OneMix([mask & side for mask in masks], side, *given)
        for side in (is_positive, ~is_positive)
    )


class PairScorer:
    """Figures of both groups and their gaps, as a function of cluster weights.

    Args:
        pair: a `Pair` that is judged.
        scorers: for each of the two a `WeightedCalls` of its images, each with a
            weight of its own.
        cluster: patient or lesion of all images, shape `(n,)`.

    Example:
        >>> scorer = PairScorer(pair, scorers, lesion)
        >>> scorer(np.ones((n_lesions, 1))).reshape(2, 3, len(scorer.names))
    """

    def __init__(self, pair, scorers, cluster):
        self.names = gap_metrics(scorers[0].operating_points)
        self._pair, self._scorers = pair, scorers
        rows = [np.flatnonzero(mask) for mask in pair.masks]
        self._cluster = [cluster[of_group] for of_group in rows]
        self._places = [
            [np.searchsorted(of_group, mix.images[group]) for mix in pair.mixes]
            for group, of_group in enumerate(rows)
        ]

    def __call__(self, weights):
        """Compute all figures, `(2 * 3 * names, replicates)`; NaN where not given.

        They are in the order of `KINDS`, in each of `PARTS`, in each of `names`.

        Args:
            weights: how often each cluster was drawn, `(n_clusters, replicates)`.
        """
        raw = [
            self._figures(scorer, weights[cluster])
            for scorer, cluster in zip(self._scorers, self._cluster, strict=True)
        ]
        standardised = self._standardised(weights)
        return np.concatenate(
            [
                part
                for group, beside in (raw, standardised)
                for part in (group, beside, group - beside)
            ]
        )

    def _standardised(self, weights):
        """Figures of both groups with the mix, `(names, replicates)` each."""
        of_sides = [
            None if mix.reason else mix.weights(weights) for mix in self._pair.mixes
        ]
        found = []
        for group, scorer in enumerate(self._scorers):
            shape = len(self._cluster[group]), weights.shape[1]
            of_images, undefined = np.zeros(shape), []
            for side, of_side in enumerate(of_sides):
                if of_side is None:
                    undefined.append(np.ones(weights.shape[1], dtype=bool))
                    continue
                undefined.append(np.isnan(of_side[group]).any(axis=0))
                of_images[self._places[group][side]] = np.nan_to_num(of_side[group])
            figures = self._figures(scorer, of_images)
            for name, figure in zip(self.names, figures, strict=True):
                for side in _sides(name):
                    figure[undefined[side]] = np.nan
            found.append(figures)
        return found

    def _figures(self, scorer, weights):
        found = scorer.of_calls(weights)
        return np.stack([found[name] for name in self.names])


def gap_metrics(operating_points):
    """Names of the metrics of which gaps are given."""
    return [
        *RANKED,
        *(
            metrics.operating_name(name, sensitivity)
            for sensitivity in operating_points
            for name in AT_POINTS
        ),
    ]


def group_gaps(pairs, estimates, draws, alone, names, positive, level=0.95):
    """Describe every gap, raw and standardised, and what it would take to see one.

    A gap is claimed where the interval of the standardised one leaves out zero and
    `p_adjusted`, Holm's over all gaps of the same metric, is below 0.05. Power is of
    a two-sided test at 5 %, with 80 % to see a gap of 5 points, and goes by the
    spread of the resamples. Where there is none, as in a group too small to judge, it
    is planned by the group beside: as if its figure were 5 points worse in the other.
    Ten lesions are needed in any case, without which no group is judged.

    Args:
        pairs: list of `Pair`.
        estimates, draws: for each pair that is judged what its `PairScorer` gives, of
            the images as they are, `(seeds, rows)`, and in the resamples,
            `(rows, n_replicates)`.
        alone: dict from variable and group to a dict from metric to its figures in
            the resamples, `(n_replicates,)`.
        names: as `gap_metrics` returned them.
        positive: name of the positive class.
        level: coverage of the intervals.

    Returns:
        A list of dicts, one for each pair and metric, with the keys `COLUMNS`.
    """
    rows, found = [], iter(zip(estimates, draws, strict=True))
    for pair in pairs:
        if pair.judged:
            estimate, draw = next(found)
            given = estimate.mean(axis=0), draw, _standard_errors(draw)
        beside = alone[pair.stratum, pair.beside["value"]]
        for place, name in enumerate(names):
            row = _described(pair, name, positive)
            measured = None
            if pair.judged:
                measured = _Measured(*given, place, len(names))
                row |= _gaps(pair, name, positive, measured, level)
            row |= _power(pair, row, measured, beside[name])
            rows.append({key: row[key] for key in COLUMNS})
    for name in names:
        of_name = [row for row in rows if row["metric"] == name]
        adjusted = holm([row["p_value"] for row in of_name])
        for row, p_value in zip(of_name, adjusted, strict=True):
            row["p_adjusted"] = float(p_value)
    return rows


class _Measured:
    """Values, resamples and standard errors of a metric of a pair, by kind and part."""

    def __init__(self, values, draws, errors, place, n_names):
        shape = len(KINDS), len(PARTS), n_names
        self._values = values.reshape(shape)[..., place]
        self._draws = draws.reshape(*shape, -1)[:, :, place]
        self._errors = errors.reshape(shape)[..., place]

    def value(self, kind, part):
        return float(self._values[KINDS.index(kind), PARTS.index(part)])

    def draws(self, kind, part):
        return self._draws[KINDS.index(kind), PARTS.index(part)]

    def interval(self, kind, level):
        """Interval of the gap, or why there is none.

        A group in which every resample gives the same value has too few lesions to
        show an error, or a finding, at all: its spread is not that of the others.
        """
        low, high, reason = bootstrap.percentile_interval(
            self.draws(kind, "gap"), level
        )
        if not reason and min(self.errors(kind)[:2]) < ROUNDING:
            return (
                np.nan,
                np.nan,
                "no interval: every resample gives one the same value",
            )
        return low, high, reason

    def errors(self, kind):
        """Standard errors of the group's figure, of that beside it and of the gap."""
        return self._errors[KINDS.index(kind)]


def _described(pair, name, positive):
    """What is known of a gap before anything is measured."""
    side = _sides(name)[0]
    n_lesions, n_beside = pair.lesions(side)
    nothing = dict.fromkeys(COLUMNS, np.nan)
    nothing |= {f"{kind}_reason": pair.group["mark"] for kind in KINDS}
    return nothing | {
        "stratum": pair.stratum,
        "group": pair.group["value"],
        "beside": pair.beside["value"],
        "metric": name,
        "label": metrics.metric_label(name, positive),
        "counted": _kind(side, positive),
        "n_lesions": n_lesions,
        "n_lesions_beside": n_beside,
        "mix": "",
        "levels": "",
        "left_out": "",
        "needed_in": "",
        "power_from": "",
    }


def _gaps(pair, name, positive, measured, level):
    """Both gaps with intervals, and by which weights the second was made."""
    found, sides = {}, _sides(name)
    mixes = [pair.mixes[side] for side in sides]
    kinds = [_kind(side, positive) for side in sides]
    why = "; ".join(
        f"{kind}: {mix.reason}"
        for kind, mix in zip(kinds, mixes, strict=True)
        if mix.reason
    )
    for kind in KINDS:
        low, high, reason = measured.interval(kind, level)
        if kind == "standardised" and why:
            reason = why
        found |= {
            f"{kind}_group": measured.value(kind, "group"),
            f"{kind}_beside": measured.value(kind, "beside"),
            kind: measured.value(kind, "gap"),
            f"{kind}_low": low,
            f"{kind}_high": high,
            f"{kind}_reason": reason,
        }
    if not found["standardised_reason"]:
        draws = measured.draws("standardised", "gap")
        found["p_value"] = bootstrap.two_sided_p_value(draws)
    found["n_effective"], found["n_effective_beside"] = mixes[0].n_effective
    # The others' first, who are weighed by diagnosis too.
    weighed = (name for mix in reversed(mixes) for name in mix.levels)
    found["mix"] = _listed(map(subgroups.stratum_title, weighed))
    found["levels"] = "; ".join(
        f"{kind}: {_told_apart(mix.levels)}"
        for kind, mix in zip(kinds, mixes, strict=True)
        if mix.levels
    )
    found["left_out"] = _listed(one for mix in mixes for one in mix.left_out)
    return found


def _power(pair, row, measured, beside):
    """Smallest gap that can be told, and the lesions that one of 5 points takes."""
    n_lesions = row["n_lesions"], row["n_lesions_beside"]
    for kind in reversed(KINDS):
        if measured is not None and not np.isnan(row[f"{kind}_low"]):
            *errors, of_gap = measured.errors(kind)
            found = {"power_from": kind, "smallest_gap": float(smallest_gap(of_gap))}
            return found | _needed(pair, np.square(errors), n_lesions)
    of_beside = _standard_errors(beside) ** 2
    if of_beside < ROUNDING**2:
        return {}
    n_lesions = max(n_lesions[0], 1), n_lesions[1]
    of_group = of_beside * _worse(np.nanmedian(beside))
    variances = of_group * n_lesions[1] / n_lesions[0], of_beside
    return {"power_from": f"spread of {pair.beside['value']}"} | _needed(
        pair, variances, n_lesions
    )


def _needed(pair, variances, n_lesions):
    names = pair.group["value"], pair.beside["value"]
    order = np.argsort(n_lesions, kind="stable")
    needed, in_each = needed_lesions(
        [variances[i] for i in order], [n_lesions[i] for i in order]
    )
    return {
        "n_needed": max(needed, subgroups.LEAST_POSITIVES),
        "needed_in": EACH if in_each else names[order[0]],
    }


def _worse(value):
    """How much wider a share spreads that is 5 points worse: binomial variances."""
    value = float(np.clip(value, 0.01, 0.99))
    worse = value - GAP if value > GAP else value + GAP
    return worse * (1 - worse) / (value * (1 - value))


def _standard_errors(draws):
    """Standard errors from the widths of 95 % intervals, `(...)` of `(..., n)`.

    The error of few seeds is drawn from Student's t, which need not have a variance.
    NaN where a figure is never defined.
    """
    errors = np.full(draws.shape[:-1], np.nan)
    defined = ~np.isnan(draws).all(axis=-1)
    low, high = np.nanquantile(draws[defined], [0.025, 0.975], axis=-1)
    errors[defined] = (high - low) / (2 * norm.ppf(0.975))
    return errors


def _listed(names):
    return ", ".join(dict.fromkeys(names))


def _told_apart(levels):
    return _listed(f"{subgroups.stratum_title(name)} {n}" for name, n in levels.items())


def _sides(name):
    return SIDES[name.partition("_at_")[0]]


def _kind(side, positive):
    return positive if side == POSITIVE else f"non-{positive}"
