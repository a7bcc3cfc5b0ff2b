"""The directory that holds one run."""

import json
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from keras_derm.catalog import Catalog
from keras_derm.files import short_digest, write_json, write_yaml
from keras_derm.runs.environment import describe_environment


class RunDirectory:
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
        >>> with run.stage("audit", {"rule": "quadrant"}) as todo:
        ...     if todo:
        ...         ...
    """

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def __truediv__(self, name):
        return self.path / name

    @contextmanager
    def stage(
        self, name, settings, after=(), folders=(), extends=(), self_contained=False
    ):
        """Enter a stage; it counts as done when the block ends without error.

        Args:
            name: Name of the stage.
            settings: Everything that decides its result, JSON-able.
            after: Names of the finished stages it builds on.
            folders: Folders in the run that belong to the stage alone. They are
                removed when the stage is made anew with other settings, and kept
                when a killed stage resumes.
            extends: Names of settings that say how far to go, not which way. Where
                only these differ the folders are kept, and the stage goes on.
            self_contained: Whether all that the stage makes lies in its one folder.
                Made anew, the folder is then set aside until the stage is done, and
                brought back where the settings it had are asked for before that.

        Yields:
            Whether there is anything to do.

        Raises:
            FileNotFoundError: A stage in `after` has not been done.
        """
        for earlier in after:
            if not self._record(earlier).is_file():
                raise FileNotFoundError(
                    f"{self.path} has no finished stage {earlier!r}, which {name!r} "
                    f"builds on; run it first (apps/{APPS.get(earlier, earlier)}.py)"
                )
        wanted = {
            "settings": json.loads(json.dumps(settings, default=str)),
            "after": {earlier: self._digest(earlier) for earlier in after},
        }
        record, begun = self._record(name), self._record(f"{name}.begun")
        if self_contained:
            self._bring_back(name, wanted, folders[0])
        if record.is_file() and self._wanted(record) == wanted:
            print(f"[{name}] already done", flush=True)
            yield False
            return
        before = [path for path in (begun, record) if path.is_file()]
        if not before or not _same_way(self._wanted(before[0]), wanted, extends):
            present = [self / folder for folder in folders if (self / folder).exists()]
            if self_contained and present and before:
                told = _differences(self._wanted(before[0]), wanted)
                self._set_aside(name, present[0], told)
            for folder in present:
                if folder.exists():
                    shutil.rmtree(folder)
        record.unlink(missing_ok=True)
        write_json(begun, wanted)
        print(f"[{name}] ...", flush=True)
        start = time.monotonic()
        yield True
        seconds = round(time.monotonic() - start, 1)
        write_json(record, {**wanted, "seconds": seconds})
        begun.unlink()
        if self_contained:
            shutil.rmtree(_aside(self / folders[0]), ignore_errors=True)
        self._describe()
        print(f"[{name}] done in {seconds:.0f} s", flush=True)

    def _set_aside(self, name, folder, differences):
        """Keep what a stage made until what takes its place is whole."""
        aside = _aside(folder)
        print(f"[{name}] anew: {differences}", flush=True)
        if aside.exists():  # what was made before an attempt that was not finished
            return
        for record in (self._record(name), self._record(f"{name}.begun")):
            if record.is_file():
                shutil.copy(record, folder)
        folder.rename(aside)

    def _bring_back(self, name, wanted, folder):
        """Undo `_set_aside` where these are the settings of what was set aside."""
        folder = self / folder
        aside = _aside(folder)
        records = self._record(name), self._record(f"{name}.begun")
        kept = [path for path in records if (aside / path.name).is_file()]
        if not kept or self._wanted(aside / kept[0].name) != wanted:
            return
        if folder.exists():
            shutil.rmtree(folder)
        for record in records:
            record.unlink(missing_ok=True)
        aside.rename(folder)
        for record in kept:
            (folder / record.name).rename(record)
        print(f"[{name}] brought back as it was with these settings", flush=True)

    def _describe(self):
        done = [stage for stage in APPS if self.done(stage)]
        stages = {APPS[stage]: self.settings(stage) for stage in done}
        arms = {name: self.settings(f"{ARM}{name}") for name in self._arms()}
        trained = [stage for stage in done if APPS[stage] == "train_classifier"]
        if len(trained) == 1:  # the other one is not to be trained either
            arms = {trained[0]: stages.pop("train_classifier")} | arms
        if arms:
            stages.setdefault("train_classifier", {})["arms"] = arms
        recipe = {
            "name": self.path.resolve().name,
            "only": list(stages),
            "scales": {"published": stages},
        }
        write_yaml(self.path / "config.yaml", recipe)
        write_json(self.path / "environment.json", describe_environment())

    def _arms(self):
        """Names of the finished arms beside baseline and augmented."""
        records = (self.path / "stages").glob(f"{ARM}*.json")
        names = sorted(path.stem.removeprefix(ARM) for path in records)
        return [name for name in names if not name.endswith(".begun")]

    def done(self, name):
        """Whether the stage has been finished."""
        return self._record(name).is_file()

    def seconds(self):
        """Seconds each finished stage took, by name."""
        records = sorted(
            (self.path / "stages").glob("*.json"), key=lambda p: p.stat().st_mtime
        )
        contents = {p.stem: json.loads(p.read_text()) for p in records}
        return {k: v["seconds"] for k, v in contents.items() if "seconds" in v}

    def settings(self, name):
        """Settings of a finished stage."""
        return json.loads(self._record(name).read_text())["settings"]

    def begun(self, name):
        """Settings of a stage that is not finished, or None where none was begun."""
        path = self._record(f"{name}.begun")
        return json.loads(path.read_text())["settings"] if path.is_file() else None

    @property
    def catalog(self):
        """Catalog of the real images."""
        return Catalog.load(self.path / "catalog.csv")

    @property
    def synthetic_catalog(self):
        """Catalog of the made images, or None where none was made or kept."""
        path = self.path / "synthetic" / "catalog.csv"
        return Catalog.load(path) if path.is_file() else None

    def _record(self, name):
        return self.path / "stages" / f"{name}.json"

    def _digest(self, name):
        content = json.dumps(self._wanted(self._record(name)), sort_keys=True)
        return short_digest(content.encode())

    @staticmethod
    def _wanted(record):
        content = json.loads(record.read_text())
        return {key: content[key] for key in ("settings", "after")}


def _aside(folder):
    return folder.with_name(f".{folder.name}.before")


def _differences(before, wanted):
    """Say which settings are others."""
    first, second = before["settings"], wanted["settings"]
    told = [
        f"{key} was {first.get(key)!r} and is {second.get(key)!r}"
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key)
    ]
    if before["after"] != wanted["after"]:
        told.append("what it builds on was made anew")
    return "; ".join(told)


def _same_way(before, wanted, extends):
    settings = (before["settings"], wanted["settings"])
    first, second = (
        {key: value for key, value in each.items() if key not in extends}
        for each in settings
    )
    return first == second and before["after"] == wanted["after"]


ARM = "arm_"
"""What the stage of an arm beside baseline and augmented begins with."""

APPS = {
    "audit": "audit_skin_tone",
    "prepare": "prepare_dataset",
    "generator": "train_generator",
    "synthetic": "synthesize",
    "image_quality": "image_quality",
    "baseline": "train_classifier",
    "augmented": "train_classifier",
    "evaluation": "evaluate",
    "explain": "explain",
    "export": "export_tflite",
}
