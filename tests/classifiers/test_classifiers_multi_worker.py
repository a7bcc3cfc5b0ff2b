"""Workers in processes of their own, as on several machines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import pytest
import worker

SCRIPT = worker.__file__
PATIENCE = 240
"""Seconds that no test should take, on a machine that has other things to do."""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(command, n_workers=2):
    """Start a command as workers of each other; `{i}` in it is the worker's number."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(n_workers)]}
    processes = []
    for i in range(n_workers):
        task = {"type": "worker", "index": i}
        config = json.dumps({"cluster": cluster, "task": task})
        processes.append(
            subprocess.Popen(
                [sys.executable, *(str(part).format(i=i) for part in command)],
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def finish(processes):
    """Wait for processes; what each wrote to standard error."""
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text[-3000:]
    return said


def weights(path):
    with np.load(path) as arrays:
        return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_workers_learn_what_one_process_does_and_stay_equal(tmp_path):
    run = tmp_path / "run0"
    finish(start([SCRIPT, "plain,full", tmp_path / "run{i}", tmp_path / "w{i}"]))
    for kind in ("plain", "full"):
        assert_same(*(weights(tmp_path / f"w{i}_{kind}.npz") for i in range(2)))
        written = {path.name for path in (run / kind).iterdir()}
        assert written == {"model.keras", "state.keras", "history.csv"}
    assert not (tmp_path / "run1").exists()  # only the chief writes

    worker.train("plain", tmp_path / "one", tmp_path / "one.npz")
    expected = weights(tmp_path / "one.npz")
    for a, b in zip(weights(tmp_path / "w0_plain.npz"), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
    histories = [
        pd.read_csv(path / "history.csv") for path in (tmp_path / "one", run / "plain")
    ]
    pd.testing.assert_frame_equal(*histories, rtol=1e-5)


def killed_after_an_epoch(processes, victim, folder):
    """Kill a worker by the system in the second epoch; what the other then says."""
    history, begun = folder / "history.csv", time.monotonic()
    while not history.is_file():
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.002)
    processes[victim].send_signal(signal.SIGKILL)
    processes[victim].communicate()
    return processes[1 - victim].communicate(timeout=PATIENCE)[1]


@pytest.mark.slow
@pytest.mark.parametrize("victim, kind", [(0, "full"), (1, "head")])
def test_killed_worker_ends_the_others_and_all_go_on(tmp_path, victim, kind):
    command = [SCRIPT, kind, tmp_path / "whole", tmp_path / "whole{i}"]
    finish(start(command))
    command = [SCRIPT, kind, tmp_path / "killed", tmp_path / "killed{i}"]
    processes = start(command)
    said = killed_after_an_epoch(processes, victim, tmp_path / "killed" / kind)
    assert processes[1 - victim].returncode == 1
    assert "another worker is gone" in said
    n_epochs = len(pd.read_csv(tmp_path / "killed" / kind / "history.csv"))
    assert n_epochs < 4
    finish(start(command))
    expected = weights(tmp_path / f"whole0_{kind}.npz")
    for i in range(2):
        assert_same(weights(tmp_path / f"killed{i}_{kind}.npz"), expected)
    folders = [tmp_path / name / kind for name in ("whole", "killed")]
    histories = [pd.read_csv(folder / "history.csv") for folder in folders]
    pd.testing.assert_frame_equal(*histories)
    models = [keras.models.load_model(folder / "model.keras") for folder in folders]
    assert_same(*(model.get_weights() for model in models))
