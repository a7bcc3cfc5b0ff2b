"""Settings of a whole stage."""

from dataclasses import dataclass
from typing import Any, ClassVar

from keras_derm.settings.settings import Settings

STAGES: dict[str, type["StageSettings"]] = {}
"""Settings of every stage, by the name of the stage, which is that of its app."""


@dataclass(frozen=True)
class StageSettings(Settings):
    """Base of the settings of one stage, which is known by the name of its app.

    A subclass says it as it is made: `class EvaluateSettings(StageSettings,
    stage="evaluate")`. Its docstring is the help of the app.

    Example:
        >>> STAGES["evaluate"].from_dict({"n_replicates": 500})
        EvaluateSettings(n_replicates=500, ...)
    """

    stage: ClassVar[str]

    def __init_subclass__(cls, stage: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if stage:
            cls.stage = stage
            STAGES[stage] = cls

    @classmethod
    def title(cls) -> str:
        return cls.stage

    @property
    def record(self) -> str:
        """What the stage is called in a run."""
        return self.stage
