import pytest

from keras_derm.runs import RunDirectory


def do(run, name, settings, **kwargs):
    with run.stage(name, settings, **kwargs) as todo:
        return todo


def test_finished_stage_is_not_done_again(tmp_path):
    run = RunDirectory(tmp_path / "run")
    assert do(run, "audit", {"rule": "quadrant"})
    assert not do(RunDirectory(tmp_path / "run"), "audit", {"rule": "quadrant"})
    assert do(run, "audit", {"rule": "published"})


def test_stage_follows_what_it_builds_on(tmp_path):
    run = RunDirectory(tmp_path)
    do(run, "audit", {"rule": 1})
    do(run, "prepare", {}, after=["audit"])
    assert not do(run, "prepare", {}, after=["audit"])
    do(run, "audit", {"rule": 2})
    assert do(run, "prepare", {}, after=["audit"])


def test_missing_earlier_stage_names_its_app(tmp_path):
    with pytest.raises(FileNotFoundError, match="apps/audit_skin_tone.py"):
        do(RunDirectory(tmp_path), "prepare", {}, after=["audit"])


def test_interrupted_stage_keeps_its_folder_and_is_done_again(tmp_path):
    run = RunDirectory(tmp_path)
    with (
        pytest.raises(KeyboardInterrupt),
        run.stage("generator", {"n": 1}, folders=["g"]),
    ):
        (run / "g").mkdir()
        raise KeyboardInterrupt
    with run.stage("generator", {"n": 1}, folders=["g"]) as todo:
        assert todo and (run / "g").is_dir()
    with run.stage("generator", {"n": 2}, folders=["g"]) as todo:
        assert todo and not (run / "g").exists()


@pytest.mark.parametrize("killed", [True, False])
def test_a_stage_taken_further_keeps_its_folder(tmp_path, killed):
    run = RunDirectory(tmp_path)
    options = {"folders": ["g"], "extends": ["n_steps"]}
    try:
        with run.stage("generator", {"n_steps": 1, "seed": 0}, **options):
            (run / "g").mkdir()
            if killed:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert not run.done("generator")
    with run.stage("generator", {"n_steps": 2, "seed": 0}, **options) as todo:
        assert todo and (run / "g").is_dir()
    assert run.settings("generator") == {"n_steps": 2, "seed": 0}
    with run.stage("generator", {"n_steps": 2, "seed": 1}, **options) as todo:
        assert todo and not (run / "g").exists()


def test_a_finished_stage_made_anew_without_a_change_of_its_own_loses_its_folder(
    tmp_path,
):
    run = RunDirectory(tmp_path)
    do(run, "prepare", {"size": 1})
    with run.stage("generator", {"n": 1}, after=["prepare"], folders=["g"]):
        (run / "g").mkdir()
    do(run, "prepare", {"size": 2})
    with run.stage("generator", {"n": 1}, after=["prepare"], folders=["g"]) as todo:
        assert todo and not (run / "g").exists()


def make(run, size, fails=False):
    with run.stage("b", {"n": size}, folders=["arms/b"], self_contained=True) as todo:
        if todo:
            (run / "arms/b").mkdir(parents=True, exist_ok=True)
            (run / f"arms/b/{size}").touch()
            if fails:
                raise ValueError("no such preset")


def contents(run):
    return sorted(str(p.relative_to(run / "arms")) for p in run.path.rglob("arms/**/*"))


def test_what_is_made_anew_is_kept_until_it_is_made(tmp_path, capsys):
    run = RunDirectory(tmp_path)
    make(run, 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such preset"):
            make(run, 2, fails=True)
        assert "n was 1 and is 2" in capsys.readouterr().out
        make(run, 1)
        assert contents(run) == ["b", "b/1"] and run.settings("b") == {"n": 1}
        assert "brought back" in capsys.readouterr().out
    make(run, 2)
    assert contents(run) == ["b", "b/2"] and run.settings("b") == {"n": 2}


def test_what_was_begun_is_brought_back_too_and_goes_on(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(ValueError, match="no such preset"):
        make(run, 1, fails=True)
    with pytest.raises(ValueError, match="no such preset"):
        make(run, 2, fails=True)
    make(run, 1)
    assert contents(run) == ["b", "b/1"] and run.settings("b") == {"n": 1}
