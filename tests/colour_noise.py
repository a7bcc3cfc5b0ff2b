"""A generator in one file: all that adding one takes. It is not adversarial."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_derm.generative import Generator, register_generator
from keras_derm.generative.stateless_random import normal
from keras_derm.generative.value_range import from_pixels, to_pixels
from keras_derm.settings import GeneratorSettings

SHAPE = (9, 7, 3)


@dataclass(frozen=True, kw_only=True)
class ColourNoiseSettings(GeneratorSettings, name="colour_noise"):
    """Settings of coloured noise.

    Args:
        batch_size: Images of one gradient.
        learning_rate: Adam's.
        balance: How often rare diagnoses are shown, in [0, 1].
    """

    batch_size: int = 8
    learning_rate: float = 0.1
    balance: float = 0.0


@register_generator
class ColourNoise(Generator):
    """Noise about a colour: that of a fixed network, and what is learned beside it."""

    Settings = ColourNoiseSettings
    STATE_SUFFIX = ".npz"

    def __init__(self, image_size, seed):
        super().__init__()
        self.image_size, self.seed = image_size, seed
        # Stands for a network of gigabytes, which nobody copies after every epoch.
        fixed = keras.initializers.RandomUniform(-0.5, 0.5, seed=1)
        self.fixed = self.add_weight(shape=SHAPE, initializer=fixed, trainable=False)
        self.adapter = self.add_weight(shape=SHAPE, initializer="zeros")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.built = True

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        generator = cls(image_size, seed)
        generator.compile(
            keras.optimizers.Adam(settings.learning_rate), jit_compile=jit_compile
        )
        generator.optimizer.build(generator.trainable_variables)
        return generator

    @classmethod
    def description(cls, settings):
        return "Coloured noise (condition: diagnosis and tone)"

    @property
    def steps_done(self):
        return int(self.optimizer.iterations.numpy())

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, data):
        images, diagnosis, tone = data
        step = tf.cast(self.optimizer.iterations, tf.int32)
        noise = 0.1 * normal((tf.shape(images)[0], 3), tf.stack([self.seed, step]))
        wanted = tf.reduce_mean(from_pixels(images), axis=(1, 2)) + noise
        cells = tf.stack([diagnosis, tone], axis=1)
        with tf.GradientTape() as tape:
            colours = tf.gather_nd(self.fixed + self.adapter, cells)
            loss = tf.reduce_mean((colours - wanted) ** 2)
        self.optimizer.apply(tape.gradient(loss, [self.adapter.value]), [self.adapter])
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def sample(self, conditions, seed):
        colours = (self.fixed + self.adapter).numpy()[tuple(np.transpose(conditions))]
        shape = (len(conditions), self.image_size, self.image_size, 3)
        noise = np.random.default_rng(seed).normal(0, 0.1, shape)
        return to_pixels(colours[:, None, None] + noise)

    def _learned(self):
        return [self.adapter, *self.optimizer.variables]

    def save_state(self, path):
        np.savez(path, *(np.asarray(value) for value in self._learned()))

    def load_state(self, path):
        with np.load(path) as state:
            for variable, name in zip(self._learned(), state.files, strict=True):
                variable.assign(state[name])
