"""A terminal free of what libraries tell about themselves."""

import contextlib
import os
import sys
import tempfile
import threading

_one_at_a_time = threading.RLock()
_shown = {}


@contextlib.contextmanager
def silenced(*streams):
    """Keep what is printed in a block off the terminal, by C++ too.

    If the block ends with an exception, what was printed is shown after all.

    Args:
        *streams: Numbers of the streams. Default: standard error alone.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as printed:
        if _shown:  # silenced already, by whoever called
            yield
            return
        _flush()
        _shown.update({number: os.dup(number) for number in streams or (2,)})
        try:
            for number in _shown:
                os.dup2(printed.fileno(), number)
            yield
            _flush()
        except BaseException:
            restore()
            printed.seek(0)
            os.write(2, printed.read())
            raise
        finally:
            restore()


def restore():
    """Show again what is printed."""
    _flush()
    while _shown:
        number, terminal = _shown.popitem()
        os.dup2(terminal, number)
        os.close(terminal)


def _flush():
    sys.stdout.flush()
    sys.stderr.flush()
