"""What every group of settings can do: check itself, and be written and read."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self, get_type_hints

import pydantic
from pydantic_core import core_schema


class SettingsError(ValueError):
    """Settings that cannot be: every fault is named, with what was received.

    Example:
        >>> with pytest.raises(SettingsError, match="`n_replicates`"):
        ...     EvaluateSettings(n_replicates=-1)
    """


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings: a frozen dataclass that checks its fields when it is made.

    Types stand in the annotations of the fields, ranges in their kinds (`limited`). A
    list becomes a tuple, and a dictionary the settings that a field is annotated with;
    any other value of a wrong type is refused.

    Attributes:
        ALTERNATIVES: Fields of which a recipe's scale, where it names one, takes the
            place of the others that are published.

    Raises:
        SettingsError: A value has a wrong type or lies out of its range.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class SplitSettings(Settings):
        ...     image_size: int = limited(Count, 224)
        ...     seed: int = limited(Seed, 0)
        >>> SplitSettings(seed=-1)
        SettingsError: `seed` must be greater than or equal to 0. Received: -1
    """

    ALTERNATIVES: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        faults = []
        for name, adapter in _checks(type(self)).items():
            try:
                checked = adapter.validate_python(getattr(self, name))
            except pydantic.ValidationError as error:
                faults += [_told(name, fault) for fault in error.errors()]
            else:
                object.__setattr__(self, name, checked)
        if faults:
            raise SettingsError("\n".join(faults))
        self.check()

    def check(self) -> None:
        """Refuse values that do not fit each other; called when all types are right."""

    @classmethod
    def title(cls) -> str:
        """What messages call these settings."""
        return cls.__name__.removesuffix("Settings")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields, in their order."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str | None = None) -> Self:
        """Read settings; what `content` does not name has its default.

        Args:
            content: Values by name, as `to_dict` gives or a YAML file holds them.
            where: What messages call these settings; `title()` by default.

        Raises:
            SettingsError: A name is unknown or missing, or a value cannot be.
        """
        where = where or cls.title()
        if not isinstance(content, Mapping):
            raise SettingsError(
                f"the settings of {where} are names with values. Received: {content!r}"
            )
        unknown = sorted(str(name) for name in set(content) - set(cls.names()))
        if unknown:
            raise SettingsError(
                f"the settings of {where} are {sorted(cls.names())}. "
                f"Received: {unknown}"
            )
        missing = [name for name in cls.required() if name not in content]
        if missing:
            raise SettingsError(f"{where} needs {', '.join(missing)}. Received: none")
        try:
            return cls(**content)
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from error

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields that have no default."""
        return tuple(
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all values, defaults too, as JSON and YAML can hold them."""
        return {name: _plain(getattr(self, name)) for name in self.names()}

    def decisive(self) -> dict[str, Any]:
        """Return what decides the result: all but fields with `compare=False`."""
        compared = {field.name for field in dataclasses.fields(self) if field.compare}
        return {name: v for name, v in self.to_dict().items() if name in compared}

    def differences(self, other: "Settings") -> list[str]:
        """Say which values that decide the result `other` has instead of these."""
        before, after = self.decisive(), other.decisive()
        return [
            f"{name} was {before.get(name)!r} and is {after.get(name)!r}"
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: Any
    ) -> core_schema.CoreSchema:
        """Let a field of these settings be given as a dictionary."""
        return core_schema.no_info_plain_validator_function(cls._nested)

    @classmethod
    def _nested(cls, value: Any) -> Self:
        return value if isinstance(value, cls) else cls.from_dict(value)


_CHECKS: dict[type, dict[str, pydantic.TypeAdapter[Any]]] = {}


def _checks(kind: type[Settings]) -> dict[str, pydantic.TypeAdapter[Any]]:
    """What checks each field, made once for each class."""
    if kind not in _CHECKS:
        hints = get_type_hints(kind, include_extras=True)
        kinds = {
            field.name: field.metadata.get("kind", hints[field.name])
            for field in dataclasses.fields(kind)
        }
        _CHECKS[kind] = {
            name: pydantic.TypeAdapter(pydantic.StrictBool if one is bool else one)
            for name, one in kinds.items()
        }
    return _CHECKS[kind]


def _told(name: str, fault: Any) -> str:
    """One fault in words: the field, what it should be, and what it is."""
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):  # of nested settings, which say all themselves
        return str(cause)
    parts = [str(part) for part in (name, *fault["loc"])]
    place = ".".join(part for part in parts if "[" not in part)  # no kind of a union
    said = fault["msg"].removeprefix("Input ").removeprefix("Value error, ")
    said = said.replace("should", "must", 1)
    if fault["type"] == "literal_error":
        known = fault["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        said = f"must be one of {known}"
    return f"`{place}` {said}. Received: {fault['input']!r}"


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.to_dict()
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
