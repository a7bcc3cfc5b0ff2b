"""The part of a network that int8 harms is found and can stay in float."""

import json

import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_ensemble
from keras_derm.export import (
    QuantizedModel,
    export_tflite,
    sensitive_layers,
    sidecar_path,
)

SIZE = 16


def network_with_a_trap():
    """Its middle has one channel a thousand times as wide as the others."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for name in ("first", "second"):
        x = keras.layers.Conv2D(8, 3, activation="relu", name=name)(x)
    x = keras.layers.Conv2D(8, 1, name="wide")(x)
    x = keras.layers.Conv2D(8, 1, name="narrow")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="third")(x)
    for _ in range(3):
        x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    factor = np.ones(8, "float32")
    factor[0] = 1000
    wide, narrow = model.get_layer("wide"), model.get_layer("narrow")
    kernel, bias = wide.get_weights()
    wide.set_weights([kernel * factor, bias])
    kernel, bias = narrow.get_weights()
    narrow.set_weights([kernel / factor[:, np.newaxis], bias])
    dense = model.layers[-1]
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel * 20, bias])
    return model


@pytest.fixture(scope="module")
def model():
    return network_with_a_trap()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    colours = rng.uniform(0, 255, (40, 1, 1, 3))
    noise = rng.normal(0, 30, (40, SIZE, SIZE, 3))
    return np.clip(colours + noise, 0, 255).astype("uint8")


def test_the_wide_layers_are_found_and_left_in_float(model, images, tmp_path):
    parts = sensitive_layers(model, images, n_parts=3)
    best = parts[0]
    assert [part.error for part in parts] == sorted(part.error for part in parts)
    for name in ("wide", "narrow"):
        assert any(name in tensor for tensor in best.tensors)
    assert best.error < 0.1 * best.error_all_int8

    path = tmp_path / "mixed.tflite"
    written = export_tflite(model, path, images, float_layers=best.tensors)
    assert written["float_layers"] == list(best.tensors)
    assert json.loads(sidecar_path(path).read_text()) == written
    y_prob = QuantizedModel(path).predict(images)
    expected = model.predict(images.astype("float32"), verbose=0)
    assert np.abs(y_prob - expected).mean() < 0.1 * best.error_all_int8


def test_selective_mode_finds_them_by_itself(model, images, tmp_path):
    expected = model.predict(images.astype("float32"), verbose=0)
    errors = {}
    for mode in ("int8", "selective"):
        path = tmp_path / f"{mode}.tflite"
        written = export_tflite(model, path, images, mode=mode)
        found = QuantizedModel(path)
        assert found.mode == written["mode"] == mode
        errors[mode] = np.abs(found.predict(images) - expected).mean()
        in_float = [
            name
            for name in ("wide", "narrow")
            if any(name in tensor for tensor in written["float_layers"])
        ]
        assert in_float == (["wide", "narrow"] if mode == "selective" else [])
    assert errors["selective"] < 0.2 * errors["int8"]


def test_a_part_that_makes_the_file_much_larger_stays_in_int8(images, tmp_path):
    """The trap lies in the layers that have nearly all weights."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(512, name="heavy")(x)
    x = keras.layers.Dense(512, name="heavier")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    sizes = {
        mode: export_tflite(model, tmp_path / f"{mode}.tflite", images, mode=mode)
        for mode in ("int8", "selective")
    }
    largest = 1.1 * sizes["int8"]["size_bytes"]
    assert sizes["selective"]["size_bytes"] <= largest
    assert not any("heav" in name for name in sizes["selective"]["float_layers"])


def test_probabilities_below_the_steps_of_int8_are_told_apart(tmp_path):
    """A class that always has less than 1/256 must keep its order."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    single, grey = keras.Model(inputs, outputs), np.arange(0, 256, 5)
    kernel = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
    single.layers[-1].set_weights([np.array(kernel, "float32"), np.array([8, 0, 1.0])])
    members = [keras.models.clone_model(single) for _ in range(2)]
    for member in members:
        member.set_weights(single.get_weights())
    images = np.broadcast_to(grey[:, None, None, None], (52, SIZE, SIZE, 3))
    images = images.astype("uint8")
    for model in (single, build_ensemble(members, SIZE)):
        path = tmp_path / "model.tflite"
        export_tflite(model, path, images)
        rare = QuantizedModel(path).predict(images)[:, 1]
        assert rare.max() < 3 / 256
        assert (np.diff(rare) >= 0).all() and len(np.unique(rare)) > 40


def test_a_class_of_wide_scores_does_not_hide_the_others(tmp_path):
    """One score goes to -300, which are steps of 1 in int8; two differ by less."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    kernel = np.array([[-100, 1, 0], [-100, 0, 0], [-100, 0, 0]], "float32")
    model.layers[-1].set_weights([kernel, np.array([0, 0, 0.5], "float32")])
    red = np.full((52, SIZE, SIZE, 3), 200, "uint8")
    red[..., 0] = np.arange(0, 256, 5)[:, None, None]
    path = tmp_path / "model.tflite"
    export_tflite(model, path, red)
    found = QuantizedModel(path).predict(red)[:, 1]
    assert (np.diff(found) >= 0).all() and len(np.unique(found)) > 40
    expected = model.predict(red.astype("float32"), verbose=0)[:, 1]
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_unknown_layers_and_too_many_parts_are_refused(model, images, tmp_path):
    with pytest.raises(ValueError, match=r"no_such_layer"):
        export_tflite(
            model, tmp_path / "a.tflite", images[:4], float_layers=["no_such_layer"]
        )
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="n_parts.*Received: 1000"):
        sensitive_layers(model, images[:4], n_parts=1000)
    with pytest.raises(ValueError, match="Received: 0 images"):
        sensitive_layers(model, images[:0])
