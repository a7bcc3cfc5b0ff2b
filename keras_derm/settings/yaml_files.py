"""Read YAML as people write it, and nothing that grows when it is read."""

import re
from typing import Any

import yaml

from keras_derm.settings.settings import SettingsError

MOST_CHARACTERS, MOST_VALUES, MOST_LEVELS = 300_000, 100_000, 50
"""What a file of settings holds at most: a few aliases can stand for billions."""


def read_yaml(text: str, where: str) -> Any:
    """Read YAML; 1e-3 is a number, which YAML 1.1 takes for a word.

    Args:
        text: The text.
        where: What messages call it: a file or an option.

    Raises:
        SettingsError: It is no YAML, or too large for settings.
    """
    if len(text) > MOST_CHARACTERS:
        raise SettingsError(
            f"settings have up to {MOST_CHARACTERS:,} characters. "
            f"Received: {where} with {len(text):,}"
        )
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _check_size(node, where)
        content = None if node is None else loader.construct_document(node)
    except SettingsError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SettingsError(
            f"{where} must be YAML: {str(error)[:500]}. Received: {where}"
        ) from error
    return _with_numbers(content)


def _check_size(root: yaml.Node | None, where: str) -> None:
    """Refuse content that its aliases make large or endless, without following them.

    Values are counted as often as they are meant, but each is looked at once.
    """
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) in above or len(above) > MOST_LEVELS:
            raise SettingsError(
                f"settings are nested up to {MOST_LEVELS} levels deep, and none is "
                f"within itself. Received: {where}"
            )
        if id(node) not in sizes:
            above.add(id(node))
            pairs = isinstance(node, yaml.MappingNode)
            inner = (
                [one for pair in node.value for one in pair] if pairs else node.value
            )
            sizes[id(node)] = 1 + sum(map(size, inner))
            above.discard(id(node))
        return sizes[id(node)]

    if size(root) > MOST_VALUES:
        raise SettingsError(
            f"settings hold up to {MOST_VALUES:,} values; aliases (&, *) that stand "
            f"for each other hold more. Received: {where}"
        )


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return float(value)
    return value
