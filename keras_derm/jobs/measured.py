"""Ways to compute that are chosen by measurement, once for a run."""

from keras_derm.files import DamagedFileError, read_json, shown, write_json
from keras_derm.runs import describe_environment


def measured_once(run, file_name, known_by, measure):
    """What was measured in this run, now or earlier.

    What is known by the same shares it, so that no arm is compared with one that was
    trained in another way, and so does a run that goes on on another device.

    Args:
        run: `RunDirectory`.
        file_name: JSON file of it that keeps what was measured, and on which machine.
        known_by: Dict of what a measurement is known by.
        measure: Function without arguments that gives a dict of what was found.

    Returns:
        Dict of `known_by` and what was found.

    Raises:
        DamagedFileError: The file is not what was written.
    """
    path = run / file_name
    known = read_json(path, None) if path.is_file() else []
    if not isinstance(known, list) or not all(isinstance(one, dict) for one in known):
        raise DamagedFileError(
            f"{path} is damaged: remove it, and what it held is measured anew. "
            f"Received: {shown(known)}"
        )
    for found in known:
        if known_by.items() <= found.items():
            return found
    found = {**known_by, **measure()}
    machine = describe_environment()
    device = {name: machine[name] for name in ("platform", "processors", "gpus")}
    write_json(path, [*known, found | device])
    return found


def told(images_per_second):
    """Speeds in words."""
    return ", ".join(f"{name} {speed:.1f}" for name, speed in images_per_second.items())
