"""How small a gap between two groups can be told, and how many lesions one takes."""

import math

import numpy as np
from scipy.stats import norm

POWER = 0.80
LEVEL = 0.95
GAP = 0.05
"""A gap worth telling: five points of sensitivity, specificity or AUC."""


def smallest_gap(standard_error, power=POWER, level=LEVEL):
    """Smallest true gap that is told from none as often as `power` says.

    Args:
        standard_error: of the gap, such as the standard deviation of its resamples.
        power: share of repetitions of the study that shall tell it, in (0, 1).
        level: of the two-sided interval that has to leave out zero, in (0, 1).

    Returns:
        The gap, 2.80 standard errors by default.

    Reference:
        Bloom, Minimum Detectable Effects, Evaluation Review 19 (1995).
    """
    return (norm.ppf((1 + level) / 2) + norm.ppf(power)) * standard_error


def needed_lesions(variances, n_lesions, gap=GAP, power=POWER, level=LEVEL):
    """Lesions that it takes to tell a gap, where variances fall as 1 / n.

    Args:
        variances: of the figure of the smaller group and of that of the larger one.
        n_lesions: lesions that each of the two has, at least 1.
        gap: the true gap to be told, positive.
        power, level: as in `smallest_gap`.

    Returns:
        `(n, in_each)`: lesions needed in the smaller group beside the larger one as
        it is, and False. Where even as many as the larger has would not do, what is
        needed in each of the two, and True.

    Raises:
        ValueError: if the gap is not positive or a group has no lesion.

    Example:
        >>> needed_lesions((0.25 / 50, 0.25 / 5000), (50, 5000))
        (931, False)
    """
    if gap <= 0 or min(n_lesions) < 1:
        raise ValueError(
            "`gap` must be positive, and each group have a lesion. "
            f"Received: gap={gap}, n_lesions={tuple(n_lesions)}"
        )
    smaller, larger = (
        variance * n for variance, n in zip(variances, n_lesions, strict=True)
    )
    wanted = (gap / smallest_gap(1, power, level)) ** 2
    left = wanted - variances[1]
    alone = smaller / left if left > 0 else np.inf
    in_each = alone > n_lesions[1]
    n = (smaller + larger) / wanted if in_each else alone
    return math.ceil(n), in_each
