"""Rows of a catalog, chosen in one line."""

from typing import Annotated

from pydantic import AfterValidator, Field


def chosen_values(text: str) -> dict[str, tuple[str, ...]]:
    """Read which rows are chosen: columns, and the values wanted of each.

    Args:
        text: "column=value", with further values after "|" and further columns after
            ",", such as "tone_group=dark,diagnosis=MEL|NV".

    Raises:
        ValueError: It is written otherwise.

    Example:
        >>> chosen_values("tone_group=dark,diagnosis=MEL|NV")
        {'tone_group': ('dark',), 'diagnosis': ('MEL', 'NV')}
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for part in text.split(","):
        column, equals, values = part.partition("=")
        column = column.strip()
        wanted = tuple(value.strip() for value in values.split("|"))
        if not equals or not column or not all(wanted) or column in chosen:
            raise ValueError(
                "must be columns and their values, such as "
                "tone_group=dark,diagnosis=MEL|NV"
            )
        chosen[column] = wanted
    return chosen


def _readable(text: str) -> str:
    chosen_values(text)
    return text


Rows = Annotated[str, Field(strict=True), AfterValidator(_readable)]
