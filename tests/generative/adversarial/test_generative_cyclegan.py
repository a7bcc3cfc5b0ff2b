"""Sizes here are for the test: nothing is learned at 16 pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_checks import assert_goes_on_exactly, translation_batches

from keras_derm.generative import CycleGAN, LinearDecay
from keras_derm.generative.adversarial.adversarial_model import adversarial_loss
from keras_derm.settings import CycleGANSettings


def small_model(**kwargs):
    keras.utils.set_random_seed(1)
    model = CycleGAN.with_networks(16, base_channels=2, depth=2, **kwargs)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(LinearDecay(2e-4, 2, 4), beta_1=0.5)
    )
    return model


@pytest.mark.parametrize("decay", [True, False])
def test_rate_falls_to_nothing_or_stays(decay):
    settings = CycleGANSettings(base_channels=2, decay=decay)
    model = CycleGAN.from_settings(settings, 32, n_steps=10)
    rate = model.generator_optimizer._learning_rate
    rates = [float(rate(step) if decay else rate) for step in (0, 5, 10)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 0.0 if decay else 2e-4], rtol=1e-5)


@pytest.mark.parametrize("loss", ["binary_crossentropy", "least_squares"])
def test_losses_are_those_of_the_papers(loss):
    logits = tf.constant([-2.0, 0.5, 3.0])
    for real in (True, False):
        if loss == "least_squares":
            expected = keras.losses.mean_squared_error([float(real)] * 3, logits)
        else:
            expected = keras.losses.binary_crossentropy(
                [float(real)] * 3, logits, from_logits=True
            )
        np.testing.assert_allclose(
            adversarial_loss(logits, real, loss), expected, rtol=1e-6
        )


def constant(value, n_channels=3):
    """Model that gives one value everywhere, whatever the image."""
    image = keras.Input((8, 8, 3))
    bias = keras.initializers.Constant(value)
    layer = keras.layers.Dense(
        n_channels, kernel_initializer="zeros", bias_initializer=bias
    )
    return keras.Model(image, layer(image))


def test_a_step_reports_the_losses_of_the_algorithm():
    # Translations to benign are all 0.25, to malignant all -0.5; images are all 1
    # and -1. The discriminators' logits are 2 and 0.
    model = CycleGAN(
        constant(-0.5),
        constant(0.25),
        constant(2.0, n_channels=1),
        constant(0.0, n_channels=1),
        identity_weight=0.5,
    )
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    model.run_eagerly = True
    images = tuple(np.full((1, 8, 8, 3), value, "uint8") for value in (255, 0))
    found = model.fit(tf.data.Dataset.from_tensors(images), verbose=0).history
    softplus = np.logaddexp(0, [-2.0, 2.0, 0.0])
    expected = {
        "generator_loss": softplus[0] + softplus[2],
        "cycle_loss": 0.75 + 0.5,
        "identity_loss": 0.75 + 0.5,
        "discriminator_loss": (softplus[0] + softplus[1] + 2 * softplus[2]) / 2,
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value], rtol=1e-5, err_msg=name)


def test_a_step_moves_all_four_networks_and_fills_both_pools():
    model = small_model(pool_size=3)
    model.run_eagerly = True
    before = {
        name: [w.numpy() for w in getattr(model, name).trainable_variables]
        for names in CycleGAN.SIDES.values()
        for name in names
    }
    model.fit(translation_batches(4), verbose=0)
    assert model.steps_done == 4
    for name, weights in before.items():
        after = getattr(model, name).trainable_variables
        assert any(np.any(a != b) for a, b in zip(weights, after, strict=True)), name
    for pool in (model.benign_pool, model.malignant_pool):
        assert pool.n_kept.numpy() == 3
        assert np.abs(pool.images.numpy()).max(axis=(1, 2, 3)).min() > 0


def test_saved_and_reloaded_training_goes_on_exactly(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (3, 16, 16, 3), "uint8")
    assert_goes_on_exactly(
        small_model(pool_size=2, loss="least_squares", ema_decay=0.5),
        translation_batches(4),
        lambda model: model.translate(images),
        tmp_path / "model.keras",
    )


def test_translations_keep_their_order_and_do_not_depend_on_the_batch_size():
    model = small_model()
    images = np.random.default_rng(2).integers(0, 256, (5, 16, 16, 3), "uint8")
    translations = model.translate(images)
    assert translations.shape == images.shape and translations.dtype == np.uint8
    in_parts = model.translate(images.astype("float32"), batch_size=2)
    assert np.abs(translations.astype(int) - in_parts).max() <= 1
    assert np.abs(translations[2].astype(int) - model.translate(images[2:3])).max() <= 1
    with pytest.raises(ValueError, match=r"Received: shape \(16, 16, 3\)"):
        model.translate(images[0])


def test_learning_rate_is_constant_and_then_falls_to_zero():
    schedule = LinearDecay(2e-4, constant_steps=100, decay_steps=100)
    rates = [float(schedule(step)) for step in (0, 100, 150, 200, 300)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0, 0], atol=1e-10)


@pytest.mark.parametrize(
    "argument", [{"loss": "mse"}, {"identity_weight": -1}, {"pool_size": 0}]
)
def test_bad_arguments_are_refused(argument):
    with pytest.raises(ValueError, match="Received"):
        small_model(**argument)
