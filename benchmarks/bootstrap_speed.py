"""Seconds to compare two models with intervals: 2,000 resamples, 10,000 predictions.

Usage: python benchmarks/bootstrap_speed.py
"""

import time

import numpy as np
from jsonargparse import auto_cli

from keras_derm.evaluation import compare, evaluate

LIMIT_SECONDS = 30


def main(n: int = 10_000, n_classes: int = 8, n_replicates: int = 2000) -> None:
    """Time `evaluate` and `compare` with 20 strata, every metric, by lesion.

    Args:
        n: Predictions.
        n_classes: Classes.
        n_replicates: Resamples of the lesions.
    """
    generator = np.random.default_rng(0)
    classes = tuple(f"class {k}" for k in range(n_classes))
    y_true = generator.integers(0, n_classes, n)
    first, second = generator.dirichlet(np.ones(n_classes), (2, n))
    options = {
        "classes": classes,
        "groups": generator.integers(0, 7 * n // 10, n),
        "strata": {f"axis {i}": generator.integers(0, 5, n) for i in range(4)},
        "positive": classes[0],
        "n_replicates": n_replicates,
    }
    points = {0.90: 0.05, 0.95: 0.02}
    start = time.perf_counter()
    found = evaluate(y_true, first, operating_points=points, **options)
    alone = time.perf_counter() - start
    n_strata = len(found.strata) - 1
    start = time.perf_counter()
    compare(
        y_true,
        {"first": first, "second": second},
        reference="first",
        operating_points={"first": points, "second": points},
        **options,
    )
    both = time.perf_counter() - start
    print(
        f"{n:,} predictions, {n_classes} classes, {n_strata} strata, "
        f"{n_replicates:,} resamples, {len(found.overall)} metrics a stratum and "
        f"{len(found.per_class[classes[0]]) - 1} a class"
    )
    print(f"one model   {alone:5.1f} s")
    print(f"comparison  {both:5.1f} s (limit {LIMIT_SECONDS} s)")
    if both > LIMIT_SECONDS:
        raise SystemExit(f"slower than {LIMIT_SECONDS} s")


if __name__ == "__main__":
    auto_cli(main)
