"""From an app to a command.

What takes time to import is imported by the functions, so that a command can be
stopped from its first moment.
"""

import errno
import os
import sys
import warnings

MOST_LINES = 60
"""Lines of a message that are printed at most."""

STOPPED, STATUS_OF_STOPPED = "\nstopped; the same command goes on from here\n", 130

WAYS_OUT = {
    errno.ENOSPC: "there is no space left: make some, and the same command goes on",
    errno.EDQUOT: "the quota is used up: make space, and the same command goes on",
    errno.EEXIST: "there is a file where a folder is to be: name another place",
    errno.ENOTDIR: "there is a file where a folder is to be: name another place",
    errno.EISDIR: "there is a folder where a file is to be: name another place",
    errno.EACCES: "this user may not read or write there: name another place",
    errno.EPERM: "this user may not read or write there: name another place",
    errno.EROFS: "nothing can be written there: name another place",
    errno.ENOENT: "there is no such file or folder",
    errno.ENAMETOOLONG: "the name is too long: give a shorter one",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
}


def main():
    """The command `keras-derm APP ...`; its first word may be cut short."""
    arguments = sys.argv[1:]
    exit_with(lambda: _main(arguments))


def _main(arguments):
    from keras_derm.jobs.table import APPS, app

    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(len(one.name) for one in APPS)
        print("usage: keras-derm APP [options], keras-derm APP --help\n")
        for one in APPS:
            print(f"  {one.name:<{width}}  {one.summary}")
        return 0
    one = app(arguments[0])
    sys.argv = [f"keras-derm {one.name}", *arguments[1:]]
    return _run(one, arguments[1:])


def command_line(name):
    """Run an app with the options on the command line.

    Every option can be given in a YAML file with `--config`. `--skip-bad` is
    `--skip_bad true`, and so for every option that is true or false. A fault of the
    input ends the command with one message and exit status 1; `KERAS_DERM_DEBUG=1`
    shows where it arose.

    Args:
        name: Name of the app.
    """

    def work():
        from keras_derm.jobs.table import app

        return _run(app(name), sys.argv[1:])

    exit_with(work)


def exit_with(work):
    """Do the work, and exit with its status or with what is to be said of a fault.

    Args:
        work: Function without arguments; its result is the status, None for 0.
    """
    import logging

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of retracing
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    warnings.showwarning = _show_warning
    try:
        _stop_at_once()
        status = work()
    except (ValueError, KeyError, OSError, RuntimeError, ImportError) as error:
        if os.environ.get("KERAS_DERM_DEBUG"):
            raise
        print(f"error: {_told(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write(STOPPED)
        sys.exit(STATUS_OF_STOPPED)
    finally:
        _stop_in_order()
    sys.exit(status or 0)


def _stop_at_once():
    """Let Ctrl-C end the process where it is, while there is nothing to leave in order.

    `KeyboardInterrupt` within an import may be lost there, or become another error.
    """
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _stop_in_order():
    """Let Ctrl-C raise `KeyboardInterrupt` again."""
    import signal

    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number, frame):
    if silencing := sys.modules.get("keras_derm.terminal"):
        silencing.restore()
    os.write(2, STOPPED.encode())
    os._exit(STATUS_OF_STOPPED)


def _run(one, arguments):
    from keras_derm.cluster.tf_config import refuse_workers
    from keras_derm.jobs.options import read_options, with_options

    if not one.several_workers:
        refuse_workers(one.name)
    arguments = with_options(arguments, one.positional)
    if one.settings is None:
        return _run_function(one.work, arguments)
    run, settings = read_options(one.settings, arguments)
    stage = one.work  # only now is TensorFlow loaded
    _stop_in_order()
    return stage(run, settings).do()


def _run_function(function, arguments):
    import jsonargparse

    from keras_derm.jobs.options import (
        check_files,
        described,
        flags,
        gathered,
        lists_of_words,
        spelled_out,
    )

    check_files(arguments)
    arguments = spelled_out(flags(function), arguments)
    arguments = gathered(lists_of_words(function), arguments)
    _stop_in_order()
    return jsonargparse.auto_cli(
        function, args=arguments, as_positional=False, description=described(function)
    )


def _told(error):
    """An error in words: with the file and the way out, and fit for a terminal."""
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    if isinstance(error, OSError) and error.errno in WAYS_OUT:
        place = error.filename2 or error.filename
        place = "a file" if place is None else os.fsdecode(place)
        message = f"{place}: {WAYS_OUT[error.errno]}. Received: {error.strerror}"
    return _fit(message)


def _fit(message):
    """Text without control characters but line feeds, and of bounded length."""
    from keras_derm.files import escaped

    lines = str(message).split("\n")
    left = len(lines) - MOST_LINES
    more = [f"... and {left:,} lines more"] if left > 0 else []
    return "\n".join([*(escaped(line, 2000) for line in lines[:MOST_LINES]), *more])


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Tell a user's warning as a sentence; others with the place they come from."""
    if issubclass(category, UserWarning):
        print(f"warning: {_fit(message)}", file=file or sys.stderr)
    else:
        told = warnings.formatwarning(message, category, filename, lineno, line)
        print(told, end="", file=file or sys.stderr)
