"""Number formats that layers compute in."""

import contextlib

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
"""Keras' names of dtype policies; in all of them the weights are float32."""


@contextlib.contextmanager
def computing_in(precision):
    """Within this context new layers compute in one of `PRECISIONS`.

    Args:
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.

    Raises:
        ValueError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: {precision!r}"
        )
    import keras  # here, for a command line names the precisions without TensorFlow

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
