"""From an app to a command."""

import logging
import os
import sys

import jsonargparse

from keras_derm.cluster import refuse_workers
from keras_derm.jobs.options import (
    flags,
    gathered,
    lists_of_words,
    read_options,
    spelled_out,
    with_options,
)
from keras_derm.jobs.table import APPS, app


def main():
    """The command `keras-derm APP ...`; its first word may be cut short."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(len(one.name) for one in APPS)
        print("usage: keras-derm APP [options], keras-derm APP --help\n")
        for one in APPS:
            print(f"  {one.name:<{width}}  {one.summary}")
        return
    try:
        name = app(arguments[0]).name
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.argv = [f"keras-derm {name}", *arguments[1:]]
    command_line(name)


def command_line(name):
    """Run an app with the options on the command line.

    Every option can be given in a YAML file with `--config`. `--skip-bad` is
    `--skip_bad true`, and so for every option that is true or false. A fault of the
    input ends the command with one message and exit status 1; `KERAS_DERM_DEBUG=1`
    shows where it arose.

    Args:
        name: Name of the app.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        status = _run(app(name), sys.argv[1:])
    except (ValueError, KeyError, OSError, RuntimeError, ImportError) as error:
        if os.environ.get("KERAS_DERM_DEBUG"):
            raise
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)


def _run(one, arguments):
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of retracing
    if not one.several_workers:
        refuse_workers(one.name)
    arguments = with_options(arguments, one.positional)
    if one.settings is None:
        return _run_function(one.work, arguments)
    run, settings = read_options(one.settings, arguments)
    return one.work(run, settings).do()  # only now is TensorFlow loaded


def _run_function(function, arguments):
    arguments = spelled_out(flags(function), arguments)
    arguments = gathered(lists_of_words(function), arguments)
    return jsonargparse.auto_cli(function, args=arguments, as_positional=False)
