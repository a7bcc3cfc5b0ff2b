"""The contract, kept by a generator that a test brings along, and by ours."""

import keras
import numpy as np
import pandas as pd
import pytest
from colour_noise import ColourNoise, ColourNoiseSettings
from PIL import Image

from keras_derm import generative
from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import (
    condition_indices,
    generator_class,
    load_best,
    register_generator,
    synthesis,
)
from keras_derm.settings import (
    GENERATOR_SETTINGS,
    ConditionalWGANGPSettings,
    CycleGANSettings,
    SNGANSettings,
)

SETTINGS = ColourNoiseSettings(batch_size=6)
N_IMAGES = 60
COLOURS = {"NV": (200, 150, 140), "MEL": (90, 60, 50)}


class Killed(BaseException):
    """In place of a signal, which would end the test too."""


@pytest.fixture
def catalog(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(N_IMAGES)],
            "path": "a.png",
            "diagnosis": ["NV", "NV", "MEL"] * (N_IMAGES // 3),
            "tone_group": ["light", "medium"] * (N_IMAGES // 2),
            "split": "train",
        }
    )
    return Catalog(table, root=tmp_path)


@pytest.fixture
def images(catalog):
    colours = np.array([COLOURS[name] for name in catalog.table["diagnosis"]])
    noise = np.random.default_rng(0).normal(0, 10, (N_IMAGES, 16, 16, 3))
    return np.clip(colours[:, None, None] + noise, 0, 255).astype("uint8")


def new(n_steps=4):
    return generator_class("colour_noise").from_settings(SETTINGS, 16, n_steps, seed=3)


def train(generator, catalog, images, directory, n_steps=4, **options):
    return generative.train(
        generator,
        catalog,
        images,
        directory,
        SETTINGS,
        n_steps,
        steps_per_epoch=2,
        verbose=0,
        **options,
    )


def test_a_generator_from_outside_goes_on_exactly_where_it_was_killed(
    catalog, images, tmp_path
):
    whole = train(new(), catalog, images, tmp_path / "whole")

    def kill(batch, logs):
        if killed.steps_done == 3:
            raise Killed

    killed = new()
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=kill)
    with pytest.raises(Killed):
        train(killed, catalog, images, tmp_path / "killed", callbacks=[callback])
    again = train(new(), catalog, images, tmp_path / "killed")
    assert again.steps_done == whole.steps_done == 4
    np.testing.assert_array_equal(again.adapter, whole.adapter)
    assert np.any(whole.adapter.numpy() != 0)
    for a, b in zip(again.optimizer.variables, whole.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    history = pd.read_csv(tmp_path / "killed" / "history.csv")
    assert history["epoch"].tolist() == [0, 1]
    grid = Image.open(tmp_path / "killed" / "samples" / "epoch_0002.png")
    assert grid.size == (8 * 16, 4 * 16)


def test_its_state_is_what_was_learned_alone(catalog, images, tmp_path):
    values = iter([2.0, 1.0, 3.0])
    trained = train(
        new(6),
        catalog,
        images,
        tmp_path,
        6,
        measure=lambda: {"distance": next(values)},
        measure_every=1,
    )
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert {"best.npz", "generator.npz"} <= set(names)
    assert not [name for name in names if name.endswith(".keras")]
    fixed = trained.fixed.numpy()
    with np.load(tmp_path / "generator.npz") as state:
        assert not [n for n in state.files if np.array_equal(state[n], fixed)]
    best = load_best(new(6), tmp_path)
    assert best.steps_done == 4 and trained.steps_done == 6
    np.testing.assert_array_equal(best.fixed, fixed)


def test_it_makes_the_cells_that_are_short(catalog, images, tmp_path, monkeypatch):
    trained = train(new(80), catalog, images, tmp_path, 80)
    plan = generative.plan_synthesis(catalog, 30, candidates_per_image=2.0)
    assert plan.counts.sum() == 10 and not plan.none_because
    screen, screen_sets = synthesis.screen, synthesis.screen_sets
    monkeypatch.setattr(
        synthesis,
        "screen",
        lambda *a, **k: screen(*a, **k).assign(accepted=True, reason=""),
    )

    def lenient(*args):
        table, of_image = screen_sets(*args)
        return table.assign(passed=True), of_image

    monkeypatch.setattr(synthesis, "screen_sets", lenient)
    made, verdicts, sets = generative.made_images(
        trained, plan, catalog, images, seed=1
    )
    assert made.images.shape == (20, 16, 16, 3) and made.images.dtype == np.uint8
    assert verdicts["kept"].sum() == 10 and set(verdicts["diagnosis"]) == {"MEL"}
    colour = made.images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(colour, COLOURS["MEL"], atol=15)
    again = trained.make((plan.cells, plan.counts * 2), seed=1)
    np.testing.assert_array_equal(made.images, again.images)
    assert made.conditions.shape == (20, 2)
    assert sets["images"].tolist() == [20] and sets["compared_with"][0] == "diagnosis"


def test_a_plan_for_nothing_says_why(catalog):
    plan = generative.plan_synthesis(catalog, target_per_diagnosis=0)
    assert plan.none_because == "no diagnosis is short of images"
    assert len(plan.cells) == len(plan.counts) == 0


def test_what_it_is_to_be_like_has_the_conditions_of_what_it_makes(catalog, images):
    generator = new()
    real, make = generator.counterparts(catalog, images, 12, seed=2, balance=1.0)
    positions = [np.flatnonzero((images == one).all((1, 2, 3)))[0] for one in real]
    conditions = condition_indices(catalog)[positions]
    np.testing.assert_array_equal(make(), generator.sample(conditions, 2))
    everything, _ = generator.counterparts(catalog, images, 1000)
    assert len(everything) == N_IMAGES


def test_a_name_is_given_once_and_an_unknown_one_refused():
    assert generator_class("colour_noise") is ColourNoise
    assert GENERATOR_SETTINGS["colour_noise"] is ColourNoiseSettings
    with pytest.raises(ValueError, match="Received: name='colour_noise'"):
        register_generator(ColourNoise)
    with pytest.raises(ValueError, match="Received: 'sngam'"):
        generator_class("sngam")


@pytest.mark.parametrize("name", ["sngan", "conditional_wgan_gp", "cyclegan"])
def test_built_of_its_settings_a_generator_has_them_and_the_published_betas(name):
    kind = generator_class(name)
    settings = kind.Settings(base_channels=2, ema_decay=0.25, learning_rate=0.5)
    assert kind.Settings is GENERATOR_SETTINGS[name]
    model = kind.from_settings(
        settings, 32, n_steps=10, seed=4, precision="mixed_bfloat16", jit_compile=True
    )
    assert (model.ema_decay, model.seed, model.jit_compile) == (0.25, 4, True)
    assert keras.config.dtype_policy().name == "float32"
    computing = {layer.compute_dtype for layer in model.averaged_generator.layers}
    assert "bfloat16" in computing
    betas = {"conditional_wgan_gp": (0.0, 0.9)}.get(name, (0.5, 0.999))
    for side in kind.SIDES:
        optimizer = getattr(model, side)
        assert (optimizer.beta_1, optimizer.beta_2) == betas
        rate = float(optimizer.learning_rate)
        np.testing.assert_allclose(rate, 0.5)
    if name == "cyclegan":
        schedule = model.generator_optimizer._learning_rate
        rates = [float(schedule(step)) for step in (5, 10)]
        np.testing.assert_allclose(rates, [0.5, 0.0])


@pytest.mark.parametrize("precision", ["mixed_float16", "auto"])
def test_a_precision_without_loss_scaling_or_measurement_is_refused(precision):
    with pytest.raises(ValueError, match="float32 or mixed_bfloat16"):
        generator_class("sngan").from_settings(
            SNGANSettings(), 32, n_steps=1, precision=precision
        )


def test_descriptions_name_the_condition():
    said = {
        name: generator_class(name).description(settings)
        for name, settings in {
            "sngan": SNGANSettings(conditional=False, diagnoses=("MEL",)),
            "conditional_wgan_gp": ConditionalWGANGPSettings(),
            "cyclegan": CycleGANSettings(),
        }.items()
    }
    assert "unconditional SN-GAN" in said["sngan"] and "MEL alone" in said["sngan"]
    assert "condition: diagnosis and tone" in said["conditional_wgan_gp"]
    assert "benign lesions into melanoma" in said["cyclegan"]


def test_what_can_be_learned_and_made_is_told_before_anything_is_built(catalog):
    sngan, cyclegan = generator_class("sngan"), generator_class("cyclegan")
    melanoma = SNGANSettings(diagnoses=("MEL",))
    assert set(sngan.training_rows(melanoma, catalog).table["diagnosis"]) == {"MEL"}
    assert sngan.training_rows(SNGANSettings(), catalog) is catalog
    with pytest.raises(ValueError, match=r"Received: \['DF'\], where there are"):
        sngan.training_rows(SNGANSettings(diagnoses=("DF",)), catalog)
    assert cyclegan.learned(CycleGANSettings()) == ("MEL",)
    with pytest.raises(CatalogError, match="Received: 0 benign"):
        no_benign = catalog.with_columns(benign_malignant="malignant")
        cyclegan.training_rows(CycleGANSettings(), no_benign)
    assert SNGANSettings.EXTENDS == ("n_steps",) and CycleGANSettings.EXTENDS == ()
    with pytest.raises(ValueError, match="name it, such as diagnoses"):
        SNGANSettings(conditional=False)
