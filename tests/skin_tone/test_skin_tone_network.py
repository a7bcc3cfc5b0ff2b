"""The network as an estimator: its file, its description, and what it learned from."""

import hashlib
import json

import keras
import numpy as np
import pandas as pd
import pytest

from keras_derm.skin_tone import Photograph, ToneCalibration, ToneNetwork

CALIBRATION = ToneCalibration.fit(
    np.repeat(np.arange(6.0), 20), np.repeat(list("543210"), 20), "milk10k", "a test"
)


@pytest.fixture(scope="module")
def network_bytes(tmp_path_factory):
    """A network of 32 pixels: 0 for white, 5 for black."""
    inputs = keras.Input((32, 32, 3))
    brightness = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(1)
    model = keras.Model(inputs, head(brightness))
    head.set_weights([np.full((3, 1), -5 / 765), np.array([5.0])])
    path = tmp_path_factory.mktemp("network") / "tone.tflite"
    model.export(path, format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def network_file(network_bytes, tmp_path):
    """The file with its description; options replace what is described."""

    def write(**changed):
        path = tmp_path / "skin_tone_dermoscopic.tflite"
        path.write_bytes(network_bytes)
        told = {
            "calibration": vars(CALIBRATION),
            "image_types": ["dermoscopic"],
            "image_size": 32,
            "cuts": [0.5, 1.5, 2.5, 3.5, 4.5],
            "sha256": hashlib.sha256(network_bytes).hexdigest(),
        } | changed
        path.with_suffix(".json").write_text(json.dumps(told))
        return path

    return write


@pytest.mark.parametrize(("level", "label"), [(255, "5"), (0, "0"), (102, "2")])
def test_a_photograph_of_any_size_has_an_estimate(network_file, level, label):
    network = ToneNetwork.load(network_file())
    image = np.full((75, 100, 3), level, "uint8")
    found = network.estimate(Photograph(image, image_type="dermoscopic"))
    assert found.label == label
    assert found.low <= found.value + 0.5
    assert found.high >= found.value - 0.5


def test_other_photographs_have_none(network_file):
    network = ToneNetwork.load(network_file())
    image = np.full((75, 100, 3), 128, "uint8")
    found = network.estimate(Photograph(image, image_type="clinical: close-up"))
    assert np.isnan(found.value)
    assert "made for dermoscopic" in found.reason


def test_a_description_of_another_file_is_refused(network_file):
    with pytest.raises(ValueError, match="damaged or changed"):
        ToneNetwork.load(network_file(sha256="0"))


def test_what_is_missing_is_named(network_file):
    path = network_file()
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="image_types: Field required.*copy it anew"):
        ToneNetwork.load(path)
    path.with_suffix(".json").write_text("[1")
    with pytest.raises(ValueError, match="is damaged: copy it anew"):
        ToneNetwork.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match="skin_tone_dermoscopic.json"):
        ToneNetwork.load(path)


def test_it_knows_what_it_learned_from(network_file, make_labelled):
    network = ToneNetwork.load(network_file(split_file="split.csv"))
    split = pd.DataFrame({"isic_id": ["p0", "p1"], "split": ["val", "test"]})
    split.to_csv(network.path.with_name("split.csv"), index=False)
    catalog = make_labelled()
    assert network.learned_from(catalog).tolist() == [True, False, False]
    joined = catalog.with_columns(isic_id="milk10k:" + catalog.table["isic_id"])
    assert network.learned_from(joined).tolist() == [True, False, False]


def test_a_lost_split_is_told(network_file, make_labelled):
    network = ToneNetwork.load(network_file(split_file="split.csv"))
    with pytest.raises(FileNotFoundError, match="split.csv"):
        network.learned_from(make_labelled())
