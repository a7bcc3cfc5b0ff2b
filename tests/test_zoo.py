import hashlib
import json

import keras
import numpy as np
import pytest

import keras_derm
from keras_derm.catalog import read_image
from keras_derm.export import QuantizedEnsemble
from keras_derm.lesion_finders import NetworkFinder
from keras_derm.phantom import render
from keras_derm.skin_tone import ToneNetwork
from keras_derm.zoo import SAVED_MODELS


def test_every_model_of_the_repository_is_had_by_its_name():
    names = {path.stem for path in SAVED_MODELS.glob("*.tflite")}
    assert set(keras_derm.presets()) == {*names, "diffusion_ham10000"} and names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("skin_tone_clinical", ToneNetwork),
        ("lesion_outline_dermoscopic", NetworkFinder),
        ("ham10000_mobilenetv2", QuantizedEnsemble),
        ("dermoscopy", keras.Model),
    ],
)
def test_each_kind_comes_as_what_runs_it(name, kind):
    assert isinstance(keras_derm.from_preset(name), kind)


def test_an_outline_is_found_as_the_docstring_says(tmp_path):
    photograph = read_image(render(1, 3, 96, directory=tmp_path).paths[0])
    finder = keras_derm.from_preset("lesion_outline_dermoscopic")
    assert finder.find(photograph).mask.any()


def test_the_generator_makes_rare_diagnoses_by_its_adapter():
    model = keras_derm.from_preset("diffusion_ham10000")
    facts = json.loads((SAVED_MODELS / "diffusion_ham10000.json").read_text())
    for name in ("sha256", "adapter_sha256"):
        suffix = ".safetensors" if name == "sha256" else "_lora.safetensors"
        content = (SAVED_MODELS / f"diffusion_ham10000{suffix}").read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts[name]
    model.n_sampling_steps = 4
    cells = np.array([[0, 3], [5, 3]]), np.array([2, 2])
    made = model.make(cells, seed=7).images
    assert made.shape == (4, 64, 64, 3) and len(np.unique(made)) > 50
    plain = model.sample(np.repeat(*cells, axis=0), seed=7)
    # A batch of others rounds otherwise on some processors.
    same = (np.abs(made.astype("int16") - plain) <= 1).all(axis=(1, 2, 3))
    assert same.tolist() == [True, True, False, False]


def test_another_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"skin_tone_clinical.*Received: 'resnet'"):
        keras_derm.from_preset("resnet")
    with pytest.raises(AttributeError, match="from_presets"):
        keras_derm.from_presets  # noqa: B018
