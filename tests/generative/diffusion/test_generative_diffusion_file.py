"""A diffusion model as a small file makes the images of the one that was trained."""

import keras
import numpy as np
import pytest
from generator_checks import conditional_batches

from keras_derm.files import DamagedFileError
from keras_derm.generative import AdapterScope, Diffusion
from keras_derm.generative.diffusion.diffusion_file import DIFFUSION_FILE
from keras_derm.networks import lora, write_tensors
from keras_derm.settings import DiffusionSettings, LoRASettings

SIDE = 32
CONDITIONS = np.array([[0, 2], [5, 2]])
SETTINGS = DiffusionSettings(
    channels=(32,),
    n_components=12,
    n_sampling_steps=3,
    lora=LoRASettings(rank=2, n_steps=4, guidance=2.0),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A model of the least size after some steps, and its folder."""
    keras.utils.set_random_seed(1)
    model = Diffusion.from_settings(SETTINGS, SIDE, n_steps=4)
    model.code.fit(next(iter(conditional_batches(1, 16, SIDE)))[0].numpy())
    model.run_eagerly = True  # Tracing would take longer than the steps.
    model.fit(conditional_batches(2, side=SIDE), verbose=0, shuffle=False)
    folder = tmp_path_factory.mktemp("generator")
    model.save_state(folder / "generator.keras")
    model.write_for_others(folder)
    return model, folder


def test_it_makes_the_same_images_but_for_half_precision(written):
    model, folder = written
    again = Diffusion.read(folder / DIFFUSION_FILE)
    expected, found = (m.sample(CONDITIONS, seed=3) for m in (model, again))
    difference = np.abs(expected.astype(int) - found)
    assert difference.max() <= 2 and difference.mean() < 0.2
    assert np.ptp(expected) > 20  # they are no even grey
    assert again.adapter_guidance == 2.0 and again.conditions == model.conditions


def test_it_is_a_sixth_of_the_training_or_less(written):
    _, folder = written
    sizes = [(folder / f).stat().st_size for f in (DIFFUSION_FILE, "generator.keras")]
    assert sizes[0] < sizes[1] / 6


def test_an_adapter_is_taken_and_makes_its_cells_alone(written, tmp_path):
    _, folder = written
    adapted = Diffusion.read(folder / DIFFUSION_FILE)
    trainer = adapted.adapted(SETTINGS, seed=5)
    for weight in trainer.adapter:
        weight.assign(np.full(weight.shape, 0.1))
    path = tmp_path / "adapter.safetensors"
    lora.save_adapter(adapted.averaged_network, adapted.ADAPTER, path)
    again = Diffusion.read(folder / DIFFUSION_FILE)
    before = again.sample(CONDITIONS, seed=3)
    again.load_adapter(path, AdapterScope("diagnosis=DF", ("unknown",), 9))
    made = again.make((CONDITIONS, np.array([1, 1])), seed=3).images
    np.testing.assert_array_equal(made[0], before[0])
    assert np.any(made[1] != before[1])


def test_another_file_is_refused(written, tmp_path):
    _, folder = written
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"a": np.zeros(3)}, {"name": "lora"})
    with pytest.raises(DamagedFileError, match=r"other\.safetensors.*copy it anew"):
        Diffusion.read(path)
    path.write_bytes((folder / DIFFUSION_FILE).read_bytes()[:-100])
    with pytest.raises(DamagedFileError, match="copy it anew"):
        Diffusion.read(path)
