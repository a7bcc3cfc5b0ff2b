import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_checks import (
    assert_goes_on_exactly,
    conditional_batches,
    small_critic,
    small_generator,
)

from keras_derm.generative import ConditionalWGANGP
from keras_derm.generative.adversarial import conditional_wgan_gp
from keras_derm.generative.adversarial.conditional_wgan_gp import gradient_penalty
from keras_derm.generative.adversarial.networks import build_critic


def small_model(**kwargs):
    keras.utils.set_random_seed(1)
    model = ConditionalWGANGP(small_generator(), small_critic(), **kwargs)
    model.compile()
    return model


def critic_of(score):
    return lambda inputs, training: score(inputs[0])


def penalty_of(score, shares):
    generator = np.random.default_rng(0)
    images = tf.constant(generator.normal(size=(2, 6, 4, 4, 3)), tf.float32)
    real, fakes = tf.unstack(images)
    shares = tf.reshape(tf.constant(shares, tf.float32), (-1, 1, 1, 1))
    penalty = gradient_penalty(critic_of(score), real, fakes, [], shares)
    return penalty, real, fakes


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 7.0])
def test_penalty_of_a_linear_critic_is_that_of_its_weight(norm):
    direction = np.random.default_rng(1).normal(size=(4, 4, 3))
    weight = tf.constant(norm * direction / np.linalg.norm(direction), tf.float32)
    score = lambda images: tf.reduce_sum(images * weight, axis=(1, 2, 3))  # noqa: E731
    penalty, *_ = penalty_of(score, np.linspace(0, 1, 6))
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, atol=1e-5)


def test_penalty_is_taken_between_the_real_and_the_made_image():
    # The gradient of |x|^2 / 2 is x: its norm tells where it was taken.
    score = lambda images: tf.reduce_sum(images**2, axis=(1, 2, 3)) / 2  # noqa: E731
    shares = np.linspace(0, 1, 6)
    penalty, real, fakes = penalty_of(score, shares)
    share = shares[:, None, None, None]
    norms = np.linalg.norm(
        np.reshape(share * real + (1 - share) * fakes, (6, -1)), axis=1
    )
    np.testing.assert_allclose(penalty, np.mean((norms - 1) ** 2), rtol=1e-5)


def test_penalty_of_a_flat_critic_has_a_finite_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty, *_ = penalty_of(
            lambda images: weight * tf.reduce_sum(images, axis=(1, 2, 3)), np.ones(6)
        )
    assert np.isfinite(tape.gradient(penalty, weight))


def test_a_step_is_five_of_the_critic_on_images_of_their_own_and_one_of_the_generator(
    monkeypatch,
):
    seen, all_shares = [], []

    def spy(critic, real, fakes, conditions, shares):
        seen.append(np.array(real))
        all_shares.append(np.array(shares))
        return gradient_penalty(critic, real, fakes, conditions, shares)

    monkeypatch.setattr(conditional_wgan_gp, "gradient_penalty", spy)
    model = small_model()
    model.run_eagerly = True
    before = [w.numpy() for w in model.generator.trainable_variables]
    batches = conditional_batches(1, batch_size=500)
    model.fit(batches, verbose=0)
    assert model.steps_done == model.generator_optimizer.iterations == 1
    assert model.critic_optimizer.iterations == 5
    assert len(seen) == 5
    given = next(iter(batches))[0].numpy() / 127.5 - 1
    taken = np.concatenate(seen)
    np.testing.assert_allclose(sorted(taken.ravel()), sorted(given.ravel()), atol=1e-5)
    assert len({image.tobytes() for image in taken}) == 500
    shares = np.concatenate(all_shares)
    assert shares.shape == (500, 1, 1, 1)
    assert shares.min() >= 0 and shares.max() < 1
    # A uniform number has mean 1/2 and variance 1/12: three standard errors each.
    assert abs(shares.mean() - 1 / 2) < 3 * np.sqrt(1 / 12 / 500)
    assert abs(shares.var() - 1 / 12) < 3 * np.sqrt(1 / 180 / 500)
    after = model.generator.trainable_variables
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))


def test_critic_normalizes_nothing():
    critic = build_critic(32, base_channels=2)
    names = {type(layer).__name__ for layer in critic.layers}
    assert not [name for name in names if "Normalization" in name]
    index = tf.zeros(2, "int32")
    assert critic([tf.zeros((2, 32, 32, 3)), index, index]).shape == (2, 1)


def test_saved_and_reloaded_training_goes_on_exactly(tmp_path):
    assert_goes_on_exactly(
        small_model(critic_steps=2, augmentation=True),
        conditional_batches(4),
        lambda model: model.sample([[0, 1], [5, 3]], seed=7),
        tmp_path / "model.keras",
    )


def test_penalty_is_float32_where_the_networks_are_not(monkeypatch):
    penalties = []
    monkeypatch.setattr(
        conditional_wgan_gp,
        "gradient_penalty",
        lambda *args: penalties.append(gradient_penalty(*args)) or penalties[-1],
    )
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = small_model(critic_steps=1)
        model.run_eagerly = True
        history = model.fit(conditional_batches(1), verbose=0).history
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert "bfloat16" in {layer.compute_dtype for layer in model.critic.layers}
    assert penalties[0].dtype == tf.float32
    assert all(np.isfinite(values).all() for values in history.values())
    assert model.sample([[0, 1]], seed=0).dtype == np.uint8


@pytest.mark.parametrize(
    "argument", [{"critic_steps": 0}, {"penalty_weight": 0}, {"ema_decay": 1.0}]
)
def test_bad_arguments_are_refused(argument):
    with pytest.raises(ValueError, match="Received"):
        small_model(**argument)
