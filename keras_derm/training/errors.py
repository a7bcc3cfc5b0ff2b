"""What TensorFlow says of a failed step, in words that tell the user what to do."""

import contextlib
import re

import tensorflow as tf

_CAUSE = re.compile(r"\w+Error: .*|OOM when .*")
"""The line of TensorFlow's account that says what happened."""

_WORKER_LOST = re.compile(r"Collective ops .*")
"""The line of TensorFlow's account that tells of a worker that is gone."""


class UnreadableData(RuntimeError):
    """Images could not be read: the message says what to mend before going on.

    Example:
        >>> try:
        ...     probabilities = predict_probabilities(model, dataset)
        ... except UnreadableData as error:
        ...     print(error)
    """


@contextlib.contextmanager
def translate_tensorflow_errors(what, workers=None):
    """Turn TensorFlow's account of a failed step into one that says what to do.

    Args:
        what: What is done within this context, in words.
        workers: `Workers` that do it together, or None.

    Raises:
        UnreadableData: Reading images raised a Python error.
        RuntimeError: A step could not be computed, or another worker is gone.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if workers is not None and _WORKER_LOST.search(error.message):
            raise worker_lost_error(error) from error
        found = _CAUSE.search(error.message)
        cause = found.group() if found else error.message
        of_data = found and not cause.startswith("OOM")
        raise (UnreadableData if of_data else RuntimeError)(
            f"{what} stopped in the middle. What was finished before is whole: mend "
            "the cause, and the same command goes on from there. "
            f"Received: {cause}"
        ) from error


def worker_lost_error(error):
    """`RuntimeError` for TensorFlow's account of workers that do not answer."""
    found = _WORKER_LOST.search(error.message)
    return RuntimeError(
        "another worker is gone: see what it says. What the chief kept of the epochs "
        "before is whole: start every worker again with the same command, and they go "
        f"on from there. Received: {found.group() if found else error.message}"
    )
