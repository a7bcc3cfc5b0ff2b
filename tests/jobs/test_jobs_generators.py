"""Each generator through its jobs. Sizes are for the test: nothing is learned."""

import importlib.util
import json
import shutil

import colour_noise  # noqa: F401 (registers itself)
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from keras_derm import generative, jobs
from keras_derm.catalog import Catalog, CatalogError, read_mask
from keras_derm.evaluation.image_quality import feature_distances, origin_probe
from keras_derm.evaluation.image_quality.synthetic_quality import SETS, held_out_alike
from keras_derm.generative import synthesis
from keras_derm.jobs.train_generator import with_steps
from keras_derm.report import Table, figures, sections
from keras_derm.runs import RunDirectory
from keras_derm.settings import TrainGeneratorSettings

SMALL = {"image_size": 32, "n_steps": 1, "steps_per_epoch": 1}


def tiny(name="sngan", **options):
    """A generator of few channels, with options of its own."""
    return {name: {"base_channels": 2, "batch_size": 2, **options}}


@pytest.fixture
def run(prepared_run, tmp_path):
    return shutil.copytree(prepared_run, tmp_path / "run")


def accept_all(monkeypatch):
    """An untrained generator's images do not pass; what comes after is tested."""
    screen, screen_sets = synthesis.screen, synthesis.screen_sets

    def lenient(*args, **kwargs):
        return screen(*args, **kwargs).assign(accepted=True, reason="")

    def lenient_sets(*args, **kwargs):
        sets, of_image = screen_sets(*args, **kwargs)
        return sets.assign(passed=True, reason=""), of_image

    monkeypatch.setattr(synthesis, "screen", lenient)
    monkeypatch.setattr(synthesis, "screen_sets", lenient_sets)


@pytest.mark.parametrize("name", ["cyclegan", "conditional_wgan_gp"])
def test_steps_of_a_training_follow_from_its_epochs(run, name):
    train = RunDirectory(run).catalog.split("train")
    n_melanomas = int((train.table["diagnosis"] == "MEL").sum())
    options = {"cyclegan": {}, "conditional_wgan_gp": {"critic_steps": 3}}[name]
    settings = TrainGeneratorSettings(generator=tiny(name, **options), epochs=5)
    found = with_steps(settings, train)
    a_step = {"cyclegan": 2, "conditional_wgan_gp": 2 * 3}[name]
    n_images = {"cyclegan": n_melanomas, "conditional_wgan_gp": len(train)}[name]
    assert found.steps_per_epoch == n_images // a_step
    assert found.n_steps == 5 * found.steps_per_epoch
    assert with_steps(found, train) == found
    plain = TrainGeneratorSettings(generator=tiny(name))
    assert with_steps(plain, train) is plain


@pytest.mark.slow
def test_run_of_some_epochs_records_its_steps_and_is_not_done_again(run, capsys):
    epochs = {"generator": tiny("sngan"), "image_size": 32, "epochs": 1}
    train = RunDirectory(run).catalog.split("train")
    few = dict.fromkeys(train.table["isic_id"][:4])
    catalog = RunDirectory(run).catalog
    kept = (catalog.table["split"] != "train") | catalog.table["isic_id"].isin(few)
    catalog.where(kept.to_numpy()).save(RunDirectory(run).catalog_file)
    jobs.run_stage("train_generator", run, **epochs)
    settings = RunDirectory(run).settings(TrainGeneratorSettings)
    assert (settings.epochs, settings.n_steps, settings.steps_per_epoch) == (1, 2, 2)
    jobs.run_stage("train_generator", run, **epochs)
    assert "[train_generator] already done" in capsys.readouterr().out


def test_cyclegan_makes_melanoma_of_benign_training_images_alone(run, monkeypatch):
    accept_all(monkeypatch)
    sheets = []
    monkeypatch.setattr(
        figures, "contact_sheet", lambda *sheet: sheets.append(sheet) or Figure()
    )
    jobs.run_stage("train_generator", run, generator=tiny("cyclegan"), **SMALL)
    jobs.run_stage("synthesize", run, target_per_diagnosis=20, candidates_per_image=1.0)
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
    np.testing.assert_array_equal(parents["tone_group"], made["tone_group"])
    assert (made["tone_source"] == "asked of the generator").all()
    verdicts = pd.read_csv(run / "screening.csv")
    assert not (verdicts["nearest_reference"] == verdicts["parent_id"]).any()
    pictures, captions, _ = sheets[0]  # with what each was made of beside it
    assert len(pictures) == len(captions)
    assert captions[1::3] == ["made of"] * (len(pictures) // 3)
    assert captions[2::3] == ["nearest real"] * (len(pictures) // 3)


@pytest.mark.slow
def test_diffusion_is_told_masks_and_adapted_to_the_cells_asked_for(run, monkeypatch):
    accept_all(monkeypatch)
    few = {"channels": [32], "n_components": 12, "batch_size": 4, "n_sampling_steps": 2}
    diffusion = few | {"masks": True, "lora": {"rank": 2, "n_steps": 2}}
    settings = SMALL | {"generator": {"diffusion": diffusion}}
    settings |= {"adapt": "lora", "where": "tone_group=dark"}
    jobs.run_stage("train_generator", run, **settings)
    cells = [
        {"diagnosis": "MEL", "tone_group": "dark", "count": 3},
        {"diagnosis": "NV", "tone_group": "light", "count": 2},
    ]
    jobs.run_stage("synthesize", run, cells=cells, candidates_per_image=1.0)
    made = Catalog.load(run / "synthetic/catalog.csv")
    assert made.table["known_by"].tolist() == ["adapter"] * 3 + ["training images"] * 2
    files = zip(made.mask_paths, made.paths, strict=True)
    masks = np.stack([read_mask(*paths) for paths in files])
    real = RunDirectory(run).catalog.split("train")
    assert masks.shape[1:] == (32, 32) and masks.any(axis=(1, 2)).all()
    assert real.table["mask_path"].notna().all()
    jobs.run_stage("image_quality", run)
    agreement = pd.read_csv(run / "mask_agreement.csv").set_index("images")
    assert agreement.loc["made", "n"] == 5
    # The phantoms of the held-out part have their lesions where their masks are.
    assert agreement.loc["held out", "median Dice"] > 0.7
    section = sections.generator.section(RunDirectory(run))
    tables = [block.caption for block in section.blocks if isinstance(block, Table)]
    assert "The adapter" in tables
    jobs.run_stage("train_generator", run, **settings | {"where": "diagnosis=MEL"})
    scope = json.loads((run / "generator/lora/adapter.json").read_text())
    assert scope["where"] == "diagnosis=MEL"


def test_rows_to_adapt_to_that_are_not_there_are_refused_at_once(run):
    settings = {"generator": "diffusion", "adapt": "lora", "where": "tone_group=green"}
    with pytest.raises(CatalogError, match="tone_group is"):
        jobs.run_stage("train_generator", run, **settings)
    assert not (run / "generator").exists()


@pytest.mark.slow
def test_wgan_gp_in_mixed_precision_makes_what_it_was_trained_on_alone(
    run, monkeypatch
):
    accept_all(monkeypatch)
    name = "conditional_wgan_gp"
    jobs.run_stage(
        "train_generator",
        run,
        generator=tiny(name, diagnoses=["MEL"], critic_steps=1),
        precision="mixed_bfloat16",
        **SMALL,
    )
    jobs.run_stage("synthesize", run, target_per_diagnosis=20)
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert set(made["diagnosis"]) == {"MEL"} and made["parent_id"].isna().all()
    recorded = RunDirectory(run).settings(TrainGeneratorSettings).generator
    assert recorded.name == name and recorded.learning_rate == 1e-4


@pytest.mark.slow
def test_an_unconditional_gan_makes_its_diagnosis_on_unknown_skin(run, monkeypatch):
    accept_all(monkeypatch)
    generator = tiny(conditional=False, diagnoses=["MEL"], dropout=0.2)
    jobs.run_stage("train_generator", run, generator=generator, **SMALL)
    jobs.run_stage("synthesize", run, target_per_diagnosis=30)
    verdicts = pd.read_csv(run / "screening.csv")
    assert set(verdicts["diagnosis"]) == {"MEL"}
    assert set(verdicts["tone_group"]) == {"unknown"} and verdicts["kept"].any()
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert made[["tone_group", "tone_source"]].isna().all(axis=None)


@pytest.mark.slow
def test_a_generator_that_is_registered_needs_nothing_more_of_the_jobs(
    run, monkeypatch
):
    accept_all(monkeypatch)
    generator = {"colour_noise": {"batch_size": 4}}
    jobs.run_stage(
        "train_generator", run, generator=generator, **SMALL | {"n_steps": 2}
    )
    jobs.run_stage("synthesize", run, target_per_diagnosis=20)
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert (made["generator"] == "colour_noise").all()
    assert (run / "generator/generator.npz").is_file()
    recorded = RunDirectory(run).settings(TrainGeneratorSettings).to_dict()
    options = recorded["generator"]["colour_noise"]
    assert options["learning_rate"] == 0.1 and "dropout" not in options


def test_cells_that_are_asked_for_are_made_and_nothing_else(run, monkeypatch):
    accept_all(monkeypatch)
    generator = {"colour_noise": {"batch_size": 4}}
    jobs.run_stage("train_generator", run, generator=generator, **SMALL)
    cells = [{"diagnosis": "melanocytic", "tone_group": "light", "count": 30}]
    jobs.run_stage("synthesize", run, cells=cells)
    made = Catalog.load(run / "synthetic/catalog.csv").table
    assert len(made) == 30 and set(made["diagnosis"]) == {"MEL", "NV"}
    assert (made["tone_group"] == "light").all()
    assert (made["known_by"] == "training images").all()
    before = (run / "screening.csv").read_bytes()
    assert (
        len(pd.read_csv(run / "screening.csv"))
        == pd.read_csv(run / "wanted_cells.csv")["sample"].sum()
        > 30
    )
    unseen = [{"diagnosis": "MEL", "anatom_site_general": "moon", "count": 3}]
    with pytest.raises(ValueError, match="no cell can name `anatom_site_general`"):
        jobs.run_stage("synthesize", run, cells=unseen)
    assert (run / "screening.csv").read_bytes() == before  # refused, nothing is lost


def test_some_of_what_screening_rejects_is_kept_for_people_to_judge(run, monkeypatch):
    accept_all(monkeypatch)
    screen = synthesis.screen

    def half(*args, **kwargs):
        verdicts = screen(*args, **kwargs)
        accepted = np.arange(len(verdicts)) % 2 == 0
        return verdicts.assign(
            accepted=accepted, reason=np.where(accepted, "", "near copy of 1")
        )

    monkeypatch.setattr(synthesis, "screen", half)
    generator = {"colour_noise": {"batch_size": 4}}
    jobs.run_stage("train_generator", run, generator=generator, **SMALL)
    jobs.run_stage("synthesize", run, target_per_diagnosis=20)
    kept = Catalog.load(run / "synthetic/catalog.csv").table
    out = Catalog.load(run / "screened_out/catalog.csv").table
    assert not set(kept["isic_id"]) & set(out["isic_id"])
    assert out["screening_reason"].eq("near copy of 1").all()
    verdicts = pd.read_csv(run / "screening.csv")
    assert len(out) == min((~verdicts["accepted"]).sum(), 100)


@pytest.mark.slow
def test_of_sets_that_a_generator_did_not_learn_nothing_is_kept(run, capsys):
    generator = {"colour_noise": {"batch_size": 4}}
    jobs.run_stage("train_generator", run, generator=generator, **SMALL)
    jobs.run_stage("synthesize", run, cells=[{"diagnosis": "NV", "count": 60}])
    printed = capsys.readouterr().out
    assert "the generator did not learn NV, tone light" in printed
    assert "nothing was kept" in printed
    sets = pd.read_csv(run / "screening_sets.csv")
    assert not sets["passed"].any()
    assert sets["reason"].str.contains("noisy: spectrum distance").all()
    verdicts = pd.read_csv(run / "screening.csv")
    assert not verdicts["kept"].any() and set(verdicts["set"]) == set(sets["set"])
    found = json.loads((run / "synthesis.json").read_text())
    assert found["none_because"] == found["not_learned"]
    assert found["seconds_an_image"] > 0
    measured = found["sets"][0]["spectrum_distance"]
    assert measured == pytest.approx(sets["spectrum_distance"][0])
    assert not (run / "synthetic").exists()
    assert (run / "figures/synthetic_rejected.png").is_file()
    assert len(Catalog.load(run / "screened_out/catalog.csv")) > 0
    shown = sections.synthesis.section(RunDirectory(run))
    assert "None of" in shown.lead and "did not learn NV, tone light" in shown.lead
    # What comes after goes on with real images alone.
    jobs.run_stage("image_quality", run)
    member = {"backbone": "CustomCNN", "image_size": 16, "epochs": 1}
    jobs.run_stage(
        "train_classifier", run, arm="augmented", members=[member], batch_size=32
    )
    described = json.loads((run / "arms/augmented/ensemble.json").read_text())
    assert described["n_synthetic"] == 0
    assert sections.image_quality.section(RunDirectory(run)) is None


@pytest.fixture(scope="module")
def feature_weights(tmp_path_factory):
    """Random weights: what is measured means nothing, but is measured."""
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(96, 96, 3)
    )
    network.save_weights(path)
    return str(path)


@pytest.mark.slow
def test_synthetic_images_are_judged_beside_floor_and_ceilings(
    run, monkeypatch, feature_weights
):
    accept_all(monkeypatch)
    monkeypatch.setattr(feature_distances, "LEAST_IMAGES", 6)
    monkeypatch.setattr(origin_probe, "LEAST_IMAGES", 10)
    measuring = {
        "generator": tiny(),
        "feature_weights": feature_weights,
        "measure_every": 1,
    }
    jobs.run_stage("train_generator", run, **SMALL, **measuring)
    # One step more: training goes on, and the better of both models makes the images.
    jobs.run_stage("train_generator", run, **SMALL | {"n_steps": 2}, **measuring)
    measured = pd.read_csv(run / "generator/quality.csv")
    assert measured["step"].tolist() == [1, 2]
    jobs.run_stage("synthesize", run, target_per_diagnosis=60)
    made = Catalog.load(run / "synthetic/catalog.csv")
    best = keras.models.load_model(run / "generator/best.keras")
    assert best.steps_done == measured["step"][measured["kernel_distance"].idxmin()]

    jobs.run_stage("image_quality", run, feature_weights=feature_weights)
    table = pd.read_csv(run / "image_quality.csv")
    judged = table[table["set"].notna()]
    assert set(judged["set"]) == set(SETS.values())
    leading = judged["metric"] == "kernel distance (MobileNetV2)"
    assert leading.groupby(judged["cell"]).sum().eq(len(SETS)).all()
    assert set(table["cell"]) - {"all"} == set(made.table["diagnosis"])
    memory = json.loads((run / "memorisation.json").read_text())
    assert memory["network"] == "MobileNetV2" and memory["memorisation_ratio"] > 0
    probe = pd.read_csv(run / "origin_probe.csv")
    assert probe["trace"].tolist() == list(origin_probe.TRACES)
    blocks = sections.image_quality.section(RunDirectory(run)).blocks
    frames = [block.frame for block in blocks if isinstance(block, Table)]
    assert len(frames) == 3 and frames[-1]["trace"].tolist() == list(probe["trace"])


@pytest.mark.parametrize(
    "settings",
    [
        {"generator": {"sngan": {"critic_steps": 3}}},
        {"generator": {"conditional_wgan_gp": {"loss": "hinge"}}},
        {"generator": {"cyclegan": {"balance": 0.5}}},
        {"precision": "mixed_float16"},
    ],
)
def test_options_that_do_not_fit_are_refused(run, settings):
    with pytest.raises(ValueError, match="Received: "):
        jobs.run_stage("train_generator", run, **settings)
    assert not (run / "generator").exists()


@pytest.mark.slow
def test_tensorboard_gets_losses_and_grids_of_every_epoch(run):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = SMALL | {"generator": tiny(), "n_steps": 2, "tensorboard": True}
    jobs.run_stage("train_generator", run, **settings)
    folder = run / "generator/tensorboard"
    losses, samples = (EventAccumulator(str(folder / n)) for n in ("train", "samples"))
    losses.Reload()
    samples.Reload()
    written = losses.Tensors("epoch_generator_loss")
    history = pd.read_csv(run / "generator/history.csv")
    values = [tf.make_ndarray(event.tensor_proto) for event in written]
    np.testing.assert_allclose(values, history["generator_loss"], rtol=1e-5)
    assert [event.step for event in samples.Tensors("samples")] == [0, 1]


def test_tensorboard_that_is_not_installed_is_named(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        generative.SampleBoard(run / "board", run / "samples")


@pytest.mark.parametrize("mistyped", [{"balance": 2.0}, {"diagnoses": ["MELL"]}])
def test_generator_outlives_a_mistyped_option(run, mistyped):
    jobs.run_stage("train_generator", run, generator=tiny(), **SMALL)
    before = generative.best_state_file(run / "generator").stat().st_mtime_ns
    with pytest.raises(ValueError, match="Received"):
        jobs.run_stage("train_generator", run, generator=tiny(**mistyped), **SMALL)
    jobs.run_stage("train_generator", run, generator=tiny(), **SMALL)
    assert generative.best_state_file(run / "generator").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "have, learned, said",
    [
        ({"MEL": 9, "NV": 12}, None, "no diagnosis is short"),
        ({"MEL": 3, "NV": 12}, ["NV"], "did not learn those that are short, MEL"),
        ({"MEL": 3, "NV": 12}, None, "MEL are short of images, but no tone group"),
    ],
)
def test_reason_for_making_nothing_is_the_one_there_is(have, learned, said):
    deficits = pd.DataFrame({"diagnosis": list(have), "have": list(have.values())})
    assert said in synthesis.why_none(deficits, 9, learned)


def test_memorisation_compares_images_of_the_same_diagnoses():
    made = np.repeat(["MEL", "DF", "NV"], [30, 10, 2])
    held_out = np.repeat(["NV", "MEL"], [100, 12])
    wanted = held_out_alike(made, held_out, np.random.default_rng(0))
    assert wanted.value_counts().to_dict() == {"MEL": 12, "NV": 2}


@pytest.mark.slow
def test_numbers_of_images_that_are_no_more_do_not_stay(run, monkeypatch):
    accept_all(monkeypatch)
    jobs.run_stage("train_generator", run, generator=tiny(), **SMALL)
    stale = ["screening.csv", "image_quality.csv", "origin_probe.csv"]
    for name in (*stale, "memorisation.json"):
        (run / name).write_text("{}")
    jobs.run_stage("synthesize", run, target_per_diagnosis=0)
    assert not [name for name in stale if (run / name).is_file()]
    found = json.loads((run / "synthesis.json").read_text())
    assert found["none_because"] == "no diagnosis is short of images"
