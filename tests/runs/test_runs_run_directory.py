import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from keras_derm.files import write_json
from keras_derm.runs import RecordError, RunDirectory, RunLockedError, Stage
from keras_derm.settings import (
    AuditSkinToneSettings,
    MemberSettings,
    PrepareDatasetSettings,
    StageSettings,
    TrainClassifierSettings,
)


@dataclass(frozen=True)
class CountSettings(StageSettings, stage="count"):
    """Settings of a stage for these tests."""

    n: int = 1
    n_steps: int = 1


AUDIT = AuditSkinToneSettings("phantom:n=9")


def do(run, settings, **kwargs):
    with run.stage(settings.record, settings, **kwargs) as todo:
        return todo


def test_finished_stage_is_not_done_again(tmp_path):
    run = RunDirectory(tmp_path / "run")
    assert do(run, AUDIT)
    assert not do(RunDirectory(tmp_path / "run"), AUDIT)
    assert do(run, AuditSkinToneSettings("phantom:n=9", rule="published"))


def test_stage_follows_what_it_builds_on(tmp_path):
    run = RunDirectory(tmp_path)
    do(run, AUDIT)
    after = {"after": ("audit_skin_tone",)}
    do(run, PrepareDatasetSettings(), **after)
    assert not do(run, PrepareDatasetSettings(), **after)
    assert run.is_current("prepare_dataset")
    do(run, AuditSkinToneSettings("phantom:n=8"))
    assert not run.is_current("prepare_dataset")
    assert do(run, PrepareDatasetSettings(), **after)
    assert run.is_current("prepare_dataset")


def test_missing_earlier_stage_names_its_app(tmp_path):
    with pytest.raises(FileNotFoundError, match="apps/audit_skin_tone.py"):
        do(
            RunDirectory(tmp_path),
            PrepareDatasetSettings(),
            after=("audit_skin_tone",),
        )
    with pytest.raises(FileNotFoundError, match="train_classifier.py --arm other"):
        do(
            RunDirectory(tmp_path),
            PrepareDatasetSettings(),
            after=("train_classifier.other",),
        )


def test_a_setting_that_is_new_at_its_default_makes_nothing_anew(tmp_path):
    run = RunDirectory(tmp_path)
    do(run, PrepareDatasetSettings(image_size=64), writes=("prepared/real",))
    path = run.record("prepare_dataset")
    content = json.loads(path.read_text())
    del content["settings"]["images_per_shard"]  # as an older record has it
    write_json(path, content)
    assert not do(run, PrepareDatasetSettings(image_size=64))
    assert do(run, PrepareDatasetSettings(image_size=64, images_per_shard=9))


def test_a_file_of_the_users_that_changed_makes_anew(tmp_path):
    run = RunDirectory(tmp_path)
    do(run, CountSettings(), inputs={"a.csv": "1"})
    assert not do(run, CountSettings(), inputs={"a.csv": "1"})
    assert do(run, CountSettings(), inputs={"a.csv": "2"})


def test_interrupted_stage_keeps_its_folder_and_is_done_again(tmp_path):
    run = RunDirectory(tmp_path)
    folder = {"writes": ("g",)}
    with (
        pytest.raises(KeyboardInterrupt),
        run.stage("count", CountSettings(1), **folder),
    ):
        (run / "g").mkdir()
        raise KeyboardInterrupt
    with run.stage("count", CountSettings(1), **folder) as todo:
        assert todo and (run / "g").is_dir()
    with run.stage("count", CountSettings(2), **folder) as todo:
        assert todo and not (run / "g").exists()


@pytest.mark.parametrize("killed", [True, False])
def test_a_stage_taken_further_keeps_its_folder(tmp_path, killed):
    run = RunDirectory(tmp_path)
    options = {"writes": ("g",), "extends": ("n_steps",)}
    try:
        with run.stage("count", CountSettings(n_steps=1), **options):
            (run / "g").mkdir()
            if killed:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert not run.done("count")
    with run.stage("count", CountSettings(n_steps=2), **options) as todo:
        assert todo and (run / "g").is_dir()
    assert run.settings(CountSettings) == CountSettings(n_steps=2)
    with run.stage("count", CountSettings(n=7, n_steps=2), **options) as todo:
        assert todo and not (run / "g").exists()


def test_a_finished_stage_made_anew_without_a_change_of_its_own_loses_its_folder(
    tmp_path,
):
    run = RunDirectory(tmp_path)
    do(run, PrepareDatasetSettings(image_size=1))
    options = {"after": ("prepare_dataset",), "writes": ("g",)}
    with run.stage("count", CountSettings(), **options):
        (run / "g").mkdir()
    do(run, PrepareDatasetSettings(image_size=2))
    with run.stage("count", CountSettings(), **options) as todo:
        assert todo and not (run / "g").exists()


def make(run, n, error=None):
    writes = ("arms/b", "figures/b_*.png")
    with run.stage("count", CountSettings(n), writes=writes) as todo:
        if todo:
            for name in (f"arms/b/{n}", f"figures/b_{n}.png"):
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                (run / name).touch()
            if error:
                raise error
        return todo


def contents(run):
    places = [*run.path.glob("arms/**/*"), *run.path.glob("figures/*")]
    return sorted(str(path.relative_to(run.path)) for path in places if path.is_file())


def test_what_is_made_anew_is_kept_until_it_is_made(tmp_path, capsys):
    run = RunDirectory(tmp_path)
    make(run, 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            make(run, 2, RuntimeError("out of memory"))
        assert "n was 1 and is 2" in capsys.readouterr().out
        make(run, 1)
        assert contents(run) == ["arms/b/1", "figures/b_1.png"]
        assert run.settings(CountSettings) == CountSettings(1)
        assert "brought back" in capsys.readouterr().out
    make(run, 2)
    assert contents(run) == ["arms/b/2", "figures/b_2.png"]
    assert run.settings(CountSettings) == CountSettings(2)
    assert not list(run.path.rglob(".*"))


def test_what_was_begun_is_brought_back_too_and_goes_on(tmp_path):
    run = RunDirectory(tmp_path)
    for n in (1, 2):
        with pytest.raises(RuntimeError, match="out of memory"):
            make(run, n, RuntimeError("out of memory"))
    make(run, 1)
    assert contents(run) == ["arms/b/1", "figures/b_1.png"]
    assert run.settings(CountSettings) == CountSettings(1)


@pytest.mark.parametrize("error", [ValueError("no such"), FileNotFoundError("no such")])
def test_refused_input_leaves_the_finished_stage_as_it_was(tmp_path, error):
    run = RunDirectory(tmp_path)
    make(run, 1)
    with pytest.raises(type(error), match="no such"):
        make(run, 2, error)
    assert contents(run) == ["arms/b/1", "figures/b_1.png"]
    assert not make(run, 1)


def test_refused_attempt_that_made_nothing_leaves_nothing(tmp_path):
    run = RunDirectory(tmp_path)
    make(run, 1)
    before = sorted(run.path.rglob("*"))
    with (
        pytest.raises(ValueError, match="no such"),
        run.stage("count", CountSettings(2), writes=("arms/b", "figures/b_*.png")),
    ):
        raise ValueError("no such")
    assert sorted(run.path.rglob("*")) == before
    assert run.settings(CountSettings) == CountSettings(1)


def test_a_stage_that_cannot_go_further_stays_finished(tmp_path):
    run = RunDirectory(tmp_path)
    options = {"writes": ("g",), "extends": ("n_steps",)}
    with run.stage("count", CountSettings(n_steps=2), **options):
        (run / "g").mkdir()
    with (
        pytest.raises(ValueError, match="fewer steps"),
        run.stage("count", CountSettings(n_steps=1), **options),
    ):
        raise ValueError("fewer steps than were made")
    assert run.settings(CountSettings) == CountSettings(n_steps=2)
    assert (run / "g").is_dir() and not run.begun_record("count").exists()


def test_a_run_of_an_earlier_version_is_told_so(tmp_path):
    run = RunDirectory(tmp_path)
    write_json(run.record("count"), {"settings": {}, "after": {}, "seconds": 0})
    with pytest.raises(RecordError, match="earlier version of keras_derm.*Received"):
        do(run, CountSettings())


def test_a_damaged_record_is_named(tmp_path):
    run = RunDirectory(tmp_path)
    do(run, CountSettings())
    run.record("count").write_text("{")
    with pytest.raises(RecordError, match="count.json"):
        do(run, CountSettings())


def test_arms_of_every_recipe_come_first(tmp_path):
    run = RunDirectory(tmp_path)
    for arm in ("zebra_10", "augmented", "ape", "zebra_9", "baseline"):
        do(run, TrainClassifierSettings(arm, (MemberSettings("VGG16"),)))
    assert run.arms == ("baseline", "augmented", "ape", "zebra_9", "zebra_10")
    assert run.settings(TrainClassifierSettings, "ape").arm == "ape"
    assert set(run.seconds()) == {f"train_classifier.{arm}" for arm in run.arms}


class Count(Stage):
    """A stage that does what it is told to in these tests."""

    Settings = CountSettings
    writes = ("count.json",)

    def check(self):
        if self.settings.n == 13:
            raise ValueError("`n` must be lucky. Received: 13")

    def make(self):
        write_json(self.run / "count.json", self.settings.n)


def test_stage_that_is_refused_touches_nothing(tmp_path):
    Count(tmp_path, CountSettings(3)).do()
    with pytest.raises(ValueError, match="lucky"):
        Count(tmp_path, CountSettings(13)).do()
    assert json.loads((tmp_path / "count.json").read_text()) == 3
    assert RunDirectory(tmp_path).settings(CountSettings) == CountSettings(3)


HOLDER = """
import sys, time
from keras_derm.runs import RunDirectory

with RunDirectory(sys.argv[1]).locked():
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that works on `tmp_path`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()


def test_second_process_is_refused_with_the_first_ones_name(tmp_path, holder):
    with pytest.raises(
        RunLockedError, match=f"process {holder.pid} on {os.uname()[1]}"
    ):
        Count(tmp_path, CountSettings()).do()
    assert not (tmp_path / "count.json").exists()


def test_lock_of_a_dead_process_is_taken_over_with_a_word(tmp_path, holder, capsys):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    Count(tmp_path, CountSettings()).do()
    assert f"taken over from process {holder.pid}" in capsys.readouterr().out
    Count(tmp_path, CountSettings(2)).do()
    assert "taken over" not in capsys.readouterr().out


class MakeModel(Stage):
    """A stage that leaves a model and a table."""

    Settings = CountSettings
    writes = ("model", "table.csv")
    keeps = ("model/*.keras", "table.csv")

    def make(self):
        (self.run / "model").mkdir()
        (self.run / "model/whole.keras").write_bytes(b"a model")
        (self.run / "table.csv").write_text("a,b\n")


@pytest.mark.parametrize(
    "file, content, said",
    [
        ("model/whole.keras", None, "model/whole.keras is missing"),
        ("model/whole.keras", b"a mo", "model/whole.keras has 4 of 7 bytes"),
        ("table.csv", None, "table.csv is missing"),
    ],
)
def test_stage_whose_files_are_lost_or_cut_is_made_anew(
    tmp_path, capsys, file, content, said
):
    for _ in range(2):
        MakeModel(tmp_path, CountSettings()).do()
    assert "[count] already done" in capsys.readouterr().out
    path = tmp_path / file
    path.unlink() if content is None else path.write_bytes(content)
    run = RunDirectory(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{said}.*run it again.*count.py"):
        do(run, PrepareDatasetSettings(), after=("count",))
    MakeModel(tmp_path, CountSettings()).do()
    assert f"[count] anew: {said}" in capsys.readouterr().out
    assert (tmp_path / "model/whole.keras").read_bytes() == b"a model"
    MakeModel(tmp_path, CountSettings()).do()
    assert "[count] already done" in capsys.readouterr().out


def test_table_that_a_person_edited_is_kept(tmp_path, capsys):
    MakeModel(tmp_path, CountSettings()).do()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    MakeModel(tmp_path, CountSettings()).do()
    assert "already done" in capsys.readouterr().out
    assert (tmp_path / "table.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "change",
    [
        {"after": None},
        {"inputs": []},
        {"seconds": "long"},
        {"files": 3},
        {"stage": None},
        {"settings": None},
        {"settings": {"n": "many"}},
        {"layout": None},
    ],
)
def test_record_with_a_wrong_type_is_named_with_the_way_out(tmp_path, change):
    run = RunDirectory(tmp_path)
    do(run, AUDIT)
    record = run.record("audit_skin_tone")
    write_json(record, json.loads(record.read_text()) | change)
    with pytest.raises(RecordError, match=r"(made anew|begin a new run).*Received: "):
        do(run, AUDIT)
