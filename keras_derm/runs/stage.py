"""A step of a run."""

from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from keras_derm.cluster.place import NOWHERE_ELSE, on_cluster
from keras_derm.files import short_digest
from keras_derm.runs.run_directory import RunDirectory
from keras_derm.settings import StageSettings
from keras_derm.settings.spreads_work import SpreadsWork

AnySettings = TypeVar("AnySettings", bound=StageSettings)


class Stage(Generic[AnySettings]):
    """One step of a run: what it builds on, what it writes, and how it is done.

    A subclass says `Settings` and the other class attributes, and writes `make`. Its
    name is that of its app.

    Args:
        run: Run directory.
        settings: Its settings.

    Attributes:
        Settings: Class of its settings.
        after: Names of the stages it builds on.
        writes: Files and folders that belong to it alone, relative to the run; glob
            patterns.
        extends: Names of settings that say how far to go, not which way.
        keeps: Files without which it is not done, as `writes`.

    Example:
        >>> class CountImages(Stage):
        ...     Settings = CountImagesSettings
        ...     after = ("audit_skin_tone",)
        ...     writes = ("count.json",)
        ...
        ...     def make(self):
        ...         write_json(self.run / "count.json", len(self.run.catalog))
        >>> CountImages("runs/first", CountImagesSettings()).do()
    """

    Settings: ClassVar[type[StageSettings]]
    after: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    def __init__(self, run: str | Path, settings: AnySettings) -> None:
        self.run, self.settings = RunDirectory(run), settings

    @property
    def name(self) -> str:
        """Name of its record in the run."""
        return self.settings.record

    def do(self) -> Any:
        """Do the stage, unless it is done; nothing that is there is lost by an error.

        Raises:
            FileNotFoundError: A stage that it builds on has not been done.
            RunLockedError: Another process is working on this run.
        """
        with self.run.locked(), on_cluster(self._place):
            self.check()
            with self.entered() as todo:
                if todo:
                    self.make()
            return self.finish()

    @property
    def _place(self) -> str:
        """Where the work is spread over."""
        if isinstance(self.settings, SpreadsWork):
            return self.settings.cluster
        return NOWHERE_ELSE

    def entered(self) -> Any:
        """Enter the stage in the run directory; see `RunDirectory.stage`."""
        return self.run.stage(
            self.name,
            self.settings,
            self.after,
            self.writes,
            self.extends,
            {str(path): _digest(path) for path in self.inputs()},
            self.keeps,
        )

    def inputs(self) -> list[str]:
        """Files of the user's that decide the result."""
        return []

    def check(self) -> None:
        """Refuse what cannot be, before anything is begun or set aside."""

    def make(self) -> None:
        """Do the work."""
        raise NotImplementedError

    def finish(self) -> Any:
        """What is said or done even where the stage was done before."""


def _digest(path: str) -> str:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such file. Received: {path}")
    return short_digest(Path(path).read_bytes())
