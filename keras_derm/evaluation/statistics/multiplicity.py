"""Correction of p-values where many strata are read side by side.

Among twenty strata in which nothing differs one shows p < 0.05 by chance. Both
corrections leave NaN (nothing could be tested) out of the count.
"""

import numpy as np
from scipy.stats import false_discovery_control


def holm(p_values):
    """Adjust so that the chance of even one false claim stays below the level.

    Args:
        p_values: array of shape `(n,)`, in [0, 1] or NaN. They may depend on each
            other in any way, as overlapping strata do.

    Returns:
        Adjusted p-values, shape `(n,)`: claim what is below 0.05.

    Reference:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    return _adjust(p_values, _holm)


def benjamini_hochberg(p_values):
    """Adjust so that of the claims made at most that share is false on average.

    Args:
        p_values: as in `holm`.

    Returns:
        Adjusted p-values, shape `(n,)`.

    Reference:
        Benjamini and Hochberg, Controlling the False Discovery Rate (1995).
    """
    return _adjust(p_values, false_discovery_control)


def _adjust(p_values, method):
    p_values = np.asarray(p_values, dtype=np.float64)
    tested = ~np.isnan(p_values)
    if not ((p_values[tested] >= 0) & (p_values[tested] <= 1)).all():
        raise ValueError(
            f"`p_values` must be in [0, 1] or NaN. Received: {p_values.tolist()}"
        )
    adjusted = np.full(p_values.shape, np.nan)
    if tested.any():
        adjusted[tested] = method(p_values[tested])
    return adjusted


def _holm(p_values):
    order = np.argsort(p_values)
    remaining = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * remaining), 1)
    return adjusted
