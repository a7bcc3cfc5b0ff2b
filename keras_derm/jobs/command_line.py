"""From a job to a command."""

import os
import sys

import jsonargparse


def command_line(job):
    """Run `job` with the options on the command line.

    Options, types and help come from the job's signature and docstring; every option
    can be given in a YAML file with `--config`. A fault of the input ends the command
    with one message and exit status 1; `KERAS_DERM_DEBUG=1` shows where it arose.

    Args:
        job: Function with type hints and a docstring.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        status = jsonargparse.auto_cli(job, as_positional=False)
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        if os.environ.get("KERAS_DERM_DEBUG"):
            raise
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)
