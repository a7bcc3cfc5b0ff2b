"""What quantisation cost and what it gained."""

import time
from pathlib import Path

import numpy as np


def agreement(y_prob_float, y_prob_int8):
    """Compare the probabilities of the float model and of its quantised copy.

    Args:
        y_prob_float: Array `(n, n_classes)`.
        y_prob_int8: Array `(n, n_classes)`, for the same images.

    Returns:
        Dict with `n_images`, `argmax_agreement` (share of the images where both name
        the same class), `max_abs_difference` and `mean_abs_difference` (of the
        probabilities).

    Raises:
        ValueError: If the shapes differ or there are no images.
    """
    y_prob_float = np.asarray(y_prob_float, "float64")
    y_prob_int8 = np.asarray(y_prob_int8, "float64")
    if y_prob_float.shape != y_prob_int8.shape or y_prob_float.ndim != 2:
        raise ValueError(
            "Both probabilities must have the same shape (n, n_classes). "
            f"Received: {y_prob_float.shape} and {y_prob_int8.shape}"
        )
    if len(y_prob_float) == 0:
        raise ValueError("Agreement needs at least one image. Received: 0 images")
    difference = np.abs(y_prob_float - y_prob_int8)
    same = y_prob_float.argmax(axis=1) == y_prob_int8.argmax(axis=1)
    return {
        "n_images": len(same),
        "argmax_agreement": float(same.mean()),
        "max_abs_difference": float(difference.max()),
        "mean_abs_difference": float(difference.mean()),
    }


def latency(predict, image, n=50, n_warm_up=5):
    """Time `predict` on one image.

    Args:
        predict: Function of an array `(1, height, width, 3)`.
        image: Array `(height, width, 3)`.
        n: Timed calls.
        n_warm_up: Calls before the clock starts, which build what is built once.

    Returns:
        Dict with `n`, `median_ms` and `p95_ms`, milliseconds a call.

    Raises:
        ValueError: If `n` is less than 1 or `image` is not one image.
    """
    image = np.asarray(image)
    if n < 1 or image.ndim != 3:
        raise ValueError(
            "Latency needs one image (height, width, 3) and n >= 1. "
            f"Received: shape {image.shape}, n={n}"
        )
    batch = image[np.newaxis]
    for _ in range(n_warm_up):
        predict(batch)
    milliseconds = []
    for _ in range(n):
        start = time.perf_counter()
        predict(batch)
        milliseconds.append(1000 * (time.perf_counter() - start))
    return {
        "n": n,
        "median_ms": float(np.median(milliseconds)),
        "p95_ms": float(np.percentile(milliseconds, 95)),
    }


def size_bytes(path):
    """Tell the size of a model file in bytes."""
    return Path(path).stat().st_size
