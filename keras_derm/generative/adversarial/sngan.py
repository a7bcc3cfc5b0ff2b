"""Conditional spectrally normalized GAN."""

import keras
import tensorflow as tf

from keras_derm.generative.adversarial.adversarial_model import adversarial_loss
from keras_derm.generative.adversarial.conditional_gan import ConditionalGAN
from keras_derm.generative.adversarial.networks import (
    build_discriminator,
    build_generator,
)
from keras_derm.generative.adversarial.spectral_normalization import (
    update_singular_vectors,
)
from keras_derm.generative.stateless_random import split
from keras_derm.generative.value_range import from_pixels
from keras_derm.settings import SNGANSettings

LOSSES = ("binary_crossentropy", "hinge")


@keras.saving.register_keras_serializable(package="keras_derm")
class SNGAN(ConditionalGAN):
    """Makes dermoscopy of a given diagnosis and tone of skin, spectrally normalized.

    Args:
        generator: Model of (noise, diagnosis, tone group), see `build_generator`.
        discriminator: Model of (image, diagnosis, tone group), see
            `build_discriminator`.
        loss: "binary_crossentropy" (non-saturating) or "hinge".
        ema_decay, augmentation, seed: As in `AdversarialModel`.

    Example:
        >>> model = SNGAN.with_networks(64)
        >>> model.compile()
        >>> model.fit(dataset, epochs=20)
        >>> images = model.sample([[0, 2], [5, 4]], seed=7)

    Reference:
        Miyato et al., "Spectral Normalization for Generative Adversarial Networks",
        ICLR 2018.
    """

    Settings = SNGANSettings
    TITLE = "SN-GAN", "spectrally normalised GAN"
    BETAS = (0.5, 0.999)
    SIDES = {
        "generator_optimizer": ("generator",),
        "discriminator_optimizer": ("discriminator",),
    }
    METRICS = ("generator_loss", "discriminator_loss", "real_score", "fake_score")

    def __init__(
        self,
        generator,
        discriminator,
        loss="binary_crossentropy",
        ema_decay=0.995,
        augmentation=True,
        seed=0,
        **kwargs,
    ):
        if loss not in LOSSES:
            raise ValueError(f"`loss` must be one of {LOSSES}. Received: loss={loss}")
        networks = {"generator": generator, "discriminator": discriminator}
        super().__init__(networks, ema_decay, augmentation, seed, **kwargs)
        self.adversarial_loss = loss

    @classmethod
    def with_networks(
        cls,
        image_size,
        latent_dim=128,
        base_channels=32,
        conditional=True,
        dropout=0.0,
        batch_normalization=False,
        **options,
    ):
        return cls(
            build_generator(image_size, latent_dim, base_channels, conditional),
            build_discriminator(
                image_size, base_channels, conditional, dropout, batch_normalization
            ),
            **options,
        )

    def _logits(self, images, conditions, seed):
        images = self._augmented(images, seed)
        return self.discriminator([images, *conditions], training=True)

    def train_step(self, data):
        images, *conditions = data
        images = from_pixels(images)
        seeds = split(self._step_seed(), 4)
        noise = self._noise(tf.shape(images)[0], seeds[0])
        self._between_updates(
            "discriminator_optimizer",
            lambda: update_singular_vectors(self.discriminator),
        )
        with tf.GradientTape() as generator_tape:
            fakes = self.generator([noise, *conditions], training=True)
        self._discriminator_step(images, fakes, conditions, seeds[1:3])
        self._generator_step(fakes, conditions, seeds[3], generator_tape)
        self._update_average()
        return {metric.name: metric.result() for metric in self.metrics}

    def _discriminator_step(self, images, fakes, conditions, seeds):
        with tf.GradientTape() as tape:
            real_logits = self._logits(images, conditions, seeds[0])
            fake_logits = self._logits(fakes, conditions, seeds[1])
            loss = adversarial_loss(real_logits, True, self.adversarial_loss)
            loss += adversarial_loss(fake_logits, False, self.adversarial_loss)
        self._minimize("discriminator_optimizer", loss, tape)
        self.discriminator_loss.update_state(loss)
        self.real_score.update_state(tf.sigmoid(real_logits))
        self.fake_score.update_state(tf.sigmoid(fake_logits))

    def _generator_step(self, fakes, conditions, seed, tape):
        with tape:
            logits = self._logits(fakes, conditions, seed)
            if self.adversarial_loss == "hinge":
                loss = -tf.reduce_mean(logits)
            else:
                loss = adversarial_loss(logits, True, self.adversarial_loss)
        self._minimize("generator_optimizer", loss, tape)
        self.generator_loss.update_state(loss)

    def get_config(self):
        return super().get_config() | {"loss": self.adversarial_loss}
