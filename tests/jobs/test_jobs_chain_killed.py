"""A whole chain, killed at any moment and started again. Sizes are for the test."""

import json
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from keras_derm import classifiers, generative  # noqa: F401 (registers the models)

N_KILLS, SEED = 20, 7
DATA = "phantom:n=90,seed=3,size=64"
MEMBER = {"backbone": "CustomCNN", "image_size": 16, "epochs": 3}
RECIPE = {
    "prepare_dataset": {"image_size": 32},
    "train_generator": {
        "image_size": 32,
        "n_steps": 6,
        "steps_per_epoch": 2,
        "generator": {"sngan": {"batch_size": 8, "base_channels": 4, "latent_dim": 8}},
    },
    "synthesize": {"target_per_diagnosis": 8, "candidates_per_image": 1.5},
    "train_classifier": {
        "batch_size": 16,
        "batch_norm_momentum": 0.5,
        "members": [MEMBER, MEMBER | {"image_size": 24}],
    },
    "evaluate": {"n_replicates": 20},
    "explain": {"n_each": 1, "n_points": 20},
    "export_tflite": {"mode": "dynamic", "gate": "none"},
}
CHAIN = """
import sys
from keras_derm.generative.screening import set_verdicts, verdicts
from keras_derm.jobs import audit_skin_tone
from keras_derm.jobs.run_recipe import run_recipe

# All is measured as always, and nothing rejected: what a generator makes that has
# learned nothing would never pass.
verdicts._reasons = lambda table, names: [""] * len(table)
set_verdicts._reason = lambda row, few: ""
audit_skin_tone.N_UNDER_CASTS = 2
run_recipe(sys.argv[1], sys.argv[2], sys.argv[3])
"""
TIMES = ("second", "minute", "latency", "memory", "throughput")
"""Words in the names of columns that no two runs share."""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Function of a run directory that starts the chain in a process."""
    folder = tmp_path_factory.mktemp("chain")
    recipe = folder / "tiny.yaml"
    recipe.write_text(yaml.safe_dump({"name": "tiny", "scales": {"published": RECIPE}}))

    def begin(run):
        return subprocess.Popen(
            [sys.executable, "-c", CHAIN, run, DATA, recipe],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={
                "KERAS_DERM_CACHE": str(folder / "cache"),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
        )

    return begin


def finished(process):
    said = process.communicate()[1]
    assert process.returncode == 0, said[-3000:]


def files_of(run):
    """Names of the files of a run, with those that two runs need not share left out."""
    found = {path.relative_to(run).as_posix() for path in run.rglob("*")}
    assert not [name for name in found if "/." in f"/{name}"], "left over"
    return {name for name in found if not name.startswith("stages/lock")}


def assert_equal_tables(first, second):
    tables = [pd.read_csv(path) for path in (first, second)]
    for table in tables:
        left = [c for c in table if c == "root" or any(word in c for word in TIMES)]
        table.drop(columns=left, inplace=True)
    pd.testing.assert_frame_equal(*tables, rtol=1e-3, atol=1e-4, obj=first.name)


def assert_equal_models(first, second):
    first, second = (keras.models.load_model(p, compile=False) for p in (first, second))
    assert len(first.weights) == len(second.weights) > 0
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4, err_msg=a.path)


def assert_equal_runs(whole, killed):
    names = files_of(whole)
    assert names == files_of(killed)
    for name in sorted(names):
        if name.endswith(".csv"):
            assert_equal_tables(whole / name, killed / name)
        elif name.endswith(".keras"):
            assert_equal_models(whole / name, killed / name)
        elif name.startswith("stages/"):
            records = [json.loads((run / name).read_text()) for run in (whole, killed)]
            for record in records:
                record.pop("seconds", None)
                record.pop("files", None)
            assert records[0] == records[1], name


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_chain_killed_at_random_moments_ends_as_one_that_was_not(start, tmp_path):
    whole, begun = tmp_path / "whole", time.monotonic()
    finished(start(whole))
    seconds = time.monotonic() - begun
    for name in ("report.html", "export/ensemble_dynamic.tflite"):
        assert (whole / name).is_file(), name
    verdicts = pd.read_csv(whole / "screening.csv")
    assert verdicts["kept"].any()

    draw, n_killed, n_chains, at = random.Random(SEED), 0, 0, []
    while n_killed < N_KILLS:
        n_chains += 1
        run = tmp_path / f"killed_{n_chains}"
        while n_killed < N_KILLS:
            process = start(run)
            try:
                process.wait(draw.uniform(0, seconds / 2))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
                process.stderr.close()
                n_killed += 1
                records = run.glob("stages/*.begun")
                at.append(next((path.stem for path in records), "between stages"))
        finished(start(run))  # where it is done already, it says so
        assert_equal_runs(whole, run)
    print(f"\n{n_killed} kills in {n_chains} chains of {seconds:.0f} s, at: {at}")
