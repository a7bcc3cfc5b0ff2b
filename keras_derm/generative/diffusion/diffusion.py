"""Compact conditional diffusion on patch codes: the default generator."""

import keras
import numpy as np
import tensorflow as tf

from keras_derm.catalog import DIAGNOSES
from keras_derm.generative.conditions import CONDITION_TONES, checked_conditions
from keras_derm.generative.diffusion.denoiser import LEAST_SIDE, build_denoiser
from keras_derm.generative.diffusion.patch_code import N_FITTED, PatchCode
from keras_derm.generative.diffusion.preconditioning import (
    PRECONDITIONINGS,
    noise_levels,
)
from keras_derm.generative.diffusion.samplers import SAMPLERS
from keras_derm.generative.generator import Generator
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.moving_average import averaged_copy, move_average
from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stateless_random import integers, normal, split, uniform
from keras_derm.generative.value_range import from_pixels, to_pixels
from keras_derm.settings import DiffusionSettings

AVERAGE_EXPONENT = 7.94
"""The average of weights keeps (1 - 1/t)^7.94 at update t: it forgets the beginning.

Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models",
CVPR 2024, equation 2 (gamma = 6.94)."""

WARM_UP_STEPS = 50
CONSTANT_SHARE = 0.6
BETAS = (0.9, 0.99)
DROP_ALL, DROP_ONE = 0.1, 0.05
"""Shares of the training images of which no condition is told, or one is not."""

VOCABULARIES = (len(DIAGNOSES), len(CONDITION_TONES))


@keras.saving.register_keras_serializable(package="keras_derm")
class Diffusion(Generator):
    """Makes dermoscopy of a given diagnosis and tone group by removing noise.

    Images are coded by `PatchCode`, a U-Net with attention to the conditions learns to
    remove noise from codes, and an ODE solver makes a code of pure noise.

    Args:
        network: Model of code, noise level and conditions, see `build_denoiser`.
        code: `PatchCode` of the images.
        preconditioning: "edm" or "flow_matching".
        sampler: "dpm_solver", "heun" or "euler".
        n_sampling_steps: Steps of the sampler.
        guidance: How far conditions are followed beyond what was learned; 1 is as
            learned (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022).
        guided_noise: Noise levels between which guidance acts (Kynkäänniemi et al.,
            "Applying Guidance in a Limited Interval", NeurIPS 2024).
        seed: Integer seed of all that is random in a step.

    Example:
        >>> model = Diffusion.with_networks(64)
        >>> model.compile(keras.optimizers.Adam(1.5e-3, beta_2=0.99))
        >>> model.code.fit(images)
        >>> model.fit(dataset, epochs=20)
        >>> images = model.sample([[0, 2], [5, 4]], seed=7)

    Reference:
        Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
        Models", NeurIPS 2022.
    """

    Settings = DiffusionSettings

    def __init__(
        self,
        network,
        code,
        preconditioning="edm",
        sampler="dpm_solver",
        n_sampling_steps=16,
        guidance=1.0,
        guided_noise=(0.0, 1e4),
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.network = network
        self.averaged_network = averaged_copy(network)
        self.code = code
        self.preconditioning = preconditioning
        self.sampler = sampler
        self.n_sampling_steps = n_sampling_steps
        self.guidance = guidance
        self.guided_noise = tuple(guided_noise)
        self.seed = seed
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.built = True

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        model = cls.with_networks(
            image_size,
            settings.n_components,
            tuple(settings.channels),
            preconditioning=settings.preconditioning,
            sampler=settings.sampler,
            n_sampling_steps=settings.n_sampling_steps,
            guidance=settings.guidance,
            guided_noise=settings.guided_noise,
            seed=seed,
        )
        accumulated = gradient_accumulation if gradient_accumulation > 1 else None
        n_updates = max(2, n_steps // gradient_accumulation)
        constant = int(CONSTANT_SHARE * n_updates)
        schedule = LinearDecay(
            settings.learning_rate,
            constant,
            n_updates - constant,
            min(WARM_UP_STEPS, constant),
        )
        beta_1, beta_2 = BETAS
        optimizer = keras.optimizers.Adam(
            schedule,
            beta_1=beta_1,
            beta_2=beta_2,
            gradient_accumulation_steps=accumulated,
        )
        model.compile(optimizer, jit_compile=jit_compile)
        return model

    @classmethod
    def with_networks(cls, image_size, n_components=48, channels=(128, 192), **options):
        """A model with networks of its own, not compiled.

        Args:
            image_size: Side of the images in pixels.
            n_components, channels: See `PatchCode` and `build_denoiser`.
            **options: Arguments of the class that are no networks.

        Raises:
            ValueError: If images of this size cannot be cut into patches.
        """
        patch = 8 if image_size >= 64 else 4
        levels = image_size / patch / 2 ** (len(channels) - 1)
        if levels != int(levels) or levels < LEAST_SIDE:
            step = patch * 2 ** (len(channels) - 1)
            raise ValueError(
                f"images of a diffusion with {len(channels)} levels have sides that are "
                f"multiples of {step} pixels, {LEAST_SIDE * step} or more. "
                f"Received: image_size={image_size}"
            )
        n_components = min(n_components, 3 * patch**2)
        side = image_size // patch
        network = build_denoiser(side, n_components, VOCABULARIES, channels)
        return cls(network, PatchCode(patch, n_components, name="code"), **options)

    @classmethod
    def description(cls, settings):
        return (
            "A compact diffusion model (denoising of patch codes, condition: diagnosis "
            "and tone)"
        )

    @classmethod
    def learned(cls, settings):
        return settings.diagnoses

    @property
    def metrics(self):
        return [self.loss_mean]

    @property
    def steps_done(self):
        return int(self.optimizer._iterations.numpy())

    @property
    def image_size(self):
        """Side of the images in pixels."""
        return self.network.input_shape[0][1] * self.code.patch_size

    def prepare(self, catalog, images, settings, seed=0):
        """Fit the code on training images, of rare diagnoses more than come."""
        real, _ = self.counterparts(catalog, images, N_FITTED, seed, settings.balance)
        self.code.fit(real)

    def call(self, inputs, training=False):
        """Network of (code, noise level, conditions), averaged weights."""
        return self.averaged_network(inputs, training=False)

    def denoised(self, network, noisy, sigma, conditions, training=False):
        """Estimate of the code that a noisy code is of.

        Args:
            network: The trained or the averaged network.
            noisy: float32 (n, side, side, channels): code plus sigma times noise.
            sigma: float32 (n, 1, 1, 1), positive.
            conditions: int32 tensors (n,), one a condition.
            training: As in Keras.

        Returns:
            Tuple of the estimate and the weight of its squared error.
        """
        rule = PRECONDITIONINGS[self.preconditioning](self.code.data_deviations)
        skip, out, into, weight = rule.parts(sigma)
        level = tf.math.log(sigma[:, 0, 0, 0]) / 4
        inputs = [into * noisy, level, *conditions]
        predicted = network(inputs, training=training)
        return skip * noisy + out * tf.cast(predicted, tf.float32), weight

    def train_step(self, data):
        images, *conditions = data
        step = tf.cast(self.optimizer._iterations, tf.int32)
        seeds = split(tf.stack([self.seed, step]), 5)
        n_images = tf.shape(images)[0]
        code = self.code(flipped_and_turned(from_pixels(images), seeds[0]))
        mean, deviation = PRECONDITIONINGS[self.preconditioning].LEVELS
        drawn = replica_draw(normal, (n_images, 1, 1, 1), seeds[1])
        sigma = tf.exp(mean + deviation * drawn)
        shape = (n_images, *code.shape[1:])
        noisy = code + sigma * replica_draw(normal, shape, seeds[2])
        conditions = _untold(conditions, seeds[3:])
        with tf.GradientTape() as tape:
            found, weight = self.denoised(
                self.network, noisy, sigma, conditions, training=True
            )
            loss = tf.reduce_mean(weight * tf.square(found - code))
            n_replicas = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = loss / n_replicas
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}

    def _update_average(self):
        accumulated = self.optimizer.gradient_accumulation_steps or 1
        updates = tf.cast(self.optimizer.iterations, tf.float32)
        share = 1 - (1 - 1 / tf.maximum(updates, 1)) ** AVERAGE_EXPONENT
        if accumulated > 1:  # no average moves while gradients wait
            none_wait = self.optimizer._iterations % accumulated == 0
            share = tf.where(none_wait, share, 0.0)
        move_average(self.averaged_network, self.network, share)

    def sample(self, conditions, seed, batch_size=64, shown=None):
        """As `Generator.sample`, `batch_size` at once, which changes no image.

        Raises:
            ValueError: If the conditions have another shape.
        """
        conditions = checked_conditions(conditions)
        shape = (len(conditions), *self.network.input_shape[0][1:])
        noise = np.random.default_rng(seed).standard_normal(shape, dtype="float32")
        images = np.empty(
            (len(conditions), self.image_size, self.image_size, 3), "uint8"
        )
        levels = noise_levels(self.n_sampling_steps)
        for start in range(0, len(conditions), batch_size):
            part = slice(start, start + batch_size)
            columns = [tf.constant(column) for column in conditions[part].T]

            def denoise(noisy, sigma, columns=columns):
                return self._guided(noisy, sigma, columns)

            code = SAMPLERS[self.sampler](denoise, levels[0] * noise[part], levels)
            images[part] = to_pixels(self.code.decode(code))
        return images

    def _guided(self, noisy, sigma, conditions):
        """Estimate of the image, drawn further towards the conditions."""
        told = self._estimate(noisy, sigma, conditions)
        low, high = self.guided_noise
        if self.guidance == 1 or not low <= sigma <= high:
            return told
        untold = [
            tf.fill(tf.shape(column), size)
            for column, size in zip(conditions, VOCABULARIES, strict=True)
        ]
        plain = self._estimate(noisy, sigma, untold)
        return plain + self.guidance * (told - plain)

    @tf.function(reduce_retracing=True)
    def _estimate(self, noisy, sigma, conditions):
        sigma = tf.fill((tf.shape(noisy)[0], 1, 1, 1), tf.cast(sigma, tf.float32))
        found, _ = self.denoised(self.averaged_network, noisy, sigma, conditions)
        return found

    def get_config(self):
        return {
            "network": keras.saving.serialize_keras_object(self.network),
            "code": keras.saving.serialize_keras_object(self.code),
            "preconditioning": self.preconditioning,
            "sampler": self.sampler,
            "n_sampling_steps": self.n_sampling_steps,
            "guidance": self.guidance,
            "guided_noise": list(self.guided_noise),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("network", "code"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def flipped_and_turned(images, seed):
    """Each image in one of its eight flips and quarter turns, drawn by the seed.

    Args:
        images: Tensor (batch, side, side, channels).
        seed: int tensor (2,).
    """
    drawn = replica_draw(integers, (tf.shape(images)[0], 3), seed, 0, 2)
    rows, columns, turn = (
        tf.reshape(drawn[:, i] == 1, (-1, 1, 1, 1)) for i in range(3)
    )
    images = tf.where(rows, images[:, ::-1], images)
    images = tf.where(columns, images[:, :, ::-1], images)
    return tf.where(turn, tf.transpose(images, (0, 2, 1, 3)), images)


def _untold(conditions, seeds):
    """Conditions of which some are replaced by the index for "not told"."""
    n_images = tf.shape(conditions[0])[0]
    none = replica_draw(uniform, (n_images,), seeds[0]) < DROP_ALL
    single = replica_draw(uniform, (n_images, len(conditions)), seeds[1]) < DROP_ONE
    return [
        tf.where(none | single[:, i], tf.cast(size, column.dtype), column)
        for i, (column, size) in enumerate(zip(conditions, VOCABULARIES, strict=True))
    ]
