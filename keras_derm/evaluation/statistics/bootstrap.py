"""Percentile bootstrap that resamples patients or lesions, not images.

Photographs of one patient resemble each other; resampling them one by one makes
intervals too narrow. The intervals cover the choice of test images only: not the
luck of a training run, for which train several seeds.
"""

import numpy as np

CHUNK = 250
LEAST_DEFINED = 0.9


def cluster_index(groups, n):
    """Number patients or lesions from 0; without `groups` each image is its own.

    Returns:
        `(index, n_groups)`: int array of shape `(n,)`, and the number of groups.

    Raises:
        ValueError: if `groups` has another length or holds a missing label.
    """
    if groups is None:
        return np.arange(n), n
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(
            f"`groups` must have shape {(n,)}. Received: shape {groups.shape}"
        )
    missing = groups != groups
    if groups.dtype == object:
        missing = np.array([label is None or label != label for label in groups])
    if missing.any():
        raise ValueError(
            "`groups` must name a patient or lesion for every image. Received: no "
            f"label at row {np.flatnonzero(missing)[0]}"
        )
    labels, index = np.unique(groups, return_inverse=True)
    return index, len(labels)


def cluster_class(y_true, cluster, n_clusters):
    """Name one class for each cluster, `(n_clusters,)`: the rarest of its images.

    A lesion has one diagnosis, a patient may have several; the rarest is the one
    that a replicate should not lose.
    """
    commonest_first = np.argsort(-np.bincount(y_true), kind="stable")
    rarity = np.argsort(commonest_first)
    rarest = np.zeros(n_clusters, dtype=np.int64)
    np.maximum.at(rarest, cluster, rarity[y_true])
    return commonest_first[rarest]


def cluster_weights(n_clusters, n_replicates=2000, seed=0, strata=None):
    """Draw how often each cluster occurs in each replicate.

    Args:
        n_clusters: number of clusters, drawn with replacement that many times.
        n_replicates, seed: number and seed of the draws.
        strata: a label for each cluster, shape `(n_clusters,)`; each replicate then
            holds as many clusters of each label as there are. None draws from all.

    Yields:
        float64 arrays of shape `(n_clusters, at most 250)`; their columns together
        are the replicates. Each column sums to `n_clusters`.
    """
    generator = np.random.default_rng(seed)
    labels = np.zeros(n_clusters) if strata is None else np.asarray(strata)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for start in range(0, n_replicates, CHUNK):
        width = min(CHUNK, n_replicates - start)
        weights = np.zeros((n_clusters, width))
        for rows in members:
            drawn = generator.integers(0, len(rows), size=(len(rows), width))
            cell = drawn * width + np.arange(width)
            counts = np.bincount(cell.ravel(), minlength=len(rows) * width)
            weights[rows] = counts.reshape(len(rows), width)
        yield weights


def bootstrap(statistics, n_clusters, n_replicates=2000, seed=0, strata=None):
    """Evaluate statistics on the same resamples of the clusters, see `cluster_weights`.

    Args:
        statistics: functions of weights `(n_clusters, r)` that return an array
            `(names, r)`, such as `WeightedMetrics`. All see the same draws, so
            that the difference of two of them is a paired bootstrap.

    Returns:
        A list of arrays `(names, n_replicates)`, one for each statistic.
    """
    if n_replicates < 1:
        raise ValueError(
            f"`n_replicates` must be at least 1. Received: n_replicates={n_replicates}"
        )
    parts = [[] for _ in statistics]
    for weights in cluster_weights(n_clusters, n_replicates, seed, strata):
        for part, statistic in zip(parts, statistics, strict=True):
            part.append(statistic(weights))
    return [np.concatenate(part, axis=1) for part in parts]


def values_with_intervals(statistic, n_clusters, n_replicates, seed, level):
    """Values of a statistic on the images as they are, low and high: `(names, 3)`."""
    values = statistic(np.ones((n_clusters, 1)))
    (draws,) = bootstrap([statistic], n_clusters, n_replicates, seed)
    intervals = [percentile_interval(draw, level)[:2] for draw in draws]
    return np.column_stack([values, intervals])


def means_with_intervals(values, groups, n_replicates=2000, seed=0, level=0.95):
    """Means over images with their intervals, all on the same resamples.

    Columns of differences within an image (after minus before) give paired intervals.

    Args:
        values: array of shape `(n, names)`; NaN is left out of its column.
        groups: patient or lesion of each image, shape `(n,)`, or None.
        n_replicates, seed, level: as in `bootstrap` and `percentile_interval`.

    Returns:
        float64 array of shape `(names, 3)`: mean, low, high. Low and high are NaN where
        there is no interval: nothing is known, or every resample gives the same.

    Example:
        >>> means_with_intervals(np.stack([flipped, after - before], 1), lesion)
    """
    values = np.asarray(values, dtype=np.float64)
    cluster, n_clusters = cluster_index(groups, len(values))
    if not n_clusters:
        return np.full((values.shape[1], 3), np.nan)
    sums, counts = (np.zeros((n_clusters, values.shape[1])) for _ in range(2))
    np.add.at(sums, cluster, np.nan_to_num(values))
    np.add.at(counts, cluster, ~np.isnan(values))

    def means(weights):
        with np.errstate(invalid="ignore"):
            return (sums.T @ weights) / (counts.T @ weights)

    found = values_with_intervals(means, n_clusters, n_replicates, seed, level)
    found[found[:, 1] == found[:, 2], 1:] = np.nan
    return found


def percentile_interval(replicates, level=0.95):
    """Interval between the outer percentiles of the replicates.

    Replicates in which the statistic is not defined (no positive image was drawn)
    are left out; where they are more than a tenth, there is no interval.

    Returns:
        `(low, high, reason)`; both NaN, with the reason, where there is none.
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be in (0, 1). Received: level={level}")
    defined = replicates[~np.isnan(replicates)]
    share = len(defined) / len(replicates)
    if share < LEAST_DEFINED:
        reason = f"no interval: not defined in {1 - share:.0%} of the resamples"
        return np.nan, np.nan, reason
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high), ""


def two_sided_p_value(replicates):
    """Probability of a difference this far from zero, had there been none.

    The p-value belongs to the percentile interval: it is below 0.05 where the 95 %
    interval leaves out zero. With n replicates it is never below 2 / (n + 1), and it
    is NaN where more than a tenth is not defined.
    """
    defined = replicates[~np.isnan(replicates)]
    if len(defined) < LEAST_DEFINED * len(replicates):
        return np.nan
    rarer = min((defined <= 0).sum(), (defined >= 0).sum())
    return float(min(2 * (rarer + 1) / (len(defined) + 1), 1))
