"""Mixed precision in training, float32 afterwards."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tiny_training import Kill, data, train_classifier

from keras_derm.classifiers import (
    build_classifier,
    build_ensemble,
    load_classifier,
)
from keras_derm.export import QuantizedModel, export_tflite
from keras_derm.networks import checkpoint_gradients
from keras_derm.training import (
    clearly_fastest,
    computing_in,
    in_float32,
    measure_precisions,
)
from keras_derm.training import precision as precision_module

SIDE = 16


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


def classifier(precision, seed=3):
    keras.utils.set_random_seed(seed)
    with computing_in(precision):
        return build_classifier("CustomCNN", 2, SIDE, hidden_units=4)


def images(n=6):
    generator = np.random.default_rng(0)
    return generator.uniform(0, 255, (n, SIDE, SIDE, 3)).astype("float32")


def computed_in(model):
    return {layer.name: layer.compute_dtype for layer in model.layers[1:]}


def test_backbone_computes_in_half_precision_scaling_and_head_do_not():
    model = classifier("mixed_bfloat16")
    formats = computed_in(model)
    head = ("pooling", "dropout", "hidden", "probabilities")
    whole = {name for name, dtype in formats.items() if dtype == "float32"}
    assert whole == {"input_scaling", *head}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_efficientnet_scales_its_images_in_float32():
    with computing_in("mixed_bfloat16"):
        model = build_classifier("EfficientNetB0", 2, 32)
    scaling = [
        layer.compute_dtype
        for layer in model.layers
        if isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization))
    ]
    assert len(scaling) >= 2 and set(scaling) == {"float32"}


@pytest.mark.parametrize("wrap", [lambda model: model, checkpoint_gradients])
def test_twin_in_float32_predicts_what_the_same_weights_predict_in_float32(wrap):
    mixed, whole = wrap(classifier("mixed_bfloat16")), classifier("float32")
    whole.set_weights(mixed.get_weights())
    mixed.compile("adamw", "categorical_crossentropy")
    twin = in_float32(mixed)
    assert set(computed_in(twin).values()) == {"float32"} and not twin.compiled
    assert [layer.name for layer in twin.layers] == [
        layer.name for layer in whole.layers
    ]
    expected = whole.predict(images(), verbose=0)
    np.testing.assert_array_equal(twin.predict(images(), verbose=0), expected)
    rounded = mixed.predict(images(), verbose=0)
    assert 0 < np.abs(rounded - expected).max() < 0.02
    assert in_float32(whole) is whole


def test_ensemble_of_mixed_members_is_read_in_float32(tmp_path):
    members = [classifier("mixed_bfloat16", seed) for seed in (1, 2)]
    build_ensemble(members, 20).save(tmp_path / "ensemble.keras")
    ensemble = load_classifier(tmp_path / "ensemble.keras")
    expected = build_ensemble([in_float32(member) for member in members], 20)
    large = keras.ops.image.resize(images(), (20, 20))
    np.testing.assert_allclose(ensemble(large), expected(large), atol=1e-6)


def bright_and_dark():
    """A classifier of 8-pixel images, small enough for emulated float16."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype="float32")(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooling", dtype="float32")(x)
    x = keras.layers.Dropout(0.3, dtype="float32")(x)
    outputs = keras.layers.Dense(2, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs)


def train(precision, folder, added=()):
    keras.utils.set_random_seed(3)
    with computing_in(precision):
        model = bright_and_dark()
    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, *added], **kwargs
    )
    settings = {"epochs": 4, "steps_per_epoch": 5, "learning_rate": 0.02}
    return model, train_classifier(model, *data(), folder, **settings)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_killed_training_in_mixed_precision_ends_as_if_it_had_not_been(
    precision, tmp_path
):
    whole, best = train(precision, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(precision, tmp_path / "killed", [Kill(12)])
    killed, _ = train(precision, tmp_path / "killed")
    for one, other in zip(killed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    histories = [
        pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "killed")
    ]
    pd.testing.assert_frame_equal(*histories)
    assert histories[0]["val_auc"].max() > 0.95
    assert set(computed_in(best).values()) == {"float32"}


def test_steps_that_float16_leaves_out_count_as_made(tmp_path, monkeypatch):
    """Gradients overflow until the scale of the loss has been halved often enough."""
    from keras_derm.training.optimizers import CountingLossScale

    monkeypatch.setattr(
        CountingLossScale,
        "__init__",
        lambda self, inner, **kwargs: keras.optimizers.LossScaleOptimizer.__init__(
            self, inner, **{**kwargs, "initial_scale": 2.0**24}
        ),
    )
    model, _ = train("mixed_float16", tmp_path)
    assert int(model.optimizer.iterations) == 20
    assert int(model.optimizer.inner_optimizer.iterations) < 20
    assert pd.read_csv(tmp_path / "history.csv")["epoch"].tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_member_trained_in_bfloat16_is_exported_to_int8(tmp_path):
    mixed = classifier("mixed_bfloat16")
    mixed.save(tmp_path / "mixed.keras")
    model = load_classifier(tmp_path / "mixed.keras")
    export_tflite(model, tmp_path / "model.tflite", images(20))
    found = QuantizedModel(tmp_path / "model.tflite").predict(images())
    np.testing.assert_allclose(found, model.predict(images(), verbose=0), atol=0.05)


@pytest.mark.parametrize(
    "speeds, expected",
    [
        ({"float32": 25.0, "mixed_bfloat16": 42.0}, "mixed_bfloat16"),
        ({"float32": 76.0, "mixed_bfloat16": 25.0}, "float32"),
        ({"float32": 100.0, "mixed_bfloat16": 109.0}, "float32"),
        (
            {"float32": 10.0, "mixed_bfloat16": 30.0, "mixed_float16": 31.0},
            "mixed_bfloat16",
        ),
        (
            {"float32": 10.0, "mixed_bfloat16": 5.0, "mixed_float16": 31.0},
            "mixed_float16",
        ),
    ],
)
def test_another_precision_is_taken_where_it_is_clearly_faster(speeds, expected):
    assert clearly_fastest(speeds) == expected


def test_steps_of_the_models_asked_for_are_timed(monkeypatch):
    built = []

    def build():
        built.append(bright_and_dark())
        return built[-1]

    speeds = measure_precisions(build, 4)
    assert list(speeds) == ["float32", "mixed_bfloat16"]
    assert all(speed > 0 for speed in speeds.values())
    formats = [computed_in(model)["conv"] for model in built]
    assert formats == ["float32", "bfloat16"]
    times = iter([0, *np.cumsum([1, 2, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])])
    clock = SimpleNamespace(perf_counter=lambda: float(next(times)))
    monkeypatch.setattr(precision_module, "time", clock)
    assert measure_precisions(build, 4, ["float32"]) == {"float32": 4.0}


def test_on_one_gpu_each_precision_is_measured_with_xla_and_without(monkeypatch):
    """What XLA cannot compile is left out; here it has no GPU to compile for."""
    compiled = []

    def step(model, batch_size, limit, jit_compile):
        compiled.append(jit_compile)
        if jit_compile and model.get_layer("conv").compute_dtype == "float16":
            raise tf.errors.InvalidArgumentError(None, None, "no kernel")
        return 1.0 / len(compiled)

    gpu = [SimpleNamespace(device_type="GPU")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpu)
    monkeypatch.setattr(precision_module, "_fastest_step", step)
    speeds = measure_precisions(bright_and_dark, 4, with_xla=True)
    ways = ["float32", "float32 with XLA", "mixed_bfloat16", "mixed_bfloat16 with XLA"]
    assert list(speeds) == [*ways, "mixed_float16"]
    assert compiled == [False, True] * 3
    assert clearly_fastest(speeds) == "mixed_float16"
    assert list(measure_precisions(bright_and_dark, 4, ["float32"])) == ["float32"]
    assert compiled[-1] == "auto"  # as Keras has it where nobody asks


def test_unknown_precision_is_refused():
    error = pytest.raises(ValueError, match="float32, mixed_bf.*Received: 'half'")
    with error, computing_in("half"):
        pass
