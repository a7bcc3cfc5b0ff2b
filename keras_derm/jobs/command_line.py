"""From an app to a command."""

import dataclasses
import functools
import itertools
import json
import logging
import operator
import os
import sys
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

import jsonargparse
import yaml

from keras_derm.cluster import refuse_workers
from keras_derm.jobs.table import APPS, app
from keras_derm.settings import GENERATOR_SETTINGS, Settings

GENERATOR = "--generator"


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
    parser, arguments = stage_parser(one.settings, arguments)
    said = parser.parse_args(spelled_out(flags(one.settings), arguments))
    said = jsonargparse.namespace_to_dict(said)
    run = said.pop("run")
    said.pop("config", None)
    settings = one.settings.from_dict(_plain(said))
    return one.work(run, settings).do()


def _run_function(function, arguments):
    arguments = spelled_out(flags(function), arguments)
    return jsonargparse.auto_cli(function, args=arguments, as_positional=False)


def stage_parser(settings, arguments):
    """Parser of the options of a stage.

    Options that one generator alone has are `--generator.NAME.OPTION`; they are known,
    and shown, where that generator is named.

    Args:
        settings: Class of the settings of a stage.
        arguments: What stands on the command line.

    Returns:
        Tuple of the parser, and of the arguments that it is to parse.
    """
    parser = jsonargparse.ArgumentParser(description=_described(settings))
    parser.add_argument("--config", action="config", help="YAML file with options.")
    parser.add_argument("--run", type=str, required=True, help="Run directory.")
    chosen = {
        field.name
        for field in dataclasses.fields(settings)
        if field.name == GENERATOR.lstrip("-")
    }
    parser.add_class_arguments(without_limits(settings), skip=chosen)
    if chosen:
        name, arguments = named_generator(arguments)
        if name is None:
            parser.add_argument(
                GENERATOR,
                choices=list(GENERATOR_SETTINGS),
                default=settings().generator.name,
                help="Which generator; its own options, --generator.NAME.OPTION, are "
                "told by --generator NAME --help.",
            )
        else:
            options = without_limits(GENERATOR_SETTINGS[name])
            parser.add_class_arguments(options, f"generator.{name}")
    return parser, arguments


def named_generator(arguments):
    """Which generator is asked for, on the command line or in a file of options.

    Args:
        arguments: What stands on the command line.

    Returns:
        Tuple of its name, or None where none is named, and of the arguments without
        `--generator NAME`.

    Raises:
        ValueError: Several are named, or one that is not known.
    """
    names, left, follows = [], [], None
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if follows == GENERATOR:
            names.append(argument)
            left.pop()
        elif option == GENERATOR and equals:
            names.append(value)
            follows = None
            continue
        else:
            left.append(argument)
            if option.startswith(f"{GENERATOR}."):
                names.append(option.split(".")[1])
            path = value if option == "--config" else argument
            if (option == "--config" and equals) or follows == "--config":
                names += _generators_in(path)
        follows = None if follows in (GENERATOR, "--config") else option
    names = list(dict.fromkeys(names))
    if len(names) > 1 or set(names) - set(GENERATOR_SETTINGS):
        raise ValueError(
            f"`generator` must be one of {', '.join(GENERATOR_SETTINGS)}. "
            f"Received: {', '.join(names)}"
        )
    return (names[0] if names else None), left


def _generators_in(path):
    with open(path, encoding="utf-8") as file:
        said = (yaml.safe_load(file) or {}).get("generator", {})
    return [said] if isinstance(said, str) else list(said)


def _described(settings):
    """Help of a stage: what stands before the arguments in the docstring."""
    return (settings.__doc__ or "").partition("\n    Args:")[0].strip()


@functools.cache
def without_limits(kind):
    """Dataclass like a class of settings, whose types say no ranges.

    The parser has only to read the values, and help to name their types: `Settings`
    check the ranges.
    """
    hints = get_type_hints(kind, include_extras=True)
    columns = [
        (field.name, _without_limits(hints[field.name]), _default(field))
        for field in dataclasses.fields(kind)
    ]
    told = {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return dataclasses.make_dataclass(
        kind.__name__, columns, frozen=True, kw_only=True, namespace=told
    )


def _without_limits(hint):
    if isinstance(hint, type) and issubclass(hint, Settings):
        return without_limits(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _without_limits(parts[0])
    if origin in (None, Literal):
        return hint
    parts = tuple(part if part is ... else _without_limits(part) for part in parts)
    if origin in (Union, UnionType):
        return functools.reduce(operator.or_, parts)
    return origin[parts]


def _default(field):
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    elif field.default is not dataclasses.MISSING:
        value = field.default
    else:
        return dataclasses.field()
    return dataclasses.field(default_factory=lambda: _of_parser(value))


def _of_parser(value):
    """A default as the parser's own dataclasses have it."""
    if isinstance(value, Settings):
        values = {name: _of_parser(getattr(value, name)) for name in value.names()}
        return without_limits(type(value))(**values)
    if isinstance(value, tuple):
        return tuple(_of_parser(each) for each in value)
    return value


def _plain(value):
    """Values as `Settings.from_dict` takes them."""
    if dataclasses.is_dataclass(value):
        return _plain(vars(value))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


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


def flags(options):
    """Names of the options of a stage, or of a function, that are true or false."""
    kinds = [(options, "")]
    kinds += [(each, f"generator.{name}.") for name, each in GENERATOR_SETTINGS.items()]
    return {
        prefix + name
        for kind, prefix in kinds
        for name, hint in get_type_hints(kind).items()
        if hint in (bool, bool | None)
    }


def spelled_out(flags, arguments):
    """Return the arguments as the parser knows them.

    Args:
        flags: Names of the options that are true or false.
        arguments: What stands on the command line.

    Returns:
        List of str: `--skip-bad` becomes `--skip_bad`, and an option that is true or
        false and has no value gets `true`.
    """
    spelled = []
    for i, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            spelled.append(argument)
            continue
        name = "--" + name[2:].replace("-", "_")
        following = arguments[i + 1 : i + 2]
        if name[2:] in flags and not equals and following not in (["true"], ["false"]):
            equals, value = "=", "true"
        spelled.append(name + equals + value)
    return spelled
