"""Two groups brought to one mix of diagnoses, sites and ages by weights."""

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores.subgroups import LEAST_POSITIVES, UNKNOWN
from keras_derm.evaluation.class_scores.weighted_ranking import incidence
from keras_derm.evaluation.statistics.raking import effective_n, rake

DIAGNOSIS = "diagnosis"
LEAST_IN_LEVEL = 5
"""Lesions of a diagnosis, site or age that each of two groups has to have."""

LEAST_COVERED = 0.80
"""Share of the mix that the diagnoses which both groups have must make up."""

MOST_IMBALANCE = 0.02
"""Of the share of a diagnosis, site or age from that of the mix, after weighing."""

RESAMPLED_TOLERANCE = 1e-4


class OneMix:
    """Weights by which the images of two groups have the mix of the whole test set.

    The positive images are weighed among themselves, and so are the negative ones:
    sensitivity depends on the sites and ages of the melanomas alone, specificity on
    who the others are, AUC on both. The rules for what is rare:

    - A diagnosis of which one of the two groups has fewer than five lesions is left
      out of both, and named: nothing can stand for it. Where less than 80 % of the
      mix remains, there are no weights.
    - Levels of any other variable, such as sites, are taken together until both
      groups have five lesions: neighbours where the levels have an order, else the
      rarest.
    - Weights are raked over the margins and cut at five times their mean. Where that
      leaves a share more than 2 points from the mix, or an effective n below ten
      lesions, there are no weights.

    Args:
        pair: bool arrays of shape `(n,)`: the images of the two groups, positive ones
            alone or negative ones alone.
        whole: bool array of shape `(n,)`: all such images, whose mix it shall be.
        variables: dict from `diagnosis`, and names of other variables, to a
            `pandas.Categorical` of `n` values; missing is a level too.
        cluster, n_clusters: patient or lesion of each image, shape `(n,)`, and their
            number.

    Attributes:
        reason: why there are no weights; empty where there are.
        left_out: names of the diagnoses that are left out.
        covered: share of the mix that remains, in [0, 1].
        levels: dict from each variable that is weighed to the number of its levels
            that are told apart.
        images: for each group the indices of the images that are weighed.
        n_effective: effective number of lesions of each group, after Kish.

    Reference:
        Raking: Kolenikov, Stata Journal 14 (2014); anew in each resample: the same,
        10 (2010). As balance of two groups: Hainmueller, Political Analysis 20 (2012).

    Example:
        >>> others = y_true != melanoma
        >>> pair = others & (tone == "dark"), others & (tone == "light")
        >>> mix = OneMix(pair, others, {"diagnosis": diagnosis}, lesion, n_lesions)
        >>> of_dark, of_light = mix.weights(np.ones((n_lesions, 1)))
    """

    def __init__(self, pair, whole, variables, cluster, n_clusters):
        self._cluster, self._n_clusters = cluster, n_clusters
        self.levels, self.n_effective, self._last = {}, (0.0, 0.0), None
        supported = self._leave_out(pair, whole, variables[DIAGNOSIS])
        self.images = [np.flatnonzero(mask & supported) for mask in pair]
        self.reason = self._not_covered()
        if not self.reason:
            self._lay_out(np.flatnonzero(whole & supported), variables)
            self.reason = self._weigh()

    def weights(self, clusters):
        """Weigh the images of both groups, for many weightings of the clusters.

        The weights are fitted anew in each resample, to the mix of the whole set as
        it is, so that intervals hold what the weights themselves are unsure of.

        Args:
            clusters: how often each was drawn, shape `(n_clusters, replicates)`.

        Returns:
            For each group an array of shape `(its images, replicates)`, NaN in a
            replicate that cannot be given the mix.
        """
        # Every arm and seed is judged on the same draws: they are fitted once.
        if self._last is None or self._last[0] is not clusters:
            fitted = [
                self._fit(group, clusters, RESAMPLED_TOLERANCE) for group in (0, 1)
            ]
            self._last = clusters, fitted
        return [
            clusters[self._cluster[images]] * of_cells[self._cell[images]]
            for images, of_cells in zip(self.images, self._last[1], strict=True)
        ]

    def _leave_out(self, pair, whole, diagnosis):
        """Whether each image is of a diagnosis that both groups have: `(n,)`."""
        counts = np.stack([self._lesions(mask, diagnosis) for mask in pair])
        kept = counts.min(axis=0) >= LEAST_IN_LEVEL
        supported = kept[diagnosis.codes]
        present = np.bincount(diagnosis.codes[whole], minlength=len(kept)) > 0
        self.left_out = list(diagnosis.categories[present & ~kept])
        self.covered = float(supported[whole].mean()) if whole.any() else 0.0
        return supported

    def _not_covered(self):
        if self.covered >= LEAST_COVERED:
            return ""
        return (
            f"only {self.covered:.0%} of the mix is of diagnoses of which both have "
            f"{LEAST_IN_LEVEL} lesions, without {', '.join(self.left_out)}"
        )

    def _lay_out(self, whole, variables):
        """Lay out cells and the shares that the whole has of each margin."""
        margins = []
        for name, values in variables.items():
            level = self._level(values, name)
            if level[whole].max() > 0:
                self.levels[name] = int(level[whole].max()) + 1
                margins.append(level)
        cell = np.zeros(len(self._cluster), dtype=int)
        for level in margins:
            cell = cell * (level.max() + 1) + level
        _, first, self._cell = np.unique(cell, return_index=True, return_inverse=True)
        self._levels = [level[first] for level in margins]
        self._shares = [np.bincount(level[whole]) / len(whole) for level in margins]
        shape = len(first), self._n_clusters
        self._counts = [
            incidence(self._cell[images], self._cluster[images], shape)
            for images in self.images
        ]

    def _level(self, values, name):
        """Number of each image's level, `(n,)`, after what is rare was joined.

        Ordered levels stay in their order, others come by their number of lesions, so
        that the rarest stand last and are joined with each other.
        """
        masks = [np.isin(np.arange(len(values)), images) for images in self.images]
        counts = np.stack([self._lesions(mask, values) for mask in masks])
        if name == DIAGNOSIS:
            kept = np.flatnonzero(counts.min(axis=0) >= LEAST_IN_LEVEL)
            number = np.zeros(counts.shape[1], dtype=int)
            number[kept] = np.arange(len(kept))
            return number[values.codes]
        order = np.arange(counts.shape[1])
        if not values.ordered:
            order = np.argsort(-counts.min(axis=0), kind="stable")
        number, joined, so_far = np.zeros_like(order), 0, np.zeros(2)
        for level in order:
            number[level] = joined
            so_far += counts[:, level]
            if so_far.min() >= LEAST_IN_LEVEL:
                joined, so_far = joined + 1, np.zeros(2)
        # What is left over at the end is too little to stand alone.
        return np.minimum(number, max(joined - 1, 0))[values.codes]

    def _lesions(self, mask, values):
        """Number of lesions of each level among the images of a mask."""
        pairs = np.unique(np.stack([values.codes[mask], self._cluster[mask]]), axis=1)
        return np.bincount(pairs[0], minlength=len(values.categories))

    def _weigh(self):
        """Weigh the images as they are; return why the weights are unsound, or ""."""
        as_they_are, self._start = np.ones((self._n_clusters, 1)), None
        self._start = [self._fit(group, as_they_are, 1e-9) for group in (0, 1)]
        if np.isnan(self._start).any():
            names = " and ".join(self.levels)
            return f"no weights give both groups the mix of {names}"
        self.n_effective = tuple(
            float(effective_n(self._of_lesions(group))) for group in (0, 1)
        )
        if min(self.n_effective) >= LEAST_POSITIVES:
            return ""
        return (
            f"weighed to the mix, they tell as much as {min(self.n_effective):.0f} "
            "lesions would: too few to judge"
        )

    def _of_lesions(self, group):
        """Weight of each patient or lesion of a group, `(n_clusters,)`."""
        images = self.images[group]
        weights = self._start[group][self._cell[images], 0]
        return np.bincount(self._cluster[images], weights, self._n_clusters)

    def _fit(self, group, clusters, tolerance):
        """Weights of the cells, `(cells, replicates)`."""
        start = self._start[group] if self._start else None
        weights, imbalance = rake(
            self._counts[group] @ clusters,
            self._levels,
            self._shares,
            start,
            tolerance,
        )
        weights[:, imbalance > MOST_IMBALANCE] = np.nan
        return weights


def as_variables(variables, n):
    """Check the variables of a mix, as `pandas.Categorical` without missing values.

    Raises:
        ValueError: if one has another shape than `(n,)`, or there is no `diagnosis`.
    """
    found = {}
    for name, values in variables.items():
        if np.shape(values) != (n,):
            raise ValueError(
                f"`mix` needs an array of shape {(n,)} for `{name}`. "
                f"Received: shape {np.shape(values)}"
            )
        values = pd.Categorical(values)
        if values.isna().any():
            if UNKNOWN not in values.categories:
                values = values.add_categories([UNKNOWN])
            values = values.fillna(UNKNOWN)
        found[name] = values
    if DIAGNOSIS not in found:
        raise ValueError(
            f"`mix` needs `{DIAGNOSIS}`, an array of shape {(n,)}. "
            f"Received: {sorted(found)}"
        )
    return found
