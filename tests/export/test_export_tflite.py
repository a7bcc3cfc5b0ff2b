"""An exported ensemble runs without TensorFlow, agrees, and refuses wrong files."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_derm.export import (
    ModelFileError,
    QuantizedModel,
    agreement,
    export_tflite,
    sidecar_path,
)
from keras_derm.networks import InputScaling

SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]


def inverted_residuals():
    """MobileNetV2's blocks, two of them."""
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for _ in range(2):
        y = layers.Conv2D(96, 1, use_bias=False)(x)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.Conv2D(32, 1, use_bias=False)(y)
        x = layers.Add()([x, layers.BatchNormalization()(y)])
    x = layers.Conv2D(512, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(3, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs)


def small_network():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(0, 4))(
        x
    )
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(x))


def coloured_images(n, seed):
    """Images of one colour each with noise: they tell the classes apart."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(0, 255, (n, 1, 1, 3))
    noise = rng.normal(0, 20, (n, SIZE, SIZE, 3))
    return np.clip(colours + noise, 0, 255).astype("uint8")


@pytest.fixture(scope="module")
def ensemble():
    """Members at 32 and 16 pixels behind one 32-pixel image, averaged."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3))
    resized = keras.layers.Resizing(16, 16)(inputs)
    outputs = keras.layers.Average()(
        [inverted_residuals()(inputs), small_network()(resized)]
    )
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def exported(ensemble, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "ensemble.tflite"
    return path, export_tflite(ensemble, path, coloured_images(50, 0), classes=CLASSES)


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the model and its description, to be damaged."""
    path = tmp_path / "ensemble.tflite"
    path.write_bytes(exported[0].read_bytes())
    sidecar_path(path).write_text(sidecar_path(exported[0]).read_text())
    return path


@pytest.mark.parametrize(
    "mode", ["int8", "selective", "weight_only", "dynamic", "float16"]
)
def test_every_mode_agrees_with_the_float_model(ensemble, exported, tmp_path, mode):
    path = exported[0]
    if mode != "int8":
        path = tmp_path / "model.tflite"
        some = coloured_images(20, 0) if mode == "selective" else None
        export_tflite(ensemble, path, some, mode, CLASSES)
    images = coloured_images(100, 1)
    model = QuantizedModel(path, n_threads=1)
    y_prob = model.predict(images)
    assert (model.mode, model.classes) == (mode, tuple(CLASSES))
    assert y_prob.shape == (100, 3) and y_prob.dtype == "float32"
    y_prob_float = ensemble.predict(images.astype("float32"), verbose=0)
    assert len(np.unique(y_prob_float.argmax(axis=1))) > 1
    found = agreement(y_prob_float, y_prob)
    assert found["argmax_agreement"] >= 0.95
    assert found["max_abs_difference"] < 0.05


@pytest.mark.parametrize("scaling", ["tf", "lite", "caffe"])
def test_colours_reach_the_first_convolution_in_int8(tmp_path, scaling):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.ZeroPadding2D(1)(InputScaling(scaling)(inputs))
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x) / 10
    model = keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x))
    images, path = coloured_images(60, 0), tmp_path / "model.tflite"
    export_tflite(model, path, images[:30])
    found = QuantizedModel(path).predict(images[30:])
    expected = model.predict(images[30:].astype("float32"), verbose=0)
    assert agreement(expected, found)["mean_abs_difference"] < 0.01


def test_file_is_full_int8_and_takes_raw_images(exported):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(exported[0]))
    interpreter.allocate_tensors()
    convolved = [
        detail
        for detail in interpreter.get_tensor_details()
        if len(detail["shape"]) == 4 and detail["dtype"] == np.float32
    ]
    # Only the raw image itself is in float.
    assert [tuple(detail["shape"]) for detail in convolved] == [(1, SIZE, SIZE, 3)]


@pytest.mark.parametrize("io, offset", [("uint8", 0), ("int8", 128)])
def test_bytes_of_a_photograph_go_in_as_they_are(tmp_path, io, offset):
    from ai_edge_litert.interpreter import Interpreter

    keras.utils.set_random_seed(0)
    model, path = small_network(), tmp_path / "model.tflite"
    images = coloured_images(50, 0)[:, :16, :16]
    grey = np.clip(images, 30, 220)  # neither black nor white
    assert export_tflite(model, path, grey, io=io)["io"] == io
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    (output,) = interpreter.get_output_details()
    assert entry["dtype"] == output["dtype"] == np.dtype(io)
    assert entry["quantization"] == (1.0, -offset)
    found = []
    for image in images:
        stored = (image[np.newaxis].astype("int32") - offset).astype(io)
        interpreter.set_tensor(entry["index"], stored)
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0].astype("float32"))
    scale, zero_point = output["quantization"]
    y_prob = (np.stack(found) - zero_point) * scale
    y_prob_float = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(y_prob, y_prob_float, atol=0.05)


def test_int8_is_about_a_quarter_of_the_float_weights(ensemble, exported):
    assert exported[1]["size_bytes"] < ensemble.count_params() * 4 / 2.5


def test_description_tells_what_the_file_is(exported):
    path, description = exported
    written = json.loads(sidecar_path(path).read_text())
    assert written == description
    assert written["classes"] == CLASSES and written["image_size"] == [SIZE, SIZE]
    assert written["size_bytes"] == path.stat().st_size
    assert written["n_representative_images"] == 50
    assert written["versions"]["keras"] == keras.__version__
    assert sorted(path.parent.iterdir()) == [sidecar_path(path), path]


def test_uint8_and_float_images_give_the_same_and_none_gives_none(exported):
    model = QuantizedModel(exported[0])
    images = coloured_images(3, 2)
    np.testing.assert_array_equal(
        model.predict(images), model.predict(images.astype("float64"))
    )
    assert model.predict(images[:0]).shape == (0, 3)


def test_inference_loads_no_tensorflow(exported):
    program = (
        "import sys, numpy as np\n"
        "from keras_derm.export import QuantizedModel\n"
        f"model = QuantizedModel({str(exported[0])!r})\n"
        f"model.predict(np.zeros((1, {SIZE}, {SIZE}, 3), 'uint8'))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((1, 16, 16, 3)), "shape"),
        (np.zeros((SIZE, SIZE, 3)), "shape"),
        (np.full((1, SIZE, SIZE, 3), "a"), "numbers"),
        (np.full((1, SIZE, SIZE, 3), 256.0), "0, 255"),
        (np.full((1, SIZE, SIZE, 3), np.nan), "0, 255"),
    ],
)
def test_wrong_images_are_refused(exported, images, message):
    with pytest.raises(ValueError, match=message) as error:
        QuantizedModel(exported[0]).predict(images)
    assert "Received:" in str(error.value)


def test_missing_files_are_named(copy, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.tflite"):
        QuantizedModel(tmp_path / "absent.tflite")
    sidecar_path(copy).unlink()
    with pytest.raises(FileNotFoundError, match="ensemble.json"):
        QuantizedModel(copy)


def test_file_of_another_kind_is_refused(copy):
    keras_file = copy.with_suffix(".keras")
    keras_file.write_bytes(b"PK")
    with pytest.raises(ModelFileError, match="ensemble.keras"):
        QuantizedModel(keras_file)
    copy.write_text("no model at all")
    with pytest.raises(ModelFileError, match="no TFLite model"):
        QuantizedModel(copy)


def test_damaged_model_is_refused(copy):
    content = bytearray(copy.read_bytes())
    copy.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match="is not the model"):
        QuantizedModel(copy)
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ModelFileError, match="is not the model"):
        QuantizedModel(copy)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "Not a JSON file"),
        ("[]", "JSON object"),
        ("{}", "lacks"),
    ],
)
def test_damaged_description_is_refused(copy, text, message):
    sidecar_path(copy).write_text(text)
    with pytest.raises(ModelFileError, match=message):
        QuantizedModel(copy)


@pytest.mark.parametrize("key, value", [("classes", ["MEL"]), ("image_size", [8, 8])])
def test_description_of_another_model_is_refused(copy, key, value):
    description = json.loads(sidecar_path(copy).read_text())
    sidecar_path(copy).write_text(json.dumps({**description, key: value}))
    with pytest.raises(ModelFileError, match="tells of tensors"):
        QuantizedModel(copy)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"path": "model.h5"}, "tflite"),
        ({"mode": "int4"}, "`mode`"),
        ({"io": "int16"}, "`io`"),
        ({"mode": "dynamic", "io": "int8"}, "`io`"),
        ({"mode": "dynamic", "float_layers": ["a"]}, "mode 'int8'"),
        ({"classes": ["MEL"]}, "`classes`"),
        ({"representative_images": None}, "`representative_images`"),
        ({"representative_images": np.zeros((2, 8, 8, 3))}, "`representative_images`"),
    ],
)
def test_wrong_export_is_refused_and_writes_nothing(
    ensemble, tmp_path, changed, message
):
    arguments = {
        "path": tmp_path / "model.tflite",
        "representative_images": coloured_images(2, 0),
    }
    if "path" in changed:
        changed = {"path": tmp_path / changed["path"]}
    with pytest.raises(ValueError, match=message) as error:
        export_tflite(ensemble, **{**arguments, **changed})
    assert "Received:" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_model_without_a_fixed_image_size_is_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match="fixed size"):
        export_tflite(model, tmp_path / "model.tflite", mode="dynamic")
