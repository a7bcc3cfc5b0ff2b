import json
import struct

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_derm.files import DamagedFileError
from keras_derm.networks import (
    LoRA,
    activate,
    adapter_variables,
    add_adapter,
    load_adapter,
    lora_layers,
    merge,
    save_adapter,
)


@keras.saving.register_keras_serializable(package="tests")
class Block(keras.layers.Layer):
    """Composite layer of a convolution, a projection and a normalization."""

    def __init__(self, rank=None, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.conv = keras.layers.Conv2D(
            6, 3, strides=2, padding="same", activation="gelu", dtype=self.dtype_policy
        )
        self.norm = keras.layers.BatchNormalization(dtype=self.dtype_policy)
        self.to_q = keras.layers.Dense(5, dtype=self.dtype_policy)
        if rank:
            options = {"rank": rank, "alpha": 2.0, "dropout": 0.0, "seed": 1}
            self.to_q = LoRA(self.to_q, {"dark": options})

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build((None, None, None, 6))
        self.to_q.build((None, None, None, 6))
        self.built = True

    def call(self, inputs, training=None):
        return self.to_q(self.norm(self.conv(inputs), training=training))

    def get_config(self):
        return super().get_config() | {"rank": self.rank}


def network(dtype="float32", rank=None):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 1, dtype=dtype)(inputs)
    x = Block(rank, dtype=dtype)(x)
    x = ops.mean(x, axis=(1, 2))
    return keras.Model(inputs, keras.layers.Dense(2, dtype=dtype)(x))


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")


def perturb(model, name, seed=0):
    """Give A and B values, as a training would."""
    generator = np.random.default_rng(seed)
    for variable in adapter_variables(model, name):
        variable.assign(generator.normal(0, 0.3, variable.shape))


def outputs(model, images, **kwargs):
    return np.asarray(model(images, **kwargs), "float32")


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "bfloat16"])
def test_the_base_is_bit_identical_without_an_active_adapter(dtype, images):
    model = network(dtype)
    before, weights = outputs(model, images), [w.numpy() for w in model.weights]
    known = {id(w) for w in model.weights}
    layers = add_adapter(model, "dark", where=("conv", "to_q"))
    assert [type(layer.base).__name__ for layer in layers] == ["Conv2D", "Dense"]
    assert np.array_equal(outputs(model, images), before)  # B is zero
    perturb(model, "dark")
    assert not np.array_equal(outputs(model, images), before)
    activate(model, None)
    assert np.array_equal(outputs(model, images), before)
    kept = [w.numpy() for w in model.weights if id(w) in known]
    assert all(np.array_equal(a, b) for a, b in zip(kept, weights, strict=True))
    assert {v.dtype for v in adapter_variables(model, "dark")} == {"float32"}


def test_it_is_the_equation_of_the_paper(images):
    model = network()
    (layer,) = add_adapter(model, "dark", rank=2, alpha=3.0, where="to_q")
    perturb(model, "dark")
    down, up = (v.numpy() for v in adapter_variables(model, "dark"))
    assert down.shape == (6, 2)
    assert up.shape == (2, 5)
    x = np.random.default_rng(1).normal(size=(7, 6)).astype("float32")
    kernel, bias = layer.base.get_weights()
    expected = x @ (kernel + 1.5 * down @ up) + bias
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_convolution_is_that_of_the_changed_kernel(images, padding):
    base = keras.layers.Conv2D(6, (3, 2), padding=padding, dilation_rate=2)
    layer = LoRA(base)
    layer.build(images.shape)
    layer.add("dark", rank=2, alpha=2, dropout=0.0, seed=0)
    up = np.random.default_rng(0).normal(size=(1, 1, 2, 6))
    layer.adapters["dark"].up.kernel.assign(up)
    changed = base.kernel.numpy() + layer.kernel_change("dark")
    expected = ops.conv(images, changed, padding=padding, dilation_rate=2)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)


def test_only_the_adapter_learns(images):
    model = network()
    model.layers[1].trainable = False
    add_adapter(model, "dark", where=("conv", "to_q"))
    trainable = {id(v) for v in model.trainable_variables}
    assert trainable == {id(v) for v in adapter_variables(model, "dark")}
    frozen = [w.numpy() for w in model.weights if id(w) not in trainable]
    model.compile("sgd", "mse")
    before = [v.numpy() for v in adapter_variables(model, "dark")]
    model.fit(images, np.ones((4, 2)), epochs=2, verbose=0)
    after = [w.numpy() for w in model.weights if id(w) not in trainable]
    # The moving statistics of a frozen normalization stay as well.
    assert all(np.array_equal(a, b) for a, b in zip(frozen, after, strict=True))
    changed = [
        not np.array_equal(a, b.numpy())
        for a, b in zip(before, adapter_variables(model, "dark"), strict=True)
    ]
    assert all(changed)


def test_adapters_are_switched_without_tracing_anew(images):
    model = network()
    add_adapter(model, "dark", where="to_q")
    add_adapter(model, "red", rank=2, where=("conv", "to_q"))
    perturb(model, "dark", 1)
    perturb(model, "red", 2)
    traces = []

    @tf.function
    def compiled(x):
        traces.append(x)
        return model(x)

    eager, fast = [], []
    for name in (None, "dark", "red", None):
        activate(model, name)
        eager.append(outputs(model, images))
        fast.append(compiled(images).numpy())
    assert len(traces) == 1
    np.testing.assert_allclose(fast, eager, atol=1e-6)
    assert np.array_equal(eager[0], eager[3])
    assert not np.allclose(eager[0], eager[1])
    assert not np.allclose(eager[1], eager[2])


def test_dropout_is_seeded_and_acts_in_training_only(images):
    def trained_outputs(seed):
        model = network()
        add_adapter(model, "dark", where="to_q", dropout=0.5, seed=seed)
        perturb(model, "dark")
        assert np.array_equal(outputs(model, images), outputs(model, images))
        return outputs(model, images, training=True)

    assert np.array_equal(trained_outputs(1), trained_outputs(1))
    assert not np.array_equal(trained_outputs(1), trained_outputs(2))


def test_merged_it_is_a_plain_model_of_the_same_outputs(images, tmp_path):
    model = network()
    add_adapter(model, "dark", rank=2, alpha=4, where=("conv", "to_q"))
    perturb(model, "dark")
    expected = outputs(model, images)
    merge(model, "dark")
    assert not lora_layers(model)
    block = model.layers[2]
    assert type(block.to_q) is keras.layers.Dense
    assert block.conv.activation is keras.activations.gelu
    np.testing.assert_allclose(outputs(model, images), expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(outputs(again, images), outputs(model, images))


def test_one_of_two_adapters_is_merged(images):
    model = network()
    add_adapter(model, "dark", where="to_q")
    add_adapter(model, "red", where=("conv", "to_q"))
    perturb(model, "dark", 1)
    perturb(model, "red", 2)
    expected = outputs(model, images)
    merge(model, "red")
    np.testing.assert_allclose(outputs(model, images), expected, atol=1e-5)
    assert list(lora_layers(model)) == list(lora_layers(model, "dark"))


def test_a_model_that_makes_its_adapters_itself_is_saved(images, tmp_path):
    model = network(rank=2)
    perturb(model, "dark")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(outputs(again, images), outputs(model, images))
    assert np.array_equal(
        outputs(keras.models.clone_model(model), images).shape, (4, 2)
    )


def test_the_layer_describes_itself():
    layer = LoRA(keras.layers.Dense(3, activation="relu"))
    layer.build((None, 4))
    layer.add("dark", rank=2, alpha=1.0, dropout=0.1, seed=5)
    again = LoRA.from_config(layer.get_config())
    again.build((None, 4))
    again.set_weights(layer.get_weights())
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert np.array_equal(again(x), layer(x))
    assert again.get_config() == layer.get_config()


@pytest.fixture
def saved(tmp_path, images):
    model = network()
    add_adapter(
        model, "dark", rank=2, alpha=3.0, dropout=0.1, where=("conv", "to_q"), seed=4
    )
    perturb(model, "dark")
    save_adapter(model, "dark", tmp_path / "dark.safetensors")
    return tmp_path / "dark.safetensors", outputs(model, images)


def test_an_adapter_is_read_into_a_new_model(saved, images):
    path, expected = saved
    assert path.stat().st_size < 4096
    model = network()  # Keras names its layers otherwise than those of the first
    before = outputs(model, images)
    assert load_adapter(model, path) == "dark"
    assert np.array_equal(outputs(model, images), expected)
    activate(model, None)
    assert np.array_equal(outputs(model, images), before)
    perturb(model, "dark", 9)
    assert load_adapter(model, path) == "dark"  # into the adapter that is there
    assert np.array_equal(outputs(model, images), expected)


def header_of(content):
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def with_header(header, rest):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def truncated(content):
    return content[:-20]


def outside(content):
    header, rest = header_of(content)
    name = next(name for name in header if name != "__metadata__")
    begin, end = header[name]["data_offsets"]
    header[name]["data_offsets"] = [begin + 10**6, end + 10**6]
    return with_header(header, rest)


def without_description(content):
    header, rest = header_of(content)
    del header["__metadata__"]
    return with_header(header, rest)


def without_a_tensor(content):
    header, rest = header_of(content)
    last = max(
        (name for name in header if name != "__metadata__"),
        key=lambda name: header[name]["data_offsets"],
    )
    start, _ = header.pop(last)["data_offsets"]
    return with_header(header, rest[:start])


@pytest.mark.parametrize(
    "damage",
    [truncated, outside, without_description, without_a_tensor, lambda content: b""],
)
def test_damaged_files_are_refused(saved, damage):
    path, _ = saved
    path.write_bytes(damage(path.read_bytes()))
    model = network()
    with pytest.raises(DamagedFileError, match=r"dark\.safetensors .* Received: "):
        load_adapter(model, path)
    assert not lora_layers(model)


def test_an_adapter_of_another_network_is_refused(saved, tmp_path):
    path, _ = saved
    inputs = keras.Input((8, 8, 3))
    other = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="another network: 2 of 2"):
        load_adapter(other, path)
    wider = keras.Model(inputs, Block()(keras.layers.Conv2D(4, 1)(inputs)))
    wide = keras.Model(wider.inputs, wider.outputs)
    with pytest.raises(ValueError, match=r"block_0\.conv\.down must have shape"):
        load_adapter(wide, path)
    assert not lora_layers(wide)
    taken = network()
    add_adapter(taken, "dark", rank=3, where="to_q")
    with pytest.raises(ValueError, match="another rank"):
        load_adapter(taken, path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_adapter(taken, tmp_path / "none.safetensors")


def test_what_cannot_have_an_adapter_is_refused(images):
    model = network()
    with pytest.raises(ValueError, match="dense_0: .* node of a functional graph"):
        add_adapter(model, "dark", where="dense_0")
    with pytest.raises(ValueError, match="a BatchNormalization, only to"):
        add_adapter(model, "dark", where="norm")
    with pytest.raises(ValueError, match=r"block_0\.conv.* 2 in all.*Received"):
        add_adapter(model, "dark", where="to_k")
    with pytest.raises(ValueError, match="several groups"):
        LoRA(keras.layers.Conv2D(4, 3, groups=2))
    with pytest.raises(ValueError, match="`rank` must"):
        add_adapter(model, "dark", rank=0)
    add_adapter(model, "dark")
    with pytest.raises(ValueError, match="has an adapter of this name"):
        add_adapter(model, "dark")
    with pytest.raises(ValueError, match=r"it has \['dark'\]"):
        activate(model, "red")
