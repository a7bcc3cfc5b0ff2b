"""Stable Diffusion as a generator, of tiny networks."""

import keras
import numpy as np
import pandas as pd
import pytest
import tiny_diffusers as tiny
from PIL import Image
from safetensors.numpy import load_file

from keras_derm import generative
from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import generator_class
from keras_derm.generative.stable_diffusion.diffusers_folder import FolderError
from keras_derm.networks import adapter_variables
from keras_derm.settings import SettingsError, StableDiffusionSettings

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax")
N_IMAGES = 6
SIDE = tiny.IMAGE_SIZE


class Killed(BaseException):
    """In place of a signal, which would end the test too."""


def of_settings(folder, **options):
    options = {"batch_size": 2, "n_inference_steps": 2, "dropout": 0.1} | options
    return StableDiffusionSettings(folder=str(folder), scheduler="ddim", **options)


@pytest.fixture(scope="module")
def settings(folder):
    return of_settings(folder, learning_rate=0.01)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return of_split("train", tmp_path_factory.mktemp("images"))


def of_split(split, root):
    Image.new("RGB", (32, 32)).save(root / "a.png")
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(N_IMAGES)],
            "path": "a.png",
            "diagnosis": ["NV", "MEL"] * (N_IMAGES // 2),
            "tone_group": "dark",
            "anatom_site_general": "lower extremity",
            "split": split,
        }
    )
    return Catalog(table, root=root)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(
        0, 256, (N_IMAGES, SIDE, SIDE, 3), dtype="uint8"
    )


@pytest.fixture(scope="module")
def generator(settings):
    """One for all tests: to build its networks takes as long as all of them."""
    found = generator_class("stable_diffusion").from_settings(settings, SIDE, 2, seed=3)
    found.run_eagerly = True  # Tracing would take longer than the steps.
    return found


@pytest.fixture
def new(generator, tmp_path):
    """The generator as it was before a training; the next test finds it so too."""
    generator.save_state(tmp_path / "new.safetensors")
    yield lambda: generator.load_state(tmp_path / "new.safetensors") or generator
    generator.load_state(tmp_path / "new.safetensors")


def train(generator, catalog, images, directory, settings, **options):
    return generative.train(
        generator,
        catalog,
        images,
        directory,
        settings,
        n_steps=2,
        steps_per_epoch=1,
        verbose=0,
        **options,
    )


def state_of(directory):
    return load_file(directory / "generator.safetensors")


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_exactly(
    new, catalog, images, tmp_path, settings, monkeypatch
):
    monkeypatch.setattr(type(new()), "sample", lambda self, cells, seed: images[:2])
    base = [v.numpy() for v in new().unet.non_trainable_variables]
    train(new(), catalog, images, tmp_path / "whole", settings)
    calls = []

    def kill(batch, logs):
        calls.append(batch)
        if len(calls) == 2:
            raise Killed

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=kill)
    directory = tmp_path / "killed"
    with pytest.raises(Killed):
        train(new(), catalog, images, directory, settings, callbacks=[callback])
    again = train(new(), catalog, images, directory, settings)
    assert again.steps_done == 2
    whole, resumed = state_of(tmp_path / "whole"), state_of(directory)
    assert set(whole) == set(resumed)
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)
    ups = [values for name, values in whole.items() if name.endswith(".up")]
    assert len(ups) == 64 and all(np.any(up) for up in ups)
    for before, variable in zip(base, again.unet.non_trainable_variables, strict=True):
        if "seed_generator" not in variable.path:
            np.testing.assert_array_equal(before, variable, err_msg=variable.path)
    assert (directory / "generator.safetensors").stat().st_size < 500_000
    assert len(list((directory / "latents").iterdir())) == 1

    again.write_for_others(directory)
    written = load_file(directory / "pytorch_lora_weights.safetensors")
    assert len(written) == 2 * 64 and all(name.startswith("unet.") for name in written)


def test_latents_are_encoded_once(generator, catalog, images, tmp_path, settings):
    generator.begin(tmp_path)
    calls = []
    encoder = generator.networks.encoder

    def counted(batch):
        calls.append(len(batch))
        return encoder(batch)

    object.__setattr__(generator.networks, "encoder", counted)
    try:
        first = next(iter(generator.dataset(catalog, images, settings, seed=1)))
        assert sum(calls) == N_IMAGES
        second = next(iter(generator.dataset(catalog, images, settings, seed=1)))
        assert sum(calls) == N_IMAGES
        np.testing.assert_array_equal(first[0], second[0])
        next(iter(generator.dataset(catalog, 255 - images, settings, seed=1)))
        assert sum(calls) == 2 * N_IMAGES  # other images are encoded anew
    finally:
        object.__setattr__(generator.networks, "encoder", encoder)
    assert first[0].shape == (2, SIDE // 8, SIDE // 8, 8)
    assert first[1].shape == (2, 77)


def test_prompts_are_dropped_as_often_as_asked(generator, catalog, images, folder):
    def share(dropout):
        batches = generator.dataset(
            catalog, images, of_settings(folder, batch_size=50, prompt_dropout=dropout)
        )
        tokens = next(iter(batches))[1].numpy()
        return (tokens == generator.networks.tokenizer([""])).all(axis=1).mean()

    assert share(0.0) == 0
    assert 0.3 < share(0.5) < 0.7


def test_a_grid_shows_a_cell_an_image(generator, catalog, images, tmp_path):
    generator.sample_grid(catalog, images, tmp_path).on_epoch_end(0)
    assert Image.open(tmp_path / "epoch_0001.png").size == (2 * SIDE, SIDE)


@pytest.mark.slow
def test_images_are_functions_of_the_seed_alone(generator, catalog, images):
    cells = np.array([[0, 2], [1, 2]]), np.array([1, 2])
    found = generator.make(cells, 5, catalog, images)
    made = found.images
    assert made.shape == (3, SIDE, SIDE, 3) and made.dtype == np.uint8
    assert found.conditions.tolist() == [[0, 2], [1, 2], [1, 2]]
    assert found.parents is None
    again = generator.make(cells, 5, catalog, images)
    np.testing.assert_array_equal(made, again.images)
    assert not np.array_equal(made[1], made[2])


def test_the_adapter_can_be_left_out_where_the_caption_is(generator, settings, folder):
    words = generator.networks.embedded(["melanoma on dark skin"])
    null = generator.networks.embedded([""])
    latents = tiny.last(tiny.inputs()["latents"][:1])
    for variable in adapter_variables(generator.unet, "dermoscopy"):
        variable.assign(variable + 0.05)
    try:
        adapted, adapted_null = generator._predictor(words, null)(latents, 500)
        generator.settings = of_settings(folder, adapted_null=False, prompt_dropout=0.0)
        same, base_null = generator._predictor(words, null)(latents, 500)
    finally:
        generator.settings = settings
        for variable in adapter_variables(generator.unet, "dermoscopy"):
            variable.assign(variable - 0.05)
    np.testing.assert_allclose(same, adapted, atol=1e-5)
    assert np.abs(base_null - adapted_null).max() > 0.01


def test_a_state_of_another_adapter_is_refused(new, tmp_path):
    path = tmp_path / "state.safetensors"
    new().save_state(path)
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(ValueError, match="remove it to train anew"):
        new().load_state(path)


def test_held_out_rows_are_refused(generator, images, settings, tmp_path):
    with pytest.raises(CatalogError):
        generator.dataset(of_split("val", tmp_path), images, settings)


def test_no_weights_no_generator(tmp_path):
    kind = generator_class("stable_diffusion")
    with pytest.raises(ValueError, match="`folder` must name a folder of Stable"):
        kind.from_settings(StableDiffusionSettings(), 512, 4)
    with pytest.raises(FolderError, match="there is no folder"):
        kind.from_settings(StableDiffusionSettings(folder=str(tmp_path / "x")), 512, 4)
    with pytest.raises(ValueError, match="multiple of 64"):
        kind.from_settings(StableDiffusionSettings(folder="x"), 96, 4)
    with pytest.raises(SettingsError, match="prompt_dropout: 0"):
        StableDiffusionSettings(adapted_null=False)


@pytest.mark.slow
def test_half_precision_halves_the_base_and_leaves_the_adapter(
    settings, catalog, images, tmp_path
):
    kind = generator_class("stable_diffusion")
    found = kind.from_settings(settings, SIDE, 1, precision="mixed_bfloat16")
    found.run_eagerly = True
    frozen = [v for v in found.unet.variables if not v.trainable and len(v.shape)]
    assert {v.dtype for v in frozen if "seed" not in v.path} == {"bfloat16"}
    assert {v.dtype for v in found.adapter} == {"float32"}
    batches = found.dataset(catalog, images, settings)
    losses = found.fit(batches, steps_per_epoch=1, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and found.steps_done == 1
    assert found.sample([[0, 2]], seed=0).shape == (1, SIDE, SIDE, 3)
