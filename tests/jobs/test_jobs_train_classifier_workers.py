"""train_classifier.py as two workers. Sizes are for the test."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worker_processes import errors, finish, kill_after_an_epoch, start_workers

from keras_derm.classifiers import load_classifier

APP = Path(__file__).parents[2] / "apps" / "train_classifier.py"
MEMBER = {"backbone": "CustomCNN", "image_size": 32, "epochs": 2}
HISTORY = "arms/baseline/customcnn_32/history.csv"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def prepared(prepared_run, tmp_path_factory):
    return shutil.copytree(prepared_run, tmp_path_factory.mktemp("workers") / "run")


def command(run, seed=0):
    options = ["--batch_size", "8", "--members", json.dumps([MEMBER]), "--seed", seed]
    return [APP, "--run", run, *options]


def test_killed_workers_of_the_app_end_as_those_that_were_not(prepared, tmp_path):
    whole, killed, far = (
        shutil.copytree(prepared, tmp_path / name) for name in ("0", "killed", "1")
    )
    finish(start_workers(command(tmp_path / "{i}")))  # each has a run of its own
    assert not (far / "arms/baseline").exists()
    said = kill_after_an_epoch(start_workers(command(killed)), 1, killed / HISTORY)
    assert "error: another worker is gone" in said
    assert not (killed / "stages/train_classifier.baseline.json").exists()
    finish(start_workers(command(killed)))
    assert (killed / "stages/train_classifier.baseline.json").is_file()
    ensembles = [run / "arms/baseline/ensemble.keras" for run in (whole, killed)]
    weights = [load_classifier(path).get_weights() for path in ensembles]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
    histories = [pd.read_csv(run / HISTORY) for run in (whole, killed)]
    pd.testing.assert_frame_equal(*histories)


def test_workers_that_ray_starts_train_as_those_of_tf_config(prepared, tmp_path):
    pytest.importorskip("ray", reason="no Ray here")
    ours, rays = (shutil.copytree(prepared, tmp_path / name) for name in ("0", "ray"))
    shutil.copytree(prepared, tmp_path / "1")
    finish(start_workers(command(tmp_path / "{i}")))
    options = [*command(rays), "--cluster", "local", "--n_workers", "2"]
    told = subprocess.run(
        [sys.executable, *map(str, options)], capture_output=True, text=True, check=True
    )
    assert "Epoch 2/2" in told.stdout and "Ray" not in told.stdout + told.stderr
    assert not list(rays.glob(".ray-*"))
    ensembles = [run / "arms/baseline/ensemble.keras" for run in (ours, rays)]
    weights = [load_classifier(path).get_weights() for path in ensembles]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_workers_with_other_settings_do_not_train(prepared):
    processes = start_workers(command(prepared, seed="{i}"))
    said = errors(processes)
    assert [process.returncode for process in processes] == [1, 1]
    assert "another worker is gone" in said[0]
    assert "with the same command" in said[1] and "Received: seed" in said[1]
    assert not (prepared / "arms/baseline/ensemble.keras").exists()
