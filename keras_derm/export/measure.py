"""What quantisation cost and what it gained."""

import time
from pathlib import Path

import numpy as np


class ExportRefused(RuntimeError):
    """Quantisation cost more than was allowed; the message says where and how much.

    Example:
        >>> try:
        ...     run_stage("export_tflite", "runs/first", mode="int8")
        ... except ExportRefused as refusal:
        ...     print(refusal)
    """


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


def latency_in_turns(predicts, images, n=50, n_warm_up=5):
    """Time several models on one batch, call by call in turns.

    Whatever else the machine does meanwhile slows all of them alike, so that their
    ratio holds where the milliseconds do not.

    Args:
        predicts: Dict from a name to a function of an array
            `(batch, height, width, 3)`.
        images: The batch.
        n: Timed calls of each.
        n_warm_up: Calls of each before the clock starts.

    Returns:
        Dict from name to a dict with `n`, `median_ms` and `p95_ms`, milliseconds a
        call.

    Raises:
        ValueError: If `n` is less than 1 or `images` are not a batch.
    """
    images = np.asarray(images)
    if n < 1 or images.ndim != 4 or len(images) == 0:
        raise ValueError(
            "Latency needs a batch (n, height, width, 3) and n >= 1. "
            f"Received: shape {images.shape}, n={n}"
        )
    milliseconds = {name: [] for name in predicts}
    for turn in range(n_warm_up + n):
        for name, predict in predicts.items():
            start = time.perf_counter()
            predict(images)
            if turn >= n_warm_up:
                milliseconds[name].append(1000 * (time.perf_counter() - start))
    return {
        name: {
            "n": n,
            "median_ms": float(np.median(spent)),
            "p95_ms": float(np.percentile(spent, 95)),
        }
        for name, spent in milliseconds.items()
    }


def size_bytes(path):
    """Tell the size in bytes of a model file, or of a folder with all it holds."""
    path = Path(path)
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
