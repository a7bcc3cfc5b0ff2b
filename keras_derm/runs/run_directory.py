"""The directory that holds one run."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from keras_derm.catalog import Catalog
from keras_derm.files import write_json, write_yaml
from keras_derm.runs.environment import describe_environment
from keras_derm.runs.layout import ARM_STAGE, SEGMENTER_STAGE, Layout
from keras_derm.runs.lock import locked
from keras_derm.runs.records import Record
from keras_derm.runs.shelf import Shelf
from keras_derm.settings import (
    ARMS,
    RECIPE_STAGES,
    StageSettings,
    TrainClassifierSettings,
)

MODELS = (".keras", ".tflite", ".h5", ".npz")
"""Suffixes of files that nobody edits."""

AnyStage = TypeVar("AnyStage", bound=StageSettings)
REFUSALS = (ValueError, KeyError, FileNotFoundError, ImportError)
"""Errors that say that the input of a stage cannot be."""


class RunDirectory(Layout):
    """What a run has made, stage by stage.

    `config.yaml` is a recipe of every stage done so far, with all its settings;
    `environment.json` says on what it ran. Each finished stage leaves
    `stages/<stage>.json` with its settings and those of the stages it builds on. A
    stage asked for again with the same settings is not done again; with others it is
    made anew, and so is all that builds on it.

    Args:
        path: The directory; made where it is absent.

    Example:
        >>> run = RunDirectory("runs/first")
        >>> run.settings(AuditSkinToneSettings).rule
        'quadrant'
        >>> run.arms
        ('baseline', 'augmented')
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from working here; see `runs.lock`."""
        return locked(self.path)

    @contextlib.contextmanager
    def stage(
        self,
        name: str,
        settings: StageSettings,
        after: tuple[str, ...] = (),
        writes: tuple[str, ...] = (),
        extends: tuple[str, ...] = (),
        inputs: dict[str, str] | None = None,
        keeps: tuple[str, ...] = (),
    ) -> Iterator[bool]:
        """Enter a stage; it counts as done when the block ends without error.

        What an earlier one of other settings made is set aside until the new one is
        whole, and brought back where the new one is refused or the old settings are
        asked for again.

        Args:
            name: Name of the stage.
            settings: Everything that decides its result.
            after: Names of the finished stages it builds on.
            writes: Files and folders that belong to the stage alone; glob patterns.
            extends: Names of settings that say how far to go, not which way. Where
                only these differ, what there is stays and the stage goes on.
            inputs: Digest of each file of the user's that it reads.
            keeps: Files without which it is not done; glob patterns. Where one is
                missing, or a model is cut, the stage is made anew.

        Yields:
            Whether there is anything to do.

        Raises:
            FileNotFoundError: A stage in `after` has not been done.
            RunLockedError: Another process is working on this run.
        """
        with self.locked():
            wanted = Record(settings, self._digests(name, after), inputs or {})
            shelf = Shelf(self, name, writes)
            self._forget_lost(name, shelf)
            extended = self._bring_out(name, wanted, shelf, extends)
            if self.done(name):
                print(f"[{name}] already done", flush=True)
                yield False
                return
            wanted.write(self.begun_record(name))
            print(f"[{name}] ...", flush=True)
            start = time.monotonic()
            try:
                self._refuse_lost(after)
                yield True
            except REFUSALS:
                shelf.bring_back_finished()
                if extended is not None:
                    extended.write(self.record(name), extended.seconds)
                    self.begun_record(name).unlink()
                raise
            seconds = round(time.monotonic() - start, 1)
            wanted.write(self.record(name), seconds, self._kept(keeps))
            self.begun_record(name).unlink()
            shelf.throw_away()
            self._describe()
            print(f"[{name}] done in {seconds:.0f} s", flush=True)

    def _forget_lost(self, name: str, shelf: Shelf) -> None:
        """Remove a finished stage of which a file is missing or cut."""
        if not self.done(name):
            return
        lost = Record.read(self.record(name)).lost(self.path)
        if lost:
            print(f"[{name}] anew: {lost}", flush=True)
            self.record(name).unlink()
            self.begun_record(name).unlink(missing_ok=True)
            shelf.set_aside()

    def _refuse_lost(self, after: tuple[str, ...]) -> None:
        """Refuse to build on stages of which a file is missing or cut."""
        for earlier in after:
            lost = Record.read(self.record(earlier)).lost(self.path)
            if lost:
                raise FileNotFoundError(
                    f"{self.path}: {lost}, which {earlier} had left: run it again "
                    f"({_command(earlier)}), and it is made anew. "
                    f"Received: {self.path}"
                )

    def _kept(self, patterns: tuple[str, ...]) -> dict[str, int | None]:
        """Files of the run with their size, where they are models."""
        found = [path for pattern in patterns for path in self.path.glob(pattern)]
        return {
            path.relative_to(self.path).as_posix(): (
                path.stat().st_size if path.suffix in MODELS else None
            )
            for path in dict.fromkeys(found)
        }

    def _bring_out(
        self, name: str, wanted: Record, shelf: Shelf, extends: tuple[str, ...]
    ) -> Record | None:
        """Leave in the run what was made with these settings, and nothing else.

        Returns:
            Record of a finished stage that is now to go further, or None.
        """
        current, finished = shelf.current, self.done(name)
        if current == wanted:
            return None
        if current is not None and current.goes_on(wanted, extends):
            self.record(name).unlink(missing_ok=True)
            return current if finished else None
        if current is not None and finished:
            print(f"[{name}] anew: {current.differences(wanted)}", flush=True)
        if shelf.bring_back(wanted):
            print(f"[{name}] brought back as it was with these settings", flush=True)
        else:
            shelf.set_aside()
        return None

    def _digests(self, name: str, after: tuple[str, ...]) -> dict[str, str]:
        digests = {}
        for earlier in after:
            if not self.record(earlier).is_file():
                raise FileNotFoundError(
                    f"{self.path} has no finished stage {earlier!r}, which {name!r} "
                    f"builds on; run it first ({_command(earlier)})"
                )
            digests[earlier] = Record.read(self.record(earlier)).digest
        return digests

    def is_current(self, name: str) -> bool:
        """Whether a stage is finished, and nothing it builds on was made anew since."""
        if not self.record(name).is_file():
            return False
        after = Record.read(self.record(name)).after
        return all(
            self.record(earlier).is_file()
            and Record.read(self.record(earlier)).digest == digest
            for earlier, digest in after.items()
        )

    def _describe(self) -> None:
        """Write the recipe that repeats what was done, and on what it was done."""
        stages: dict[str, Any] = {}
        for name in RECIPE_STAGES:
            if name == "train_classifier" and self.arms:
                stages[name] = self._arms_described()
            elif name == "train_segmenter" and self.segmenters:
                stages[name] = {"arms": self._segmenters_described()}
            elif self.record(name).is_file():
                stages[name] = Record.read(self.record(name)).settings.to_dict()
        recipe = {
            "name": self.path.resolve().name,
            "only": list(stages),
            "scales": {"published": stages},
        }
        write_yaml(self.path / "config.yaml", recipe)
        write_json(self.path / "environment.json", describe_environment())

    def _arms_described(self) -> dict[str, Any]:
        """Settings of the arms as a recipe has them.

        Where not both of `ARMS` were trained, the others stand alone: what is shared
        without members would have these trained too.
        """
        arms = {
            name: self.settings(TrainClassifierSettings, name).to_dict()
            for name in self.arms
        }
        for own in arms.values():
            del own["arm"]
        if not set(ARMS) <= set(arms):
            return {"arms": arms}
        shared = arms.pop(ARMS[0])
        others = {name: own for name, own in arms.items() if name != ARMS[1]}
        if arms[ARMS[1]] != shared:
            others = arms
        return shared | ({"arms": others} if others else {})

    def _segmenters_described(self) -> dict[str, Any]:
        """Settings of the arms of the segmenter, each without its name."""
        described = {}
        for name in self.segmenters:
            record = self.record(f"{SEGMENTER_STAGE}{name}")
            described[name] = Record.read(record).settings.to_dict()
            del described[name]["arm"]
        return described

    def settings(self, kind: type[AnyStage], arm: str | None = None) -> AnyStage:
        """Settings of a finished stage.

        Args:
            kind: Class of its settings.
            arm: Of `TrainClassifierSettings`, name of the arm.

        Raises:
            FileNotFoundError: It has not been finished.
        """
        name = kind.stage if arm is None else f"{ARM_STAGE}{arm}"
        if not self.record(name).is_file():
            raise FileNotFoundError(
                f"{self.path} has no finished stage {name!r}; run it first "
                f"({_command(name)})"
            )
        settings = Record.read(self.record(name)).settings
        assert isinstance(settings, kind)
        return settings

    def begun(self, kind: type[AnyStage]) -> AnyStage | None:
        """Settings of a stage that is not finished, or None where none was begun."""
        path = self.begun_record(kind.stage)
        settings = Record.read(path).settings if path.is_file() else None
        assert settings is None or isinstance(settings, kind)
        return settings

    def seconds(self) -> dict[str, float]:
        """Seconds each finished stage took, by the name of its record."""
        paths = sorted(self.path.glob("stages/*.json"), key=lambda p: p.stat().st_mtime)
        taken = {
            path.name[: -len(".json")]: Record.read(path).seconds for path in paths
        }
        return {name: each for name, each in taken.items() if each is not None}

    @property
    def catalog(self) -> Catalog:
        """Catalog of the real images."""
        return Catalog.load(self.catalog_file)

    @property
    def synthetic_catalog(self) -> Catalog | None:
        """Catalog of the synthetic images, or None where none was made or kept."""
        path = self.synthetic / "catalog.csv"
        return Catalog.load(path) if path.is_file() else None


def _command(name: str) -> str:
    """The app that makes a stage, with the arm where it is one of an arm."""
    app, _, arm = name.partition(".")
    return f"apps/{app}.py --arm {arm}" if arm else f"apps/{app}.py"
