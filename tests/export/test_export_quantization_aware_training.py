"""TF-MOT fine-tunes a twin that is the same network, and the file keeps its word."""

import importlib.util
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.classifiers import build_classifier, build_ensemble
from keras_derm.export import (
    QuantizedModel,
    export_tflite,
    quantization_aware,
    sidecar_path,
)
from keras_derm.settings import FineTuningSettings

SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]


def coloured(n, seed):
    """Images of a colour that tells the class, and the classes one-hot."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, n)
    colours = np.array([[200, 90, 60], [120, 160, 80], [70, 90, 190]])[targets]
    noise = rng.normal(0, 40, (n, SIZE, SIZE, 3))
    images = np.clip(colours[:, None, None] + noise, 0, 255)
    return images.astype("uint8"), np.eye(3, dtype="float32")[targets]


def small_classifier():
    """Convolutions, batch normalisation, swish and a residual, trained a little.

    Channels of the depthwise kernel differ a thousandfold, which the batch
    normalisation after it takes back, as in pretrained networks.
    """
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(16, 3, 2, use_bias=False, name="entry")(x)
    x = keras.layers.BatchNormalization(momentum=0.8)(x)
    y = shortcut = keras.layers.ReLU(6.0)(x)
    y = keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, name="depthwise"
    )(y)
    y = keras.layers.BatchNormalization(momentum=0.8, name="even")(y)
    y = keras.layers.Conv2D(16, 1, activation="silu", name="residual")(y)
    x = keras.layers.Add()([y, shortcut])
    # Convolution first, pooling last, as in Inception networks.
    pooled = keras.layers.MaxPooling2D(3, 1, padding="same")(x)
    branch = keras.layers.Conv2D(8, 1, use_bias=False)(x)
    branch = keras.layers.BatchNormalization(momentum=0.8)(branch)
    x = keras.layers.Concatenate()([keras.layers.ReLU()(branch), pooled])
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, activation="softmax", name="probabilities")(x)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    model.fit(*coloured(128, 0), epochs=6, batch_size=16, verbose=0)
    depthwise, even = model.get_layer("depthwise"), model.get_layer("even")
    factors = np.geomspace(1, 1000, 16)
    depthwise.kernel.assign(np.array(depthwise.kernel) * factors[:, np.newaxis])
    even.moving_mean.assign(np.array(even.moving_mean) * factors)
    even.moving_variance.assign(np.array(even.moving_variance) * factors**2)
    return model


@pytest.fixture(scope="module")
def model():
    return small_classifier()


def kernels(path):
    """Weights of the convolutions and dense layers in a TFLite file, as integers."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    found = [
        interpreter.get_tensor(detail["index"])
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.int8
        and tuple(detail["shape"]) in {(16, 3, 3, 3), (16, 1, 1, 16)}
    ]
    assert len(found) == 2
    return found


@pytest.mark.slow
def test_quantization_aware_training_gives_int8_that_agrees(model, tmp_path):
    images, _ = coloured(96, 1)
    # It learns from darker images, whose statistics it must not take over.
    dark = images // 2, model.predict(images // 2, verbose=0)
    before = model.get_weights()
    path = tmp_path / "qat.tflite"
    written = quantization_aware(
        model,
        path,
        tf.data.Dataset.from_tensor_slices(dark).batch(16).repeat(),
        representative_images=images,
        classes=CLASSES,
        settings=FineTuningSettings(n_steps=12),
        io="uint8",
    )
    assert json.loads(sidecar_path(path).read_text()) == written
    assert (written["method"], written["mode"]) == ("qat", "int8")
    assert written["io"] == "uint8" and written["classes"] == CLASSES
    assert written["twin_max_abs_difference"] < 1e-5
    assert written["tflite_mean_abs_difference"] < 0.01
    assert written["float_layers"] == []
    between = images // 2 + images[::-1] // 2  # of two classes, so less than certain
    found = QuantizedModel(path).predict(between.astype("float32"))
    assert np.abs(found - model.predict(between, verbose=0)).mean() < 0.01
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    assert entry["dtype"] == np.uint8 and entry["quantization"] == (1.0, 0)
    kinds = {
        detail["dtype"]
        for detail in interpreter.get_tensor_details()
        if len(detail["shape"]) == 4
    }
    assert kinds <= {np.uint8, np.int8}
    (depthwise,) = (
        interpreter.get_tensor(detail["index"])
        for detail in interpreter.get_tensor_details()
        if tuple(detail["shape"]) == (1, 3, 3, 16)
    )
    steps = [len(np.unique(channel)) for channel in depthwise.reshape(9, 16).T]
    assert min(steps) >= 7  # small channels have not become zeros


@pytest.mark.slow
def test_pruning_and_clustering_thin_the_kernels(model, tmp_path):
    images, targets = coloured(96, 1)
    y_prob = model.predict(images.astype("float32"), verbose=0)
    for method, own, mode in (
        ("pruning", {"sparsity": 0.5}, "int8"),
        ("clustering", {"n_clusters": 4}, "float16"),
    ):
        path = tmp_path / f"{method}.tflite"
        settings = FineTuningSettings(method, n_steps=40, **own)
        written = quantization_aware(model, path, images, y_prob, settings, mode=mode)
        assert written["compressed_bytes"] < written["size_bytes"]
        same = QuantizedModel(path).predict(images).argmax(axis=1) == targets.argmax(1)
        assert same.mean() > 0.9
        if method == "pruning":
            shares = [np.mean(kernel == 0) for kernel in kernels(path)]
            assert min(shares) >= 0.49 and max(shares) < 0.75
    # float16 keeps the shared values apart.
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    sizes = [
        len(np.unique(interpreter.get_tensor(detail["index"])))
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.float16 and tuple(detail["shape"]) == (3, 24)
    ]
    assert sizes and max(sizes) <= 4


def random_classifier(name, images):
    """Random weights, with statistics of these images that a step leaves alone."""
    keras.utils.set_random_seed(0)
    model = build_classifier(name, 3, images.shape[1], batch_norm_momentum=0.0)
    normalizations = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in normalizations:  # or depth enlarges every rounding
        layer.epsilon = 0.1
        if layer.beta is not None:
            layer.beta.assign(np.ones(layer.beta.shape))
    model(images, training=True)
    for layer in normalizations:
        layer.momentum = 0.999
    return model


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name, size, n_float_layers",
    [
        ("MobileNetV2", 64, 0),
        ("EfficientNetB0", 64, 0),
        ("ResNet50", 64, 0),
        ("VGG16", 64, 0),
        # Three convolutions behind a pooling that another pooling shares.
        ("InceptionResNetV2", 75, 3),
        # Batch normalisations without a convolution before them; needs 16 GB.
        ("NASNetLarge", 64, 4),
    ],
)
def test_backbones_are_quantised(name, size, n_float_layers, tmp_path):
    colours = np.random.default_rng(0).uniform(0, 255, (32, 1, 1, 3))
    images = np.broadcast_to(colours, (32, size, size, 3)).astype("uint8")
    classifier = random_classifier(name, images.astype("float32"))
    y_prob = classifier.predict(images.astype("float32"), verbose=0)
    assert len(np.unique(y_prob[:, 0])) == len(images)
    path = tmp_path / "model.tflite"
    settings = FineTuningSettings(n_steps=1, batch_size=8, learning_rate=1e-7)
    written = quantization_aware(classifier, path, images, y_prob, settings)
    *others, last = written["float_layers"]
    assert last == "probabilities" and len(others) == n_float_layers, others
    after = tmp_path / "after_training.tflite"
    export_tflite(classifier, after, images)
    # Random networks bear int8 differently well: what it costs without fine-tuning,
    # whose ranges are the extremes of all images, not the means over batches.
    costs = [
        np.abs(QuantizedModel(file).predict(images) - y_prob).mean()
        for file in (path, after)
    ]
    assert costs[0] < 4 * costs[1] + 0.005, costs


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"settings": {"method": "magic"}}, "`method`"),
        ({"mode": "dynamic"}, "qat gives int8"),
        ({"mode": "selective", "settings": {"method": "pruning"}}, "has one mode"),
        ({"settings": {"n_steps": 0}}, "`n_steps`"),
        ({"settings": {"sparsity": 1.0}}, "`sparsity`"),
        ({"targets": np.ones((4, 2))}, "`targets`"),
        ({"images": np.zeros((4, 8, 8, 3))}, "`images`"),
        ({"classes": ["MEL"]}, "`classes`"),
    ],
)
def test_wrong_arguments_are_refused_at_once(model, tmp_path, changed, message):
    images, targets = coloured(4, 0)
    arguments = {"images": images, "targets": targets, **changed}
    settings = arguments.pop("settings", {})
    with pytest.raises(ValueError, match=message) as error:
        arguments["settings"] = FineTuningSettings(**settings)
        quantization_aware(model, tmp_path / "model.tflite", **arguments)
    assert "Received:" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_short_data_set_and_ensemble_are_refused(model, tmp_path):
    path = tmp_path / "model.tflite"
    dataset = tf.data.Dataset.from_tensor_slices(coloured(8, 0)).batch(4)
    with pytest.raises(ValueError, match="let it repeat. Received: 8 images"):
        quantization_aware(model, path, dataset, settings=FineTuningSettings(n_steps=3))
    ensemble = build_ensemble([model, model], SIZE)
    with pytest.raises(ValueError, match="member by member"):
        quantization_aware(ensemble, path, *coloured(8, 0))


def test_missing_extra_is_named(model, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "tf_keras" else found(name),
    )
    with pytest.raises(ImportError, match=r"keras_derm\[quantization\].*no tf_keras"):
        quantization_aware(model, tmp_path / "model.tflite", *coloured(4, 0))
