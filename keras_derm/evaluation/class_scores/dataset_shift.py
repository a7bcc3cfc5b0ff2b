"""Are photographs like those that something was fitted on? A test of dataset shift.

What a model says of photographs of another clinic is spread otherwise than what it says
of those that it was judged on. Of each thing that is told of a photograph (the
probability of each class, its colour) the distributions are compared by the two-sample
test of Kolmogorov and Smirnov, and shift is found where any of them differs.

Reference:
    Rabanser, Guennemann and Lipton, "Failing Loudly: An Empirical Study of Methods for
    Detecting Dataset Shift" (NeurIPS 2019): univariate tests of the softmax of a
    classifier, with Bonferroni's correction, found shift best of what they compared.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEAST_PHOTOGRAPHS = 30
"""New photographs below which they are not compared: what differs would not be seen."""

SIGNIFICANCE = 0.05
MOST_VALUES = 101


@dataclass(frozen=True)
class ShiftReference:
    """Distributions that new photographs are compared with.

    Args:
        n: dict from what is told of a photograph to the number of photographs of which
            it is known.
        values: dict from it to some of its values, rising.
        shares: dict from it to the share of photographs at or below each of these.

    Example:
        >>> reference = fit_shift_reference({"MEL": val_prob[:, 0], "ita": val_ita})
        >>> ShiftTest(reference).add({"MEL": y_prob[:, 0], "ita": ita}).found()
    """

    n: dict
    values: dict
    shares: dict

    def median(self, name):
        """Median of what is told, as near as its values are."""
        return _median(self.values[name], self.shares[name])


@dataclass(frozen=True)
class Shift:
    """How one thing differs between the photographs of a reference and others.

    Args:
        name: What is told of a photograph.
        distance: Largest difference of the distribution functions, in [0, 1].
        p: p-value by Bonferroni.
        median, median_of_reference: of the new photographs and of the reference.

    Example:
        >>> str(Shift("MEL", 0.4, 1e-6, 0.31, 0.06))
        'MEL is higher (median 0.31, there 0.06)'
    """

    name: str
    distance: float
    p: float
    median: float
    median_of_reference: float

    def __str__(self):
        if self.median == self.median_of_reference:
            how = "spread otherwise"
        else:
            how = "higher" if self.median > self.median_of_reference else "lower"
        return (
            f"{self.name} is {how} (median {self.median:.2g}, there "
            f"{self.median_of_reference:.2g})"
        )


def fit_shift_reference(told):
    """Keep the distributions of what is told of photographs.

    Args:
        told: dict from a name to its values, `(n,)`; NaN where it is not known.

    Returns:
        A `ShiftReference`. Of more than 101 different values it keeps the quantiles.
    """
    n, values, shares = {}, {}, {}
    for name, found in told.items():
        known = _known(found)
        if not len(known):
            continue
        kept = np.unique(known)
        if len(kept) > MOST_VALUES:
            levels = np.linspace(0, 1, MOST_VALUES)
            kept = np.unique(np.quantile(known, levels, method="inverted_cdf"))
        n[name], values[name] = len(known), kept.tolist()
        shares[name] = _shares_below(known, kept).tolist()
    return ShiftReference(n, values, shares)


class ShiftTest:
    """Compares photographs with a reference as they come; memory does not grow.

    Args:
        reference: `ShiftReference`.

    Example:
        >>> test = ShiftTest(reference)
        >>> for batch in batches:
        ...     test.add(batch)
        >>> [str(shift) for shift in test.found()]
        ['MEL is higher (median 0.31, there 0.06)']
    """

    def __init__(self, reference):
        self.reference = reference
        self._n = dict.fromkeys(reference.n, 0)
        self._below = {
            name: np.zeros(len(values)) for name, values in reference.values.items()
        }

    @property
    def n(self):
        """New photographs so far."""
        return max(self._n.values(), default=0)

    def add(self, told):
        """Take up photographs.

        Args:
            told: As of `fit_shift_reference`; every name of the reference.

        Returns:
            This test.
        """
        for name, below in self._below.items():
            known = _known(told[name])
            self._n[name] += len(known)
            below += len(known) * _shares_below(known, self.reference.values[name])
        return self

    def found(self, significance=SIGNIFICANCE):
        """What differs, the strongest first.

        Args:
            significance: Chance of finding something among photographs like those of
                the reference.

        Returns:
            List of `Shift`, empty where nothing differs by more than chance.
        """
        shifts = [self._shift(name) for name, n in self._n.items() if n]
        found = [shift for shift in shifts if shift.p < significance]
        return sorted(found, key=lambda shift: -shift.distance)

    def _shift(self, name):
        reference, n = self.reference, self._n[name]
        shares = self._below[name] / n
        distance = np.abs(shares - reference.shares[name]).max()
        effective = n * reference.n[name] / (n + reference.n[name])
        p = stats.kstwobign.sf(distance * np.sqrt(effective)) * len(self._n)
        medians = (
            _median(reference.values[name], shares),
            self.reference.median(name),
        )
        return Shift(name, float(distance), float(min(1.0, p)), *medians)


def _known(values):
    values = np.asarray(values, "float64")
    return values[~np.isnan(values)]


def _shares_below(known, values):
    """Share of values at or below each of others; zero where there is none."""
    return np.searchsorted(np.sort(known), values, side="right") / max(len(known), 1)


def _median(values, shares):
    """The least of the values that half are at or below, the greatest where none is."""
    return float(values[min(np.searchsorted(shares, 0.5), len(values) - 1)])
