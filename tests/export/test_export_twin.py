"""The description of a classifier holds all that the network does."""

import keras
import numpy as np
import pytest
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from keras_derm.classifiers import build_classifier, build_ensemble
from keras_derm.export.tf_keras.twin_description import SCALING, describe_twin


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


def rebuilt(layers):
    """The network of a description, in Keras 3: names and settings are the same."""
    outputs = {}
    for layer in layers:
        config = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in layer.config.items()
        }
        if not layer.inputs:
            shape = config["batch_input_shape"][1:]
            inputs = outputs[layer.name] = keras.Input(shape)
            continue
        built = getattr(keras.layers, layer.kind)(name=layer.name, **config)
        taken = [outputs[name] for name in layer.inputs]
        outputs[layer.name] = built(taken if len(taken) > 1 else taken[0])
        built.set_weights(layer.weights)
    return keras.Model(inputs, outputs[layers[-1].name])


def blocks_of_every_kind():
    """What Inception-ResNet, NASNet and EfficientNet have and others have not."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Normalization(
        mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05]
    )(x)
    x = keras.layers.SeparableConv2D(8, 3, padding="same")(x)
    x = keras.layers.Activation("silu")(x)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Conv2D(8, 1, activation="sigmoid")(gate)
    x = keras.layers.Multiply()([x, gate])
    x = CustomScaleLayer(0.17)([x, keras.layers.Conv2D(8, 1)(x)])
    cropped = keras.layers.Cropping2D(((1, 0), (1, 0)))(x)
    padded = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(cropped)
    x = keras.layers.Concatenate()([x, padded])
    x = keras.layers.AveragePooling2D(3, 2, padding="same")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("name", ["CustomCNN", "middle", "blocks"])
def test_description_gives_the_same_probabilities(name):
    keras.utils.set_random_seed(0)
    if name == "blocks":
        model = blocks_of_every_kind()
    else:
        side = 41 if name == "middle" else None
        model = build_classifier("CustomCNN", 3, 32, cropped_from=side)
    images = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:]))
    twin = rebuilt(describe_twin(model))
    np.testing.assert_allclose(
        np.asarray(twin(images)), np.asarray(model(images)), atol=1e-5
    )


def test_scaling_is_one_convolution_that_does_not_learn():
    layers = describe_twin(build_classifier("VGG16", 2, 32))
    first = layers[1]
    assert (first.kind, first.name, first.trainable) == ("Conv2D", SCALING, False)
    kernel, bias = first.weights
    # RGB to BGR, less the mean colour of ImageNet.
    np.testing.assert_allclose(kernel[0, 0], np.eye(3)[::-1], atol=1e-6)
    np.testing.assert_allclose(bias, [-103.939, -116.779, -123.68], rtol=1e-6)


def test_what_has_no_counterpart_is_named():
    member = build_classifier("CustomCNN", 2, 32)
    with pytest.raises(ValueError, match="member by member.*customcnn_32"):
        describe_twin(build_ensemble([member, member], 32))

    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 1, name="shared")
    x = keras.layers.GlobalAveragePooling2D()(shared(shared(inputs)))
    with pytest.raises(ValueError, match="more than once.*Received: shared"):
        describe_twin(keras.Model(inputs, x))

    x = keras.layers.LayerNormalization(name="odd")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    with pytest.raises(ValueError, match=r"Received: odd \(LayerNormalization\)"):
        describe_twin(keras.Model(inputs, x))
