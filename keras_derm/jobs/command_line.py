"""From a job to a command."""

import inspect
import itertools
import json
import os
import sys

import jsonargparse

from keras_derm.cluster import refuse_workers


def command_line(job, several_workers=False, positional=()):
    """Run `job` with the options on the command line.

    Options, types and help come from the job's signature and docstring; every option
    can be given in a YAML file with `--config`. `--skip-bad` is `--skip_bad true`, and
    so for every option that is true or false. A fault of the input ends the command
    with one message and exit status 1; `KERAS_DERM_DEBUG=1` shows where it arose.

    Args:
        job: Function with type hints and a docstring.
        several_workers: Whether it knows what to do where TF_CONFIG names several.
        positional: Names of parameters whose values may stand first, without the
            option; the last of them takes a list of all that are left.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        if not several_workers:
            refuse_workers(job.__name__)
        arguments = spelled_out(job, with_options(sys.argv[1:], positional))
        status = jsonargparse.auto_cli(job, args=arguments, as_positional=False)
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


def with_options(arguments, positional):
    """Return the arguments with the option before each that stands first without it.

    Args:
        arguments: What stands on the command line.
        positional: Names of options, the last one a list.

    Returns:
        List of str: of `model.keras a.jpg b.jpg --output x.csv` the beginning becomes
        `--model=model.keras --images=["a.jpg", "b.jpg"]`.
    """
    bare = list(itertools.takewhile(lambda one: not one.startswith("-"), arguments))
    if not positional or not bare:
        return list(arguments)
    n_single = len(positional) - 1
    values = bare[:n_single] + [json.dumps(bare[n_single:])] * (len(bare) > n_single)
    options = [
        f"--{name}={value}" for name, value in zip(positional, values, strict=False)
    ]
    return options + list(arguments[len(bare) :])


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
