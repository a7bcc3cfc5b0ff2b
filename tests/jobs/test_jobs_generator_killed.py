"""Trainings killed by the system and started again. Sizes are for the test."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from keras_derm import generative, jobs  # noqa: F401 (registers the models)

APP = Path(__file__).parents[2] / "apps" / "train_generator.py"
FEW_CHANNELS = {"base_channels": 2}
OPTIONS = {
    "sngan": {"generator.sngan": FEW_CHANNELS},
    "conditional_wgan_gp": {
        "generator.conditional_wgan_gp": FEW_CHANNELS | {"critic_steps": 2}
    },
    # Every second epoch ends between two updates.
    "cyclegan": {"generator.cyclegan": FEW_CHANNELS, "gradient_accumulation": 4},
    "diffusion": {
        "generator.diffusion": {"channels": "[32]", "n_sampling_steps": 2},
    },
}
N_STEPS, STEPS_PER_EPOCH = 8, 2


def command(run, generator):
    options = {
        "generator": generator,
        f"generator.{generator}.batch_size": 4,
        "image_size": 32,
        "n_steps": N_STEPS,
        "steps_per_epoch": STEPS_PER_EPOCH,
    }
    for name, value in OPTIONS[generator].items():
        several = value if isinstance(value, dict) else {"": value}
        options |= {f"{name}.{k}".rstrip("."): v for k, v in several.items()}
    said = [text for k, v in options.items() for text in (f"--{k}", str(v))]
    return [sys.executable, APP, "--run", run, *said]


def kill_in_the_second_epoch(run, generator):
    history = run / "generator/history.csv"
    process = subprocess.Popen(command(run, generator), stdout=subprocess.DEVNULL)
    while not (history.is_file() and history.read_text().count("\n") >= 2):
        assert process.poll() is None, "ended before its first epoch"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("generator", OPTIONS)
def test_a_training_killed_in_mid_epoch_ends_as_one_that_was_not(
    prepared_run, tmp_path, generator
):
    whole, killed = (
        shutil.copytree(prepared_run, tmp_path / name) for name in ("whole", "killed")
    )
    subprocess.run(command(whole, generator), check=True, stdout=subprocess.DEVNULL)
    kill_in_the_second_epoch(killed, generator)
    path = Path("generator/generator.keras")
    assert keras.models.load_model(killed / path).steps_done < N_STEPS
    subprocess.run(command(killed, generator), check=True, stdout=subprocess.DEVNULL)

    expected, found = (keras.models.load_model(run / path) for run in (whole, killed))
    assert found.steps_done == N_STEPS
    for a, b in zip(expected.weights, found.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5, err_msg=a.path)
    expected, found = (
        pd.read_csv(run / "generator/history.csv") for run in (whole, killed)
    )
    timings = ["images_per_second", "training_minutes"]
    pd.testing.assert_frame_equal(
        expected.drop(columns=timings), found.drop(columns=timings), rtol=1e-3
    )
