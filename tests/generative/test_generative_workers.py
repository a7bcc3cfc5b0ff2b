"""Generators that several workers train, in processes of their own."""

import generator_worker
import numpy as np
import pandas as pd
import pytest
from worker_processes import finish, kill_after_an_epoch, start_workers

TIMINGS = ["images_per_second", "training_minutes"]


def weights(path):
    with np.load(path) as arrays:
        return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]


def history(folder):
    return pd.read_csv(folder / "history.csv").drop(columns=TIMINGS)


def check_against_one_process(kinds, tmp_path):
    """The losses of one process, and workers that stay equal; worker 0 alone writes."""
    folders = tmp_path / "run{i}", tmp_path / "weights{i}"
    finish(start_workers([generator_worker.__file__, ",".join(kinds), *folders, 2]))
    assert not (tmp_path / "run1").exists()
    for kind in kinds:
        both = [weights(tmp_path / f"weights{i}_{kind}.npz") for i in range(2)]
        for a, b in zip(*both, strict=True):
            np.testing.assert_array_equal(a, b)
        generator_worker.train_one(kind, tmp_path / kind, tmp_path / f"{kind}.npz")
        found, expected = history(tmp_path / "run0" / kind), history(tmp_path / kind)
        pd.testing.assert_frame_equal(found, expected, rtol=1e-3, atol=1e-4)


def test_two_workers_have_the_losses_of_one_process(tmp_path):
    check_against_one_process(["sngan"], tmp_path)


@pytest.mark.slow
def test_all_kinds_have_the_losses_of_one_process(tmp_path):
    check_against_one_process(["wgan", "cyclegan", "diffusion"], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("victim", [0, 1])
def test_killed_worker_ends_the_other_and_both_go_on(tmp_path, victim):
    whole, killed = (
        [generator_worker.__file__, "sngan", tmp_path / name, tmp_path / f"{name}{{i}}"]
        for name in ("whole", "killed")
    )
    finish(start_workers([*whole, 40]))
    path = tmp_path / "killed/sngan/history.csv"
    said = kill_after_an_epoch(start_workers([*killed, 40]), victim, path)
    assert "another worker is gone" in said
    assert len(pd.read_csv(path)) < 40
    finish(start_workers([*killed, 40]))
    for i in range(2):
        expected = weights(tmp_path / "whole0_sngan.npz")
        found = weights(tmp_path / f"killed{i}_sngan.npz")
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    found, expected = (history(tmp_path / n / "sngan") for n in ("killed", "whole"))
    pd.testing.assert_frame_equal(found, expected)
