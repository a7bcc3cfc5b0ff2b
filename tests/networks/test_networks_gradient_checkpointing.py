import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.classifiers import build_classifier
from keras_derm.explain import feature_layers
from keras_derm.networks import checkpoint_gradients


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


def classifier(name="CustomCNN"):
    keras.utils.set_random_seed(1)
    return build_classifier(name, 3, 32, dropout=0.0)


def batch():
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    return images, np.eye(3, dtype="float32")[[0, 1, 2, 0]]


def gradients(model):
    images, targets = batch()
    with tf.GradientTape() as tape:
        loss = keras.losses.CategoricalCrossentropy()(
            targets, model(images, training=True)
        )
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


# EfficientNet drops whole branches by chance, in every part of the network.
@pytest.mark.parametrize("name", ["CustomCNN", "MobileNetV2", "EfficientNetLite0"])
def test_gradients_and_moving_statistics_are_those_of_the_plain_model(name):
    plain, checkpointed = classifier(name), checkpoint_gradients(classifier(name))
    expected, found = gradients(plain), gradients(checkpointed)
    scale = max(np.abs(g).max() for g in expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * scale)
    for one, other in zip(checkpointed.weights, plain.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_checkpointed_model_is_flat_and_fits_and_is_saved(tmp_path):
    model = checkpoint_gradients(classifier())
    assert [layer.name for layer in model.layers] == [
        layer.name for layer in classifier().layers
    ]
    assert [layer.name for layer in feature_layers(model)] == ["block4_pool"]
    model.compile("sgd", "categorical_crossentropy")
    images, targets = batch()
    model.fit(images, targets, epochs=2, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)
    assert type(loaded) is type(model)


def test_only_what_goes_into_segments_is_kept():
    """The backward pass computes convolutions again: the graph holds them twice."""

    def n_convolutions(model):
        @tf.function
        def step():
            return gradients(model)

        operations = step.get_concrete_function().graph.get_operations()
        return sum(operation.type == "Conv2D" for operation in operations)

    assert n_convolutions(classifier()) == 8
    assert n_convolutions(checkpoint_gradients(classifier())) > 12


def test_models_that_would_count_a_batch_twice_are_refused():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    with pytest.raises(ValueError, match="Received: "):
        checkpoint_gradients(model)
