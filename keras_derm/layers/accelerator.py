"""Whether layers are being traced for an accelerator.

Of some steps TensorFlow has no GPU kernel: it would run them on the processor, with a
journey there and back. Within `for_accelerator` the layers say the same in other words.
"""

import contextlib
import contextvars

_TRACED = contextvars.ContextVar("traced_for_an_accelerator", default=False)


@contextlib.contextmanager
def for_accelerator():
    """Within this context layers compute by operations that have a GPU kernel.

    What comes out is the same to the bit, on the processor too, where it is slower.
    """
    token = _TRACED.set(True)
    try:
        yield
    finally:
        _TRACED.reset(token)


def is_for_accelerator():
    """Whether this is traced within `for_accelerator`, in this thread."""
    return _TRACED.get()
