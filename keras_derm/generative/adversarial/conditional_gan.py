"""Generators that make an image of noise and a condition."""

import numpy as np
import tensorflow as tf

from keras_derm.generative.adversarial.adversarial_model import AdversarialModel
from keras_derm.generative.conditions import checked_conditions
from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stateless_random import normal
from keras_derm.generative.value_range import to_pixels


class ConditionalGAN(AdversarialModel):
    """Makes dermoscopy of a given diagnosis and tone of skin.

    Among the networks is "generator", a model of (noise, diagnosis, tone group), see
    `build_generator`. The arguments are those of `AdversarialModel`. Give `fit` batches
    of (images, diagnosis, tone group): images uint8 or float in [0, 255], shape
    (batch, side, side, 3), and two int vectors.

    Attributes:
        TITLE: Pair of the model's name and what it stands for.
        batches_per_step: Batches of images that one training step takes.

    Example:
        >>> model = SNGAN.with_networks(64)
        >>> images = model.sample([[0, 2], [5, 4]], seed=7)
    """

    TITLE = ()
    batches_per_step = 1

    @classmethod
    def description(cls, settings):
        name, meaning = cls.TITLE
        if settings.conditional:
            return f"A conditional {name} ({meaning}, condition: diagnosis and tone)"
        return f"An unconditional {name} ({meaning}, {settings.diagnoses[0]} alone)"

    @classmethod
    def learned(cls, settings):
        return settings.diagnoses

    @classmethod
    def conditioned_on(cls, settings):
        return cls.CONDITIONS if settings.conditional else ("diagnosis",)

    def images_per_step(self, settings):
        return settings.batch_size * self.batches_per_step

    @property
    def latent_dim(self):
        """Length of the noise vector."""
        return self.generator.inputs[0].shape[-1]

    def call(self, inputs, training=False):
        """Images in [-1, 1] of (noise, diagnosis, tone group), averaged weights."""
        return self.averaged_generator(inputs, training=False)

    def _noise(self, n_images, seed):
        shape = (n_images, self.latent_dim)
        return replica_draw(normal, shape, seed)

    def sample(self, conditions, seed, batch_size=64):
        """As `Generator.sample`, `batch_size` at once, which changes no image.

        Raises:
            ValueError: If the conditions have another shape.
        """
        conditions = checked_conditions(conditions)
        noise = np.random.default_rng(seed).standard_normal(
            (len(conditions), self.latent_dim), dtype="float32"
        )
        height, width = self.generator.output_shape[1:3]
        images = np.empty((len(conditions), height, width, 3), dtype="uint8")
        for start in range(0, len(conditions), batch_size):
            part = slice(start, start + batch_size)
            inputs = (noise[part], *conditions[part].T)
            made = self([tf.constant(values) for values in inputs])
            images[part] = to_pixels(made)
        return images
