import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.generative.adversarial.networks import (
    build_discriminator,
    build_generator,
    upsampling_plan,
)
from keras_derm.generative.adversarial.spectral_normalization import (
    SpectralNormalization,
    update_singular_vectors,
)


def largest_singular_value(layer):
    weight = np.asarray(layer._weight)
    return np.linalg.svd(weight.reshape(-1, weight.shape[-1]), compute_uv=False)[0]


def spectral_layers(model):
    return [la for la in model.layers if isinstance(la, SpectralNormalization)]


@pytest.mark.parametrize(
    "image_size, plan",
    [(32, (4, 3)), (64, (4, 4)), (96, (6, 4)), (224, (7, 5)), (256, (4, 6))],
)
def test_supported_sizes_start_between_4_and_7(image_size, plan):
    assert upsampling_plan(image_size) == plan


@pytest.mark.parametrize("image_size", [16, 33, 100, 512, 72])
def test_other_sizes_are_refused(image_size):
    with pytest.raises(ValueError, match=f"Received: image_size={image_size}"):
        upsampling_plan(image_size)


@pytest.mark.parametrize("image_size", [32, 96, 224])
def test_networks_have_the_size_asked_for(image_size):
    generator = build_generator(image_size, latent_dim=8, base_channels=2)
    discriminator = build_discriminator(image_size, base_channels=2)
    index = tf.zeros(2, "int32")
    images = generator([tf.zeros((2, 8)), index, index])
    assert images.shape == (2, image_size, image_size, 3)
    assert discriminator([images, index, index]).shape == (2, 1)


def test_singular_values_converge_to_the_svd_in_every_layer():
    keras.utils.set_random_seed(0)
    discriminator = build_discriminator(32, base_channels=4)
    for _ in range(300):
        update_singular_vectors(discriminator)
    layers = spectral_layers(discriminator)
    assert len(layers) == 6
    for layer in layers:
        expected = largest_singular_value(layer)
        np.testing.assert_allclose(layer.singular_value(), expected, rtol=1e-3)


def test_a_call_changes_nothing_and_an_update_only_the_vector():
    discriminator = build_discriminator(32, base_channels=4)
    before = [weight.numpy() for weight in discriminator.weights]
    index = tf.zeros(2, "int32")
    discriminator([tf.ones((2, 32, 32, 3)), index, index], training=True)
    for old, weight in zip(before, discriminator.weights, strict=True):
        np.testing.assert_array_equal(old, weight)
    update_singular_vectors(discriminator)
    changed = [
        weight.name
        for old, weight in zip(before, discriminator.weights, strict=True)
        if not np.array_equal(old, weight)
    ]
    # The score has one output: its vector is 1 or -1 from the start on.
    assert set(changed) == {"singular_vector"}
    assert len(changed) >= 5


def test_output_and_gradient_are_those_of_the_divided_kernel():
    layer = SpectralNormalization(keras.layers.Dense(3, use_bias=False))
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer(inputs)
    for _ in range(300):
        layer.update()
    kernel = layer.layer.kernel
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs) ** 2)
    with tf.GradientTape() as reference_tape:
        sigma = tf.linalg.svd(kernel.value, compute_uv=False)[0]
        reference = tf.reduce_sum((inputs @ (kernel.value / sigma)) ** 2)
    np.testing.assert_allclose(loss, reference, rtol=1e-4)
    np.testing.assert_allclose(
        tape.gradient(loss, kernel.value),
        reference_tape.gradient(reference, kernel.value),
        rtol=1e-2,
        atol=1e-3,
    )


@pytest.mark.parametrize(
    "layer, inputs",
    [
        (keras.layers.Conv2D(3, 4, 2, "same", use_bias=False), np.ones((2, 6, 6, 2))),
        (keras.layers.Embedding(5, 3), np.array([4, 0, 4])),
    ],
)
def test_output_is_that_of_the_layer_with_its_weight_divided(layer, inputs):
    spectral = SpectralNormalization(layer, use_bias=False)
    output = spectral(inputs)
    (weight,) = layer.get_weights()
    layer.set_weights([weight / spectral.singular_value()])
    np.testing.assert_allclose(output, layer(inputs), rtol=1e-5)


def test_layers_with_a_bias_or_activation_are_refused():
    with pytest.raises(ValueError, match="use_bias=False"):
        SpectralNormalization(keras.layers.Dense(3))
    with pytest.raises(ValueError, match="Conv2D, Dense or Embedding"):
        SpectralNormalization(keras.layers.ReLU())


def test_without_conditions_diagnosis_and_tone_change_nothing(tmp_path):
    keras.utils.set_random_seed(0)
    options = {"base_channels": 2, "conditional": False}
    networks = (
        (build_generator(32, latent_dim=8, **options), tf.random.normal((2, 8))),
        (build_discriminator(32, **options), tf.random.normal((2, 32, 32, 3))),
    )
    for network, inputs in networks:
        path = tmp_path / f"{network.name}.keras"
        network.save(path)
        first = network([inputs, tf.constant([0, 0]), tf.constant([0, 0])])
        other = keras.models.load_model(path)(
            [inputs, tf.constant([5, 3]), tf.constant([3, 1])]
        )
        np.testing.assert_allclose(first, other, atol=1e-6)


def test_batch_normalization_of_the_discriminator_leaves_out_its_first_layer():
    kinds = [
        type(layer).__name__
        for layer in build_discriminator(
            32, base_channels=2, dropout=0.3, batch_normalization=True
        ).layers
    ]
    first, second = (i for i, kind in enumerate(kinds) if kind == "BatchNormalization")
    assert kinds.index("LeakyReLU") < first < second
    assert kinds.count("Dropout") == kinds.count("LeakyReLU") == 3
