"""The options of an app: from the command line to settings."""

import dataclasses
import itertools
import json
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import jsonargparse
import yaml

from keras_derm.settings import GENERATOR_SETTINGS, SettingsError
from keras_derm.settings.yaml_files import read_yaml

GENERATOR = "--generator"


def read_options(settings, arguments):
    """Read the options of a stage.

    Args:
        settings: Class of its settings.
        arguments: What stands on the command line.

    Returns:
        Tuple of the run directory and the settings.

    Raises:
        SettingsError: A value cannot be.
    """
    check_files(arguments)
    parser, arguments = stage_parser(settings, arguments)
    arguments = gathered(
        lists_of_words(settings), spelled_out(flags(settings), arguments)
    )
    arguments = in_brackets(lists_of_numbers(settings), arguments)
    said = _plain(parser.parse_args(arguments))
    said.pop("config", None)
    return said.pop("run"), settings.from_dict(said)


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
    parser = jsonargparse.ArgumentParser(description=described(settings))
    parser.add_argument("--config", action="config", help="YAML file with options.")
    parser.add_argument("--run", type=str, required=True, help="Run directory.")
    chosen = {
        field.name
        for field in dataclasses.fields(settings)
        if field.name == GENERATOR.lstrip("-")
    }
    parser.add_class_arguments(settings, skip=chosen)
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
            parser.add_class_arguments(GENERATOR_SETTINGS[name], f"generator.{name}")
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


def check_files(arguments):
    """Refuse files of options that are no YAML, or would grow when they are read.

    Args:
        arguments: What stands on the command line.

    Raises:
        SettingsError: One is.
    """
    follows = None
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option == "--config" and equals:
            _options_in(value)
        elif follows == "--config":
            _options_in(argument)
        follows = option


def _options_in(path):
    """Options of a file, by name."""
    try:
        content = read_yaml(Path(path).read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"a file of options must be text in UTF-8: save it so. Received: {path}"
        ) from error
    if not isinstance(content, dict | None):
        raise SettingsError(
            f"a file of options has a name with a value in each line. "
            f"Received: {path}, which has not"
        )
    return content or {}


def _generators_in(path):
    said = _options_in(path).get("generator") or {}
    return [said] if isinstance(said, str) else list(said)


def described(options):
    """Help of a stage or a function: what its docstring says before the arguments."""
    return (options.__doc__ or "").partition("\n    Args:")[0].strip()


def _plain(value):
    """Values as `Settings.from_dict` takes them."""
    if isinstance(value, jsonargparse.Namespace) or dataclasses.is_dataclass(value):
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
        positional: Names of options; one that ends in * takes all that are left, as a
            list.

    Returns:
        List of str: of `model.keras a.jpg b.jpg --output x.csv` the beginning becomes
        `--model=model.keras --images=["a.jpg", "b.jpg"]`.
    """
    bare = list(itertools.takewhile(lambda one: not one.startswith("-"), arguments))
    after, options = list(arguments[len(bare) :]), []
    for name in positional:
        if name.endswith("*") and bare:
            options.append(f"--{name[:-1]}={json.dumps(bare)}")
            bare = []
        elif bare:
            options.append(f"--{name}={bare.pop(0)}")
    return options + bare + after


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


def lists_of_words(options):
    """The options of a stage, or of a function, that take several words.

    Returns:
        dict of name -> whether one word may also stand alone.
    """
    found = {}
    for name, hint in get_type_hints(options).items():
        is_union = get_origin(hint) in (Union, UnionType)
        kinds = get_args(hint) if is_union else (hint,)
        if any(map(_is_list_of_words, kinds)):
            found[name] = str in kinds
    return found


def _is_list_of_words(kind):
    word = next(iter(get_args(kind)), None)
    is_word = word is str or get_origin(word) is Literal
    return get_origin(kind) in (tuple, list) and is_word


def gathered(names, arguments):
    """Return the arguments with the several words of an option as one list.

    Args:
        names: What `lists_of_words` gives.
        arguments: What `spelled_out` gives.

    Returns:
        List of str: `--data A --data B` and `--data A B` become `--data=["A", "B"]`,
        and a single word becomes a list where the option takes nothing else.
    """
    left, said, follows = [], {}, None
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option.startswith("--") and option[2:] in names:
            follows = None if equals else option[2:]
            if option[2:] not in said:
                left.append(option)
            said.setdefault(option[2:], []).extend([value] if equals else [])
        elif follows and not option.startswith("-"):
            said[follows].append(argument)
        else:
            left.append(argument)
            follows = None
    return [
        one if one[2:] not in said else _as_one(one, said[one[2:]], names[one[2:]])
        for one in left
    ]


def _as_one(option, values, may_be_alone):
    if not values:
        return option
    is_list = values[0].startswith("[") or values[0] == "null"
    if len(values) == 1 and (is_list or may_be_alone):
        return f"{option}={values[0]}"
    lists = [yaml.safe_load(v) if v.startswith("[") else [v] for v in values]
    return f"{option}={json.dumps([word for each in lists for word in each])}"


def lists_of_numbers(options):
    """Names of the options of a stage that take several numbers."""
    hints = get_type_hints(options).items()
    return {
        name
        for name, hint in hints
        if get_origin(hint) is tuple and get_args(hint)[0] in (int, float)
    }


def in_brackets(names, arguments):
    """Return the arguments with the numbers of an option as one list.

    Args:
        names: What `lists_of_numbers` gives.
        arguments: What `gathered` gives.

    Returns:
        List of str: `--steps -30 -15`, `--steps -30,-15` and `--steps "(-30, -15)"`
        become `--steps=[-30,-15]`.
    """
    told, numbers = [], None
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option.startswith("--") or option == "-h":
            numbers = option[2:] in names or None
            if numbers and equals:
                argument, numbers = f"{option}={_bracketed(value)}", None
            told.append(argument)
        elif numbers and "=" in told[-1]:
            told[-1] = f"{told[-1][:-1]},{_bracketed(argument)[1:]}"
        elif numbers:
            told[-1] += f"={_bracketed(argument)}"
        else:
            told.append(argument)
    return told


def _bracketed(numbers):
    return f"[{numbers.strip('[]() ')}]"
