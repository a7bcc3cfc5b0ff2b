"""What a stage leaves of itself: its settings, its inputs and what it builds on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from keras_derm.files import short_digest, shown, write_json
from keras_derm.settings import STAGES, SettingsError, StageSettings

LAYOUT = 2
"""Version of the records; those of other versions cannot be gone on with."""


class RecordError(RuntimeError):
    """A record that this version cannot read.

    Example:
        >>> with pytest.raises(RecordError, match="an earlier version"):
        ...     run_stage("evaluate", "runs/of_last_year")
    """


@dataclass(frozen=True)
class Record:
    """What decides the result of a stage.

    Two records are compared after defaults are filled in, so that a setting which is
    new in this version makes nothing anew at its default.

    Args:
        settings: Settings of the stage.
        after: Digest of the record of each stage that it builds on, by name.
        inputs: Digest of each file of the user's that it reads, by path.
        seconds: Seconds it took, or None where it is not finished.
        files: What the finished stage must have left: path in the run -> bytes of a
            model, None of a file that may be changed.

    Example:
        >>> Record.read(run.record("evaluate")).settings.n_replicates
        2000
    """

    settings: StageSettings
    after: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = field(default=None, compare=False)
    files: Mapping[str, int | None] = field(default_factory=dict, compare=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            RecordError: It is damaged, or of another version of keras_derm.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict) or content.get("layout") != LAYOUT:
                raise RecordError(
                    f"{path.parents[1]} was made by an earlier version of keras_derm, "
                    "which kept its runs in another way: begin a new run directory. "
                    f"Received: {path}"
                )
            settings = STAGES[content["stage"]].from_dict(content["settings"])
            after, inputs = _texts(content["after"]), _texts(content["inputs"])
            seconds = content.get("seconds")
            seconds = None if seconds is None else float(seconds)
            return cls(settings, after, inputs, seconds, dict(content.get("files", {})))
        except (ValueError, KeyError, TypeError, SettingsError) as error:
            raise RecordError(
                f"the record of a stage cannot be read: remove it, and the stage is "
                f"made anew. Received: {path}: {shown(str(error))[1:-1]}"
            ) from error

    def write(
        self,
        path: Path,
        seconds: float | None = None,
        files: Mapping[str, int | None] | None = None,
    ) -> None:
        """Write the record, with `seconds` and `files` where the stage is finished."""
        content: dict[str, Any] = {
            "layout": LAYOUT,
            "stage": self.settings.stage,
            "settings": self.settings.to_dict(),
            "after": dict(self.after),
            "inputs": dict(self.inputs),
        }
        if seconds is not None:
            content |= {"seconds": seconds, "files": dict(files or {})}
        write_json(path, content)

    def lost(self, run: Path) -> str:
        """Say which of its files is missing or cut, "" where all are as they were."""
        for name, size in self.files.items():
            path = run / name
            if not path.is_file():
                return f"{name} is missing"
            if size is not None and path.stat().st_size != size:
                return f"{name} has {path.stat().st_size:,} of {size:,} bytes"
        return ""

    @property
    def digest(self) -> str:
        """What two records share if and only if they are equal."""
        content = (self.settings.decisive(), dict(self.after), dict(self.inputs))
        return short_digest(json.dumps(content, sort_keys=True).encode())

    def goes_on(self, other: "Record", extends: tuple[str, ...]) -> bool:
        """Whether `other` differs at most in how far to go, not in which way."""
        before, after = self.settings.decisive(), other.settings.decisive()
        for name in extends:
            before.pop(name, None)
            after.pop(name, None)
        same = (self.after, self.inputs) == (other.after, other.inputs)
        return same and before == after

    def differences(self, other: "Record") -> str:
        """Say what is different in `other`."""
        told = self.settings.differences(other.settings)
        if self.inputs != other.inputs:
            told.append("a file that it reads has changed")
        if self.after != other.after:
            told.append("what it builds on was made anew")
        return "; ".join(told)


def _texts(content: Any) -> dict[str, str]:
    """A dict of texts, or a ValueError."""
    if not isinstance(content, dict) or not all(
        isinstance(text, str) for pair in content.items() for text in pair
    ):
        raise ValueError(f"must be texts by name, not {content!r}")
    return content
