"""Each generator through its jobs. Sizes are for the test: nothing is learned."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.runs import RunDirectory

SMALL = {
    "image_size": 32,
    "n_steps": 1,
    "steps_per_epoch": 1,
    "base_channels": 2,
    "batch_size": 2,
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generators")
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_DERM_CACHE", str(folder / "cache"))
    run = folder / "run"
    jobs.audit_skin_tone(str(run), "phantom:n=100,seed=3,size=64")
    jobs.prepare_dataset(str(run), image_size=32)
    patch.undo()
    return run


@pytest.fixture
def run(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "run")


def accept_all(monkeypatch):
    """An untrained generator's images do not pass; what comes after is tested."""
    from keras_derm import generative

    screen = generative.screen

    def lenient(*args, **kwargs):
        return screen(*args, **kwargs).assign(accepted=True, reason="")

    monkeypatch.setattr(generative, "screen", lenient)


def test_cyclegan_makes_melanoma_of_benign_training_images_alone(run, monkeypatch):
    accept_all(monkeypatch)
    jobs.train_generator(str(run), model="cyclegan", **SMALL)
    jobs.synthesize(str(run), target_per_diagnosis=20, candidates_per_image=1.0)
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert (made["diagnosis"] == "MEL").all() and (
        made["generator"] == "cyclegan"
    ).all()
    assert made["isic_id"].str.startswith("SYN_cyclegan_0_").all()
    assert made["parent_id"].is_unique
    real = Catalog.load(run / "catalog.csv").table.set_index("isic_id")
    parents = real.loc[made["parent_id"]]
    assert (parents["split"] == "train").all()
    assert (parents["benign_malignant"] == "benign").all()
    np.testing.assert_array_equal(parents["skin_tone"], made["skin_tone"])
    verdicts = pd.read_csv(run / "screening.csv")
    assert not (verdicts["nearest_reference"] == verdicts["parent_id"]).any()


def test_wgan_gp_in_mixed_precision_makes_what_it_was_trained_on_alone(
    run, monkeypatch
):
    accept_all(monkeypatch)
    settings = {"diagnoses": ["MEL"], "critic_steps": 1, "mixed_precision": True}
    model = "conditional_wgan_gp"
    jobs.train_generator(str(run), model=model, **SMALL, **settings)
    jobs.synthesize(str(run), target_per_diagnosis=20)
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert set(made["diagnosis"]) == {"MEL"} and made["parent_id"].isna().all()
    recorded = RunDirectory(run).settings("generator")
    assert recorded["model"] == model and recorded["learning_rate"] == 1e-4


def test_a_run_of_sngan_from_before_there_was_a_choice_is_still_done(run, capsys):
    settings = {
        "image_size": 64,
        "n_steps": 20000,
        "steps_per_epoch": 100,
        "batch_size": 64,
        "base_channels": 32,
        "latent_dim": 128,
        "learning_rate": 2e-4,
        "balance": 0.5,
        "ema_decay": 0.995,
        "augmentation": True,
        "seed": 0,
    }
    with RunDirectory(run).stage("generator", settings, after=["prepare"]):
        pass
    jobs.train_generator(str(run))
    assert "[generator] already done" in capsys.readouterr().out
    record = json.loads((run / "stages/generator.json").read_text())
    assert record["settings"] == settings


@pytest.mark.parametrize(
    "settings",
    [
        {"critic_steps": 3},
        {"model": "conditional_wgan_gp", "loss": "hinge"},
        {"model": "cyclegan", "balance": 0.5},
    ],
)
def test_options_of_another_model_are_refused(run, settings):
    with pytest.raises(ValueError, match="Received: "):
        jobs.train_generator(str(run), **settings)
