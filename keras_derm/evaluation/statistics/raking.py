"""Weights that give a sample the shares of another, and what they cost."""

import numpy as np

LARGEST_WEIGHT = 5.0
"""In units of the mean weight."""

MOST_CYCLES = 200
MOST_CUTS = 10


def rake(counts, levels, shares, start=None, tolerance=1e-9):
    """Weigh the cells of a table until its margins have given shares.

    Every cycle brings one margin after the other to its shares (iterative
    proportional fitting), then cuts weights above five times the mean, so that no
    few images decide the figure. Only the margins are brought to their shares, which
    sparse cells do not hinder as they do where every cell is weighed for itself.

    Args:
        counts: images in each cell, shape `(cells, replicates)`, non-negative.
        levels: for each margin the level of each cell, int arrays of shape
            `(cells,)`, from 0.
        shares: for each margin the shares its levels shall have, arrays of shape
            `(levels,)` with the sum 1.
        start: weights to begin with, shape `(cells, 1)`; 1 by default.
        tolerance: cycles end where no level is further than this from its share, or
            after 200.

    Returns:
        `(weights, imbalance)`: float64 arrays of shape `(cells, replicates)`, with
        the mean 1 over the images, and `(replicates,)`, the largest difference of a
        level from its share that is left. A level without images cannot be weighed,
        and is left as it is.

    Reference:
        Deming and Stephan, Annals of Mathematical Statistics 11 (1940). Cut within
        the cycles at five times the mean: DeBell and Krosnick, Computing Weights for
        American National Election Study Survey Data (2009).

    Example:
        >>> weights, _ = rake(np.array([[30.0], [10.0]]), [[0, 1]], [[0.5, 0.5]])
        >>> weights[:, 0]
        array([0.66666667, 2.        ])
    """
    counts = np.asarray(counts, dtype=np.float64)
    weights = np.ones_like(counts) if start is None else np.tile(start, counts.shape[1])
    margins = [
        (np.asarray(level), np.asarray(share, dtype=np.float64)[:, np.newaxis])
        for level, share in zip(levels, shares, strict=True)
    ]
    imbalance = _imbalance(counts, weights, margins)
    going = np.flatnonzero(imbalance > tolerance)
    for _ in range(MOST_CYCLES):
        if not len(going):
            break
        weights[:, going] = _cycle(counts[:, going], weights[:, going], margins)
        imbalance[going] = _imbalance(counts[:, going], weights[:, going], margins)
        going = going[imbalance[going] > tolerance]
    return weights / _mean(counts, weights), imbalance


def effective_n(weights):
    """Size of an unweighted sample that would tell as much, after Kish.

    Args:
        weights: of patients or lesions, shape `(n, ...)`, non-negative.

    Returns:
        `(sum of weights)^2 / (sum of squared weights)`, shape `(...)`: n for equal
        weights, less for unequal ones, 0 where all are 0.

    Reference:
        Kish, Survey Sampling (1965).
    """
    weights = np.asarray(weights, dtype=np.float64)
    total, squares = weights.sum(axis=0), (weights**2).sum(axis=0)
    return np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)


def _cycle(counts, weights, margins):
    for level, share in margins:
        found = _shares(counts * weights, level, len(share))
        factor = np.divide(share, found, out=np.ones_like(found), where=found > 0)
        weights = weights * factor[level]
    for _ in range(MOST_CUTS):  # each makes the mean smaller
        largest = LARGEST_WEIGHT * _mean(counts, weights)
        if (weights <= largest).all():
            break
        weights = np.minimum(weights, largest)
    return weights


def _imbalance(counts, weights, margins):
    """Largest difference from a share, `(replicates,)`; 0 without margins."""
    apart = [
        np.abs(_shares(counts * weights, level, len(share)) - share).max(axis=0)
        for level, share in margins
    ]
    return np.max(apart, axis=0) if apart else np.zeros(counts.shape[1])


def _shares(weighted, level, n_levels):
    """Share of each level, `(levels, replicates)`; 0 where nothing is there."""
    belongs = (np.arange(n_levels)[:, np.newaxis] == level).astype(np.float64)
    sums, total = belongs @ weighted, weighted.sum(axis=0)
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)


def _mean(counts, weights):
    """Mean weight of the images of each replicate; 1 where there are none."""
    n = counts.sum(axis=0)
    total = (counts * weights).sum(axis=0)
    return np.divide(total, n, out=np.ones_like(n), where=total > 0)
