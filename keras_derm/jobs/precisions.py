"""The number format that a network of a run computes in, chosen by measurement."""

import os

from keras_derm.jobs.measured import measured_once, told
from keras_derm.training import XLA, clearly_fastest, measure_precisions


def measured_precision(run, name, network, build, batch_size, precisions=None, **asked):
    """The precision measured for a network in this run, now or earlier.

    Args:
        run: `RunDirectory`, which keeps what was measured in precision.json.
        name: Name of the network, for what is printed.
        network: Dict of what a network of its kind is known by.
        build, batch_size, precisions, **asked: As of `measure_precisions`.

    Returns:
        Name in `PRECISIONS`, and whether XLA is to compile: a bool, or None where that
        was not measured.

    Raises:
        ValueError: Several workers train, and could choose differently.
    """
    if os.environ.get("TF_CONFIG"):
        raise ValueError(
            "several workers would measure and could choose differently: name a "
            "precision in place of auto. Received: auto with TF_CONFIG"
        )

    def measure():
        speeds = measure_precisions(build, batch_size, precisions, **asked)
        chosen = clearly_fastest(speeds)
        print(f"{name}: {told(speeds)} images/s: {chosen}", flush=True)
        found = {"images_per_second": speeds, "precision": chosen.removesuffix(XLA)}
        if any(way.endswith(XLA) for way in speeds):
            found["jit_compile"] = chosen.endswith(XLA)
        return found

    found = measured_once(run, "precision.json", network, measure)
    return found["precision"], found.get("jit_compile")
