"""Exact test of two models' decisions on the same images."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from keras_derm.evaluation.statistics.bootstrap import cluster_index


class McNemarTest(NamedTuple):
    """Who was right where the other was wrong.

    Args:
        only_a: patients, lesions or images on which A was right more often.
        only_b: those on which B was.
        p_value: two-sided, exact.

    Example:
        >>> mcnemar_test([True, True, False], [True, False, True])
        McNemarTest(only_a=1, only_b=1, p_value=1.0)
    """

    only_a: int
    only_b: int
    p_value: float


def mcnemar_test(correct_a, correct_b, groups=None):
    """Test whether two models are right equally often on the same images.

    Of images that belong together only their balance counts: a lesion speaks for A
    where A is right on more of its photographs than B. With one image each this is
    McNemar's exact test.

    Args:
        correct_a, correct_b: bool arrays of shape `(n,)`: where A is right, and B.
        groups: as in `delong_covariance`.

    Returns:
        A `McNemarTest`; the p-value is 1 where the models never differ.

    Raises:
        ValueError: if the shapes differ.

    Reference:
        McNemar, Psychometrika 12 (1947).
    """
    correct_a, correct_b = np.asarray(correct_a, bool), np.asarray(correct_b, bool)
    if correct_a.shape != correct_b.shape or correct_a.ndim != 1:
        raise ValueError(
            "`correct_a` and `correct_b` must have one shape (n,). "
            f"Received: shapes {correct_a.shape} and {correct_b.shape}"
        )
    cluster, n_clusters = cluster_index(groups, len(correct_a))
    lead = correct_b.astype(np.int64) - correct_a.astype(np.int64)
    balance = np.bincount(cluster, lead, n_clusters)
    only_a, only_b = int((balance < 0).sum()), int((balance > 0).sum())
    n = only_a + only_b
    p_value = binomtest(only_b, n).pvalue if n else 1.0
    return McNemarTest(only_a, only_b, float(p_value))
