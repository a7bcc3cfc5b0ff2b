"""A diffusion model that learns some of the images better, by a low-rank adapter."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_derm.files import atomic_path
from keras_derm.generative.generator import Generator
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.stateless_random import split
from keras_derm.networks import lora

ADAPTER_FILE = "adapter.safetensors"
WARM_UP_STEPS = 20
CONSTANT_SHARE = 0.6
MODULES = {
    "cross_attention": ("cross_attention",),
    "all_attention": ("self_attention", "cross_attention"),
}
"""Attention layers that an adapter of each name changes."""

PROJECTIONS = ("query", "key", "value", "projection")


class AdaptedDiffusion(Generator):
    """Trains an adapter of a trained `Diffusion`, whose own weights stay as they are.

    The adapter acts on the averaged network, and only where conditions are told: the
    branch without conditions, which guidance leads away from, stays as it was. So in
    training all conditions are told.

    Args:
        diffusion: Trained `Diffusion`. It has the adapter from then on.
        settings: `LoRASettings`.
        seed: Integer seed of the adapter and of all that is random in a step.

    Example:
        >>> adapted = AdaptedDiffusion(diffusion, LoRASettings(rank=4))
        >>> train(adapted, dark, images, "generator/lora", adapted.settings)
        >>> images = diffusion.sample(conditions, seed=7, by_adapter=True)
    """

    STATE_SUFFIX = ".safetensors"

    def __init__(self, diffusion, settings, seed=0):
        super().__init__(name="adapted_diffusion")
        self.diffusion = diffusion
        self.settings = settings
        self.seed = seed
        self.loss_mean = keras.metrics.Mean(name="loss")
        ends = tuple(
            f"{attention}.{projection}"
            for attention in MODULES[settings.modules]
            for projection in PROJECTIONS
        )
        lora.add_adapter(
            diffusion.averaged_network,
            diffusion.ADAPTER,
            settings.rank,
            settings.alpha,
            settings.dropout,
            where=ends,
            seed=seed,
        )
        diffusion.adapter_added()
        self.adapter = lora.adapter_variables(
            diffusion.averaged_network, diffusion.ADAPTER
        )
        constant = int(CONSTANT_SHARE * settings.n_steps)
        schedule = LinearDecay(
            settings.learning_rate,
            constant,
            settings.n_steps - constant,
            min(WARM_UP_STEPS, constant),
        )
        self.compile(keras.optimizers.Adam(schedule, beta_2=0.99))
        self.optimizer.build(self.adapter)
        self.built = True

    @property
    def metrics(self):
        return [self.loss_mean]

    @property
    def steps_done(self):
        return int(self.optimizer.iterations.numpy())

    def dataset(self, catalog, images, settings, seed=0, first_step=0):
        return self.diffusion.dataset(catalog, images, settings, seed, first_step)

    def conditions_of(self, table):
        return self.diffusion.conditions_of(table)

    def sample(self, conditions, seed):
        return self.diffusion.sample(conditions, seed, by_adapter=True)

    def call(self, inputs, training=False):
        """As `Diffusion.call`, with the adapter."""
        return self.diffusion(inputs, training=training)

    def train_step(self, data):
        images, *conditions = data
        step = tf.cast(self.optimizer.iterations, tf.int32)
        code, sigma, noisy, masks = self.diffusion.noised(
            images, split(tf.stack([self.seed, step]), 3)
        )
        with tf.GradientTape() as tape:
            loss = self.diffusion.loss_of(
                self.diffusion.averaged_network,
                code,
                sigma,
                noisy,
                [*conditions, *masks],
            )
            scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
        self.optimizer.apply(tape.gradient(scaled, self.adapter), self.adapter)
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}

    def save_state(self, path):
        lora.save_training(*self._trained, path)

    def load_state(self, path):
        lora.load_training(*self._trained, path)

    @property
    def _trained(self):
        diffusion = self.diffusion
        return diffusion.averaged_network, diffusion.ADAPTER, self.optimizer

    def write_for_others(self, directory):
        """Write the adapter alone, some hundred kilobytes, as `adapter.safetensors`."""
        with atomic_path(Path(directory) / ADAPTER_FILE) as temporary:
            lora.save_adapter(
                self.diffusion.averaged_network, self.diffusion.ADAPTER, temporary
            )
