"""Where results of a stage wait while others take their place."""

import shutil
from pathlib import Path

from keras_derm.runs.layout import Layout
from keras_derm.runs.records import Record


class Shelf:
    """Results of one stage that were made with other settings.

    What a stage has made is set aside before it is made anew, and thrown away when the
    new is whole. Where its old settings are asked for before that, or the new are
    refused, it is brought back.

    Args:
        layout: `Layout` of the run.
        stage: Name of the stage.
        writes: Files and folders that belong to the stage alone, relative to the run;
            glob patterns.

    Example:
        >>> shelf = Shelf(run, "evaluate", ("metrics.json", "predictions"))
        >>> shelf.set_aside()
        >>> shelf.bring_back(record)
    """

    def __init__(self, layout: Layout, stage: str, writes: tuple[str, ...]) -> None:
        self.layout, self.writes = layout, writes
        self.folder = layout / f"stages/.{stage}.before"
        self.records = (layout.record(stage), layout.begun_record(stage))

    @property
    def current(self) -> Record | None:
        """Record of what lies in the run: of an attempt, else of a finished stage."""
        for path in reversed(self.records):
            if path.is_file():
                return Record.read(path)
        return None

    def set_aside(self) -> None:
        """Put what the stage has made, with its records, on the shelf.

        What lies there without a record, which nobody can ask for, is removed.
        """
        record = self.current
        if record is not None:
            self._move(self.layout.path, self._place(record))
            return
        for path in self._written(self.layout.path):
            _remove(path)

    def bring_back(self, record: Record) -> bool:
        """Take back what was made with the settings of `record`; whether there was."""
        place = self._place(record)
        if not place.is_dir():
            return False
        self.set_aside()
        self._move(place, self.layout.path)
        shutil.rmtree(place)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
        return True

    def bring_back_finished(self) -> None:
        """Take back what was finished, where that is on the shelf.

        An attempt that has made nothing leaves nothing.
        """
        finished, begun = self.records
        for path in self.folder.glob(f"*/{finished.relative_to(self.layout.path)}"):
            if not self._written(self.layout.path):
                begun.unlink(missing_ok=True)
            self.bring_back(Record.read(path))

    def throw_away(self) -> None:
        """Empty the shelf."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, record: Record) -> Path:
        return self.folder / record.digest

    def _written(self, root: Path) -> list[Path]:
        found = [path for pattern in self.writes for path in root.glob(pattern)]
        return [path for path in dict.fromkeys(found) if path.exists()]

    def _move(self, source: Path, target: Path) -> None:
        records = [path.relative_to(self.layout.path) for path in self.records]
        found = [source / path for path in records if (source / path).exists()]
        for path in [*self._written(source), *found]:
            place = target / path.relative_to(source)
            if place.exists():
                _remove(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
