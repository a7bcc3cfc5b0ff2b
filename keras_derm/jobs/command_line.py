"""From a job to a command."""

import inspect
import os
import sys

import jsonargparse

from keras_derm.runs import refuse_workers


def command_line(job, several_workers=False):
    """Run `job` with the options on the command line.

    Options, types and help come from the job's signature and docstring; every option
    can be given in a YAML file with `--config`. `--skip-bad` is `--skip_bad true`, and
    so for every option that is true or false. A fault of the input ends the command
    with one message and exit status 1; `KERAS_DERM_DEBUG=1` shows where it arose.

    Args:
        job: Function with type hints and a docstring.
        several_workers: Whether it knows what to do where TF_CONFIG names several.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        if not several_workers:
            refuse_workers(job.__name__)
        arguments = spelled_out(job, sys.argv[1:])
        status = jsonargparse.auto_cli(job, args=arguments, as_positional=False)
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


def spelled_out(job, arguments):
    """Return the arguments as the parser knows them.

    Args:
        job: Function whose parameters the options are.
        arguments: What stands on the command line.

    Returns:
        List of str: `--skip-bad` becomes `--skip_bad`, and an option that is true or
        false and has no value gets `true`.
    """
    flags = {
        f"--{name}"
        for name, parameter in inspect.signature(job).parameters.items()
        if parameter.annotation in (bool, bool | None)
    }
    spelled = []
    for i, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            spelled.append(argument)
            continue
        name = "--" + name[2:].replace("-", "_")
        following = arguments[i + 1 : i + 2]
        if name in flags and not equals and following not in (["true"], ["false"]):
            equals, value = "=", "true"
        spelled.append(name + equals + value)
    return spelled
