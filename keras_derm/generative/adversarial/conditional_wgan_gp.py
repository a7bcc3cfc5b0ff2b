"""Conditional Wasserstein GAN with gradient penalty."""

import keras
import tensorflow as tf

from keras_derm.generative.adversarial.conditional_gan import ConditionalGAN
from keras_derm.generative.adversarial.networks import build_critic, build_generator
from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stateless_random import split, uniform
from keras_derm.generative.value_range import from_pixels
from keras_derm.settings import ConditionalWGANGPSettings


def gradient_penalty(critic, real, fakes, conditions, shares):
    """How far the critic's gradient norm lies from 1 between real and made images.

    The norm is taken in float32, whatever precision the critic computes in: squares
    of a gradient over all pixels leave the range of half precision.

    Real and made images have the shape (batch, side, side, 3) and the same conditions,
    two int tensors (batch,); `shares` of the real ones are (batch, 1, 1, 1), uniform in
    [0, 1). Gives the mean over the batch of (norm - 1)^2, a float32 scalar.
    """
    between = shares * real + (1 - shares) * fakes
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = critic([between, *conditions], training=True)
    gradients = tf.cast(tape.gradient(scores, between), tf.float32)
    squares = tf.reduce_sum(gradients**2, axis=(1, 2, 3))
    # The root of 0 has no gradient.
    return tf.reduce_mean((tf.sqrt(squares + 1e-12) - 1) ** 2)


@keras.saving.register_keras_serializable(package="keras_derm")
class ConditionalWGANGP(ConditionalGAN):
    """Makes dermoscopy of a given diagnosis and tone of skin, by a critic's distance.

    A step takes one batch and divides it among `critic_steps` updates of the critic, so
    that each sees real images of its own; one update of the generator follows. The
    losses are those of one device on any number of devices, as long as the generator's
    batch normalization is left aside: each device has its own.

    Trained on the images of one diagnosis it is the published melanoma generator.

    Args:
        generator: Model of (noise, diagnosis, tone group), see `build_generator`.
        critic: Model of (image, diagnosis, tone group), see `build_critic`.
        penalty_weight: Weight of the gradient penalty.
        critic_steps: Updates of the critic for each of the generator.
        ema_decay, augmentation, seed: As in `AdversarialModel`. Where the critic sees
            augmented images it is penalized there.

    Raises:
        ValueError: If `critic_steps` or `penalty_weight` is not positive.

    Example:
        >>> model = ConditionalWGANGP.with_networks(64)
        >>> model.compile()
        >>> model.fit(dataset, epochs=20)  # batches of 5 * 64 images
        >>> images = model.sample([[0, 2]] * 1000, seed=7)

    Reference:
        Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017:
        Algorithm 1 and its default numbers.
    """

    Settings = ConditionalWGANGPSettings
    TITLE = "WGAN-GP", "Wasserstein GAN with gradient penalty"
    BETAS = (0.0, 0.9)
    SIDES = {"generator_optimizer": ("generator",), "critic_optimizer": ("critic",)}
    METRICS = (
        "generator_loss",
        "critic_loss",
        "wasserstein_distance",
        "gradient_penalty",
    )

    def __init__(
        self,
        generator,
        critic,
        penalty_weight=10.0,
        critic_steps=5,
        ema_decay=0.995,
        augmentation=False,
        seed=0,
        **kwargs,
    ):
        if critic_steps < 1 or penalty_weight <= 0:
            raise ValueError(
                "`critic_steps` and `penalty_weight` must be positive. Received: "
                f"critic_steps={critic_steps}, penalty_weight={penalty_weight}"
            )
        networks = {"generator": generator, "critic": critic}
        super().__init__(networks, ema_decay, augmentation, seed, **kwargs)
        self.penalty_weight = penalty_weight
        self.critic_steps = critic_steps

    @classmethod
    def with_networks(
        cls, image_size, latent_dim=128, base_channels=32, conditional=True, **options
    ):
        return cls(
            build_generator(image_size, latent_dim, base_channels, conditional),
            build_critic(image_size, base_channels, conditional),
            **options,
        )

    @classmethod
    def steps_of_an_epoch(cls, settings, catalog):
        steps = super().steps_of_an_epoch(settings, catalog)
        return max(1, steps // settings.critic_steps)

    @property
    def batches_per_step(self):
        return self.critic_steps

    def train_step(self, data):
        images, *conditions = data
        images = from_pixels(images)
        seeds = split(self._step_seed(), self.critic_steps + 1)
        for step in range(self.critic_steps):
            # Interleaved, so that devices divide each part as they divide the whole.
            part = slice(step, None, self.critic_steps)
            part_conditions = [condition[part] for condition in conditions]
            self._critic_step(images[part], part_conditions, seeds[step])
        self._generator_step(part_conditions, seeds[-1])
        self._update_average()
        return {metric.name: metric.result() for metric in self.metrics}

    def _critic_step(self, real, conditions, seed):
        seeds = split(seed, 4)
        n_images = tf.shape(real)[0]
        noise = self._noise(n_images, seeds[0])
        shares = replica_draw(uniform, (n_images, 1, 1, 1), seeds[1])
        fakes = self.generator([noise, *conditions], training=True)
        real = self._augmented(real, seeds[2])
        fakes = self._augmented(fakes, seeds[3])
        with tf.GradientTape() as tape:
            real_score = tf.reduce_mean(self._scores(real, conditions))
            fake_score = tf.reduce_mean(self._scores(fakes, conditions))
            penalty = gradient_penalty(self.critic, real, fakes, conditions, shares)
            loss = fake_score - real_score + self.penalty_weight * penalty
        self._minimize("critic_optimizer", loss, tape)
        self.critic_loss.update_state(loss)
        self.wasserstein_distance.update_state(real_score - fake_score)
        self.gradient_penalty.update_state(penalty)

    def _generator_step(self, conditions, seed):
        seeds = split(seed, 2)
        noise = self._noise(tf.shape(conditions[0])[0], seeds[0])
        with tf.GradientTape() as tape:
            fakes = self.generator([noise, *conditions], training=True)
            fakes = self._augmented(fakes, seeds[1])
            loss = -tf.reduce_mean(self._scores(fakes, conditions))
        self._minimize("generator_optimizer", loss, tape)
        self.generator_loss.update_state(loss)

    def _scores(self, images, conditions):
        return self.critic([images, *conditions], training=True)

    def get_config(self):
        return super().get_config() | {
            "penalty_weight": self.penalty_weight,
            "critic_steps": self.critic_steps,
        }
