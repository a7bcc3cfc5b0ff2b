from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from generator_checks import small_critic, small_generator
from PIL import Image

from keras_derm import generative
from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import (
    SNGAN,
    ConditionalWGANGP,
    CycleGAN,
    GeneratorCollapse,
    StopOnCollapse,
    benign_and_malignant,
    best_state_file,
    sampling_weights,
    training_dataset,
    translation_dataset,
)
from keras_derm.generative.callbacks import SaveWhenSound
from keras_derm.generative.training import _minutes_spent, resume
from keras_derm.settings import (
    ConditionalWGANGPSettings,
    CycleGANSettings,
    SNGANSettings,
)

N_IMAGES = 24
SETTINGS = SNGANSettings(batch_size=4)


@pytest.fixture
def catalog(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(N_IMAGES)],
            "path": "a.png",
            "diagnosis": ["NV", "MEL"] * (N_IMAGES // 2),
            "tone_group": "light",
            "split": "train",
        }
    )
    return Catalog(table, root=tmp_path)


@pytest.fixture
def images():
    shape = (N_IMAGES, 32, 32, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def model():
    keras.utils.set_random_seed(1)
    made = SNGAN.with_networks(32, latent_dim=8, base_channels=2)
    made.compile()
    made.run_eagerly = True  # Tracing would take longer than the steps.
    return made


def train(catalog, images, directory, n_steps):
    options = {"n_steps": n_steps, "steps_per_epoch": 2, "verbose": 0}
    return generative.train(model(), catalog, images, directory, SETTINGS, **options)


def test_a_training_started_again_ends_as_one_that_was_not_stopped(
    catalog, images, tmp_path
):
    whole = train(catalog, images, tmp_path / "whole", 4)
    train(catalog, images, tmp_path / "parts", 2)
    parts = train(catalog, images, tmp_path / "parts", 4)
    for a, b in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=a.path)
    for name in ("whole", "parts"):
        assert len(pd.read_csv(tmp_path / name / "history.csv")) == 2
        grid = Image.open(tmp_path / name / "samples" / "epoch_0002.png")
        assert grid.size == (8 * 32, 2 * 32)


def test_held_out_and_synthetic_rows_are_refused(catalog, images, tmp_path):
    held_out = catalog.with_columns(split="val")
    with pytest.raises(CatalogError, match="held out"):
        train(held_out, images, tmp_path / "run", 2)
    with pytest.raises(CatalogError, match="synthetic"):
        training_dataset(catalog.with_columns(synthetic=True), images)


def test_rare_diagnoses_are_drawn_more_often():
    diagnosis = np.repeat([0, 1], [90, 10])
    shares = [sampling_weights(diagnosis, b)[diagnosis == 1].sum() for b in (0, 0.5, 1)]
    np.testing.assert_allclose(shares, [0.1, 0.25, 0.5])


def test_a_loss_that_is_not_finite_stops_with_a_reason_and_keeps_the_last_model(
    catalog, images, tmp_path
):
    trained = train(catalog, images, tmp_path, 2)
    weight = trained.generator.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    trained.save(tmp_path / "generator.keras")
    saved = (tmp_path / "generator.keras").read_bytes()
    with pytest.raises(GeneratorCollapse, match="became nan at batch 1"):
        train(catalog, images, tmp_path, 4)
    assert (tmp_path / "generator.keras").read_bytes() == saved


def test_samples_that_are_all_alike_stop_training(images):
    class Constant(keras.Model):
        steps_done = 500

    callback = StopOnCollapse(
        images, lambda: np.full((N_IMAGES, 32, 32, 3), 100, "uint8"), patience=2
    )
    callback.set_model(Constant())
    callback.on_epoch_end(0)
    callback.on_epoch_end(0)
    assert callback.reason is None
    callback.model.steps_done = 1000
    callback.on_epoch_end(0)
    assert callback.reason is None
    callback.on_epoch_end(1)
    assert "mode collapse at epoch 2" in callback.reason
    assert callback.model.stop_training


def test_wgan_gp_trains_on_melanoma_alone_and_says_how_fast(catalog, images, tmp_path):
    keras.utils.set_random_seed(1)
    networks = small_generator(32), small_critic(32)
    wgan_gp = ConditionalWGANGP(*networks, critic_steps=2)
    wgan_gp.compile()
    melanoma = catalog.where(diagnosis="MEL")
    settings = ConditionalWGANGPSettings(batch_size=4, critic_steps=2)
    options = {"n_steps": 2, "steps_per_epoch": 2, "verbose": 0}
    trained = generative.train(
        wgan_gp, melanoma, images[1::2], tmp_path, settings, **options
    )
    assert trained.steps_done == 2
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["images_per_second"][0] > 0
    assert Image.open(tmp_path / "samples" / "epoch_0001.png").size == (8 * 32, 32)


@pytest.fixture
def two_domains(catalog):
    """16 benign images and 8 of melanoma."""
    diagnosis = np.array(["NV", "NV", "MEL"] * (N_IMAGES // 3))
    malignancy = np.where(diagnosis == "MEL", "malignant", "benign")
    return catalog.with_columns(diagnosis=diagnosis, benign_malignant=malignancy)


def test_domains_are_balanced_by_undersampling_the_larger(two_domains):
    numbers = np.arange(N_IMAGES, dtype="uint8")
    numbered = np.tile(numbers[:, None, None, None], (1, 2, 2, 3))
    dataset = translation_dataset(two_domains, numbered, batch_size=3, seed=1)
    batches = list(dataset.take(16).as_numpy_iterator())
    benign, malignant = (
        np.concatenate([batch[i][:, 0, 0, 0] for batch in batches]) for i in range(2)
    )
    for turn in range(6):
        part = slice(8 * turn, 8 * turn + 8)
        assert sorted(malignant[part]) == list(range(2, N_IMAGES, 3))
        assert len(set(benign[part])) == 8 and not np.any(benign[part] % 3 == 2)
    assert set(benign) == {i for i in range(N_IMAGES) if i % 3 != 2}
    later = translation_dataset(two_domains, numbered, 3, seed=1, first_step=5)
    np.testing.assert_equal(next(later.as_numpy_iterator()), batches[5])


def test_a_translation_sees_benign_and_melanoma_training_rows_alone(two_domains):
    benign, malignant = benign_and_malignant(two_domains)
    assert len(benign) == 16 and len(malignant) == 8
    with pytest.raises(CatalogError, match="held out"):
        translation_dataset(two_domains.with_columns(split="test"), np.zeros(24))
    with pytest.raises(CatalogError, match="Received: 16 benign, 0 MEL"):
        translation_dataset(two_domains.where(diagnosis="NV"), np.zeros(16))


def test_cyclegan_trains_and_shows_images_above_translations(
    two_domains, images, tmp_path
):
    keras.utils.set_random_seed(1)
    model = CycleGAN.with_networks(32, base_channels=2)
    model.compile()
    model.run_eagerly = True
    options = {"n_steps": 1, "steps_per_epoch": 1, "verbose": 0}
    settings = CycleGANSettings()
    trained = generative.train(
        model, two_domains, images, tmp_path, settings, **options
    )
    assert trained.steps_done == 1
    history = pd.read_csv(tmp_path / "history.csv")
    assert {"cycle_loss", "images_per_second"} <= set(history.columns)
    grid = Image.open(tmp_path / "samples" / "epoch_0001.png")
    assert grid.size == (8 * 32, 2 * 32)
    assert keras.models.load_model(tmp_path / "generator.keras").steps_done == 1


def measuring(values):
    """A measurement that gives the values one after the other, and counts."""
    remaining = iter(values)
    return lambda: {"distance": next(remaining), "deviation": 0.0}


def train_measured(catalog, images, directory, n_steps, values, **options):
    return generative.train(
        model(),
        catalog,
        images,
        directory,
        SETTINGS,
        n_steps=n_steps,
        steps_per_epoch=1,
        measure=measuring(values),
        measure_every=1,
        verbose=0,
        **options,
    )


def test_the_best_measured_model_is_kept_and_training_ends_when_it_stalls(
    catalog, images, tmp_path
):
    values = [3.0, 1.0, 2.0, 1.5, 0.5]
    last = train_measured(catalog, images, tmp_path, 5, values, patience=2)
    assert last.steps_done == 4
    quality = pd.read_csv(tmp_path / "quality.csv")
    assert quality["step"].tolist() == [1, 2, 3, 4]
    assert quality["distance"].tolist() == values[:4]
    best = keras.models.load_model(best_state_file(tmp_path))
    assert best.steps_done == 2


@pytest.mark.slow
def test_measurements_of_a_training_started_again_go_on(catalog, images, tmp_path):
    train_measured(catalog, images, tmp_path, 2, [3.0, 1.0])
    last = train_measured(catalog, images, tmp_path, 5, [2.0, 1.5, 0.5], patience=2)
    assert last.steps_done == 4
    assert keras.models.load_model(best_state_file(tmp_path)).steps_done == 2


def test_patience_without_a_measurement_is_refused(catalog, images, tmp_path):
    with pytest.raises(ValueError, match="needs `measure`. Received: patience=1"):
        generative.train(model(), catalog, images, tmp_path, SETTINGS, 1, 1, patience=1)


@pytest.mark.slow
def test_a_time_limit_counts_what_earlier_starts_took(catalog, images, tmp_path):
    options = {"n_steps": 3, "steps_per_epoch": 1, "verbose": 0}
    once = generative.train(
        model(), catalog, images, tmp_path, SETTINGS, max_minutes=0, **options
    )
    assert once.steps_done == 1
    history = pd.read_csv(tmp_path / "history.csv")
    pd.concat([history.assign(training_minutes=60.0)]).to_csv(
        tmp_path / "history.csv", index=False
    )
    again = generative.train(
        model(), catalog, images, tmp_path, SETTINGS, max_minutes=60, **options
    )
    assert again.steps_done == 2


def test_first_collapsed_epoch_is_not_saved_over_the_last_sound_model(tmp_path):
    network = model()
    watch = SimpleNamespace(reason=None, epochs_collapsed=0)
    saved = SaveWhenSound(tmp_path / "model.keras", watch)
    saved.set_model(network)
    saved.on_epoch_end(0)
    before = (tmp_path / "model.keras").stat().st_mtime_ns
    watch.epochs_collapsed = 1
    saved.on_epoch_end(1)
    assert (tmp_path / "model.keras").stat().st_mtime_ns == before


def test_training_on_several_devices_goes_on_on_them(tmp_path):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        network = model()
        network.save_state(tmp_path / "generator.keras")
        keras.utils.set_random_seed(2)
        fresh = SNGAN.with_networks(32, latent_dim=8, base_channels=2)
        fresh.compile()
    saved, drawn = (
        m.generator.trainable_variables[0].numpy() for m in (network, fresh)
    )
    assert np.any(saved != drawn)
    found = resume(fresh, tmp_path)
    assert isinstance(found.distribute_strategy, tf.distribute.MirroredStrategy)
    for a, b in zip(network.weights, found.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
        assert len(b.value.values) == 1


@pytest.mark.parametrize("text", ["", "epoch,training_minutes\n"])
def test_history_without_a_row_has_taken_no_time(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    assert _minutes_spent(tmp_path, 1, SimpleNamespace(steps_done=1)) == 0
