"""The number format that a network of a run computes in, chosen by measurement."""

import os

from keras_derm.files import DamagedFileError, read_json, shown, write_json
from keras_derm.runs import describe_environment
from keras_derm.training import fastest_precision, measure_precisions


def measured_precision(run, name, network, build, batch_size, precisions=None):
    """The precision measured for a network in this run, now or earlier.

    Networks of one kind share it, so that no arm is compared with one that was trained
    in another way, and so does a run that goes on on another device.

    Args:
        run: `RunDirectory`, which keeps what was measured in precision.json.
        name: Name of the network, for what is printed.
        network: Dict of what a network of its kind is known by.
        build, batch_size, precisions: As of `measure_precisions`.

    Returns:
        Name in `PRECISIONS`.

    Raises:
        ValueError: Several workers train, and could choose differently.
    """
    if os.environ.get("TF_CONFIG"):
        raise ValueError(
            "several workers would measure and could choose differently: name a "
            "precision in place of auto. Received: auto with TF_CONFIG"
        )
    path = run / "precision.json"
    known = read_json(path, None) if path.is_file() else []
    if not isinstance(known, list) or not all(isinstance(one, dict) for one in known):
        raise DamagedFileError(
            f"{path} is damaged: remove it, and precisions are measured anew. "
            f"Received: {shown(known)}"
        )
    for found in known:
        if network.items() <= found.items():
            return found["precision"]
    speeds = measure_precisions(build, batch_size, precisions)
    chosen = fastest_precision(speeds)
    told = ", ".join(f"{name} {speed:.1f}" for name, speed in speeds.items())
    print(f"{name}: {told} images/s: {chosen}", flush=True)
    found = {**network, "images_per_second": speeds, "precision": chosen}
    machine = describe_environment()
    device = {name: machine[name] for name in ("platform", "processors", "gpus")}
    write_json(path, [*known, found | device])
    return chosen
