"""Workers in processes of their own, as on several machines."""

import keras
import numpy as np
import pandas as pd
import pytest
import worker
from worker_processes import finish, kill_after_an_epoch, start_workers


def weights(path):
    with np.load(path) as arrays:
        return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_two_workers_learn_what_one_process_does_and_stay_equal(tmp_path):
    run, one = tmp_path / "run0", tmp_path / "one"
    command = [worker.__file__, "plain,full", tmp_path / "run{i}", tmp_path / "w{i}"]
    finish(start_workers(command))
    for kind in ("plain", "full"):
        assert_same(*(weights(tmp_path / f"w{i}_{kind}.npz") for i in range(2)))
        written = {path.name for path in (run / kind).iterdir()}
        assert written == {"model.keras", "state.keras", "history.csv"}
    assert not (tmp_path / "run1").exists()  # only the chief writes

    worker.train("plain", one, tmp_path / "one.npz")
    expected = weights(tmp_path / "one.npz")
    for a, b in zip(weights(tmp_path / "w0_plain.npz"), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    histories = [pd.read_csv(path / "history.csv") for path in (one, run / "plain")]
    pd.testing.assert_frame_equal(*histories, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("victim, kind", [(0, "full"), (1, "head")])
def test_killed_worker_ends_the_others_and_all_go_on(tmp_path, victim, kind):
    whole, killed = (
        [worker.__file__, kind, tmp_path / name, tmp_path / (name + "{i}")]
        for name in ("whole", "killed")
    )
    finish(start_workers(whole))
    history = tmp_path / "killed" / kind / "history.csv"
    said = kill_after_an_epoch(start_workers(killed), victim, history)
    assert "another worker is gone" in said
    assert len(pd.read_csv(history)) < 4
    finish(start_workers(killed))
    expected = weights(tmp_path / f"whole0_{kind}.npz")
    for i in range(2):
        assert_same(weights(tmp_path / f"killed{i}_{kind}.npz"), expected)
    folders = [tmp_path / name / kind for name in ("whole", "killed")]
    histories = [pd.read_csv(folder / "history.csv") for folder in folders]
    pd.testing.assert_frame_equal(*histories)
    models = [keras.models.load_model(folder / "model.keras") for folder in folders]
    assert_same(*(model.get_weights() for model in models))
