"""Gradients of several batches make one update. Sizes here are for the test."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_checks import (
    assert_goes_on_exactly,
    conditional_batches,
    small_critic,
    small_generator,
    translation_batches,
)

from keras_derm.generative import SNGAN, ConditionalWGANGP, CycleGAN
from keras_derm.generative.adversarial.networks import build_discriminator


def trained(make, batches, rates, accumulated):
    """A model after one update, of one batch or of several."""
    keras.utils.set_random_seed(1)
    model = make()
    steps = {"gradient_accumulation_steps": accumulated}
    model.compile(*(keras.optimizers.SGD(rate, **steps) for rate in rates))
    model.run_eagerly = True
    model.fit(batches, shuffle=False, verbose=0)
    assert model.steps_done == (accumulated or 1)
    return model


def assert_equal_weights(first, second):
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=5e-6, err_msg=a.path)


def test_an_update_of_cyclegan_is_that_of_one_large_batch():
    def make():
        return CycleGAN.with_networks(16, base_channels=2, depth=2, ema_decay=0.5)

    rates = (0.1, 0.1)
    large = trained(make, translation_batches(1, batch_size=2), rates, None)
    small = trained(make, translation_batches(2, batch_size=1), rates, 2)
    before = make()
    for name in ("benign_to_malignant", "benign_discriminator", "averaged_generator"):
        assert_equal_weights(getattr(large, name), getattr(small, name))
        changed = zip(
            getattr(before, name).weights, getattr(small, name).weights, strict=True
        )
        assert any(np.any(a.numpy() != b.numpy()) for a, b in changed), name


class FixedNoise(SNGAN):
    """Noise of zeros: that of a large batch is else not that of its parts."""

    def _noise(self, n_images, seed):
        return tf.zeros((n_images, self.latent_dim))


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.1, 0.0)])
def test_a_side_of_sngan_is_updated_as_by_one_large_batch(rates):
    # The other side stands still: the generator follows the discriminator.
    def make():
        discriminator = build_discriminator(32, base_channels=2)
        return FixedNoise(small_generator(32), discriminator, augmentation=False)

    batches = conditional_batches(1, batch_size=8, side=32)
    large = trained(make, batches, rates, None)
    parts = batches.unbatch().batch(4)
    small = trained(make, parts, rates, 2)
    # Singular vectors are among the weights: one power iteration an update.
    for name in ("generator", "discriminator", "averaged_generator"):
        assert_equal_weights(getattr(large, name), getattr(small, name))


MODELS = {
    "sngan": lambda: SNGAN(small_generator(), small_critic()),
    "conditional_wgan_gp": lambda: ConditionalWGANGP(
        small_generator(), small_critic(), critic_steps=2
    ),
    "cyclegan": lambda: CycleGAN.with_networks(
        16, base_channels=2, depth=2, pool_size=2
    ),
}


SLOW = ("conditional_wgan_gp", "cyclegan")  # they go on as sngan does, in longer


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in MODELS
    ],
)
def test_training_goes_on_exactly_between_two_updates(name, tmp_path):
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    # Saved after two batches of an update of three.
    model.compile(
        *(keras.optimizers.Adam(1e-3, gradient_accumulation_steps=3) for _ in range(2))
    )
    if name == "cyclegan":
        batches = translation_batches(4)
        images = np.random.default_rng(2).integers(0, 256, (3, 16, 16, 3), "uint8")
        made = lambda model: model.translate(images)  # noqa: E731
    else:
        batches = conditional_batches(4)
        made = lambda model: model.sample([[0, 1], [5, 3]], seed=7)  # noqa: E731
    assert_goes_on_exactly(model, batches, made, tmp_path / "model.keras")
    assert model.generator_optimizer.iterations == 1
