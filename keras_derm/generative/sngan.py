"""Conditional spectrally normalized GAN."""

import keras
import numpy as np
import tensorflow as tf

from keras_derm.generative.differentiable_augmentation import augment
from keras_derm.generative.networks import build_discriminator, build_generator
from keras_derm.generative.spectral_normalization import update_singular_vectors

LOSSES = ("binary_crossentropy", "hinge")


def _adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999)


def discriminator_loss(real_logits, fake_logits, loss):
    """Mean loss of the discriminator: a scalar, 0 when it is right and sure."""
    if loss == "hinge":
        return tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(
            tf.nn.relu(1 + fake_logits)
        )
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(
        tf.nn.softplus(fake_logits)
    )


def generator_loss(fake_logits, loss):
    """Mean loss of the generator: non-saturating cross-entropy, or hinge."""
    if loss == "hinge":
        return -tf.reduce_mean(fake_logits)
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))


@keras.saving.register_keras_serializable(package="keras_derm")
class SNGAN(keras.Model):
    """Makes dermoscopy of a given diagnosis and skin tone.

    Train it with `fit` on batches of (images, diagnosis, skin tone): images uint8 or
    float in [0, 255], shape (batch, side, side, 3), and two int vectors. Noise and
    augmentation are functions of `seed` and of the number of steps done, so that a
    model saved and loaded goes on exactly as if it had not been stopped.

    Args:
        generator: Model of (noise, diagnosis, skin tone), see `build_generator`.
        discriminator: Model of (image, diagnosis, skin tone), see
            `build_discriminator`.
        loss: "binary_crossentropy" (non-saturating) or "hinge".
        ema_decay: Decay of the moving average of the generator's weights, which
            `sample` uses, in [0, 1). 0.995 averages over about the last 200 steps.
        augmentation: Whether the discriminator sees augmented images only. Helps
            where there are fewer than some tens of thousands.
        seed: Integer seed of noise and augmentation.

    Example:

    ```python
    model = SNGAN(build_generator(64), build_discriminator(64))
    model.compile()
    model.fit(dataset, epochs=20)
    images = model.sample([[0, 2], [5, 4]], seed=7)
    ```

    Reference:
        Miyato et al., "Spectral Normalization for Generative Adversarial Networks",
        ICLR 2018.
    """

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
        super().__init__(**kwargs)
        if loss not in LOSSES:
            raise ValueError(f"`loss` must be one of {LOSSES}. Received: loss={loss}")
        if not 0 <= ema_decay < 1:
            raise ValueError(
                f"`ema_decay` must lie in [0, 1). Received: ema_decay={ema_decay}"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.averaged_generator = keras.models.clone_model(generator)
        self.averaged_generator.set_weights(generator.get_weights())
        self.averaged_generator.trainable = False
        self.adversarial_loss = loss
        self.ema_decay = ema_decay
        self.augmentation = augmentation
        self.seed = seed
        self.latent_dim = generator.inputs[0].shape[-1]
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")
        self.real_score = keras.metrics.Mean(name="real_score")
        self.fake_score = keras.metrics.Mean(name="fake_score")
        self.built = True

    @property
    def metrics(self):
        return [
            self.generator_loss,
            self.discriminator_loss,
            self.real_score,
            self.fake_score,
        ]

    @property
    def steps_done(self):
        """Number of training steps so far, over all calls of `fit`."""
        return int(self.discriminator_optimizer.iterations.numpy())

    def compile(
        self, generator_optimizer=None, discriminator_optimizer=None, jit_compile=False
    ):
        """Sets both optimizers; Adam 2e-4 with betas (0.5, 0.999) where None."""
        self.generator_optimizer = generator_optimizer or _adam()
        self.discriminator_optimizer = discriminator_optimizer or _adam()
        super().compile(optimizer=self.discriminator_optimizer, jit_compile=jit_compile)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, inputs, training=False):
        """Images in [-1, 1] of (noise, diagnosis, skin tone), averaged weights."""
        return self.averaged_generator(inputs, training=False)

    def _step_seed(self):
        """Seed (2,) that differs at every step and on every replica."""
        context = tf.distribute.get_replica_context()
        n_replicas = context.num_replicas_in_sync
        step = tf.cast(self.discriminator_optimizer.iterations, tf.int32)
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        return tf.stack([self.seed, step * n_replicas + replica])

    def _logits(self, images, conditions, seed):
        if self.augmentation:
            images = augment(images, seed)
        return self.discriminator([images, *conditions], training=True)

    def train_step(self, data):
        images, *conditions = data
        images = tf.cast(images, tf.float32) / 127.5 - 1
        seeds = tf.unstack(tf.random.split(self._step_seed(), 4))
        noise = tf.random.stateless_normal(
            (tf.shape(images)[0], self.latent_dim), seeds[0]
        )
        update_singular_vectors(self.discriminator)
        with tf.GradientTape() as generator_tape:
            fakes = self.generator([noise, *conditions], training=True)
        self._discriminator_step(images, fakes, conditions, seeds[1:3])
        self._generator_step(fakes, conditions, seeds[3], generator_tape)
        self._update_average()
        return {metric.name: metric.result() for metric in self.metrics}

    def _discriminator_step(self, images, fakes, conditions, seeds):
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            real_logits = self._logits(images, conditions, seeds[0])
            fake_logits = self._logits(fakes, conditions, seeds[1])
            loss = discriminator_loss(real_logits, fake_logits, self.adversarial_loss)
            scaled = loss / self._n_replicas
        gradients = tape.gradient(scaled, variables)
        self.discriminator_optimizer.apply(gradients, variables)
        self.discriminator_loss.update_state(loss)
        self.real_score.update_state(tf.sigmoid(real_logits))
        self.fake_score.update_state(tf.sigmoid(fake_logits))

    def _generator_step(self, fakes, conditions, seed, tape):
        variables = self.generator.trainable_variables
        with tape:
            logits = self._logits(fakes, conditions, seed)
            loss = generator_loss(logits, self.adversarial_loss)
            scaled = loss / self._n_replicas
        gradients = tape.gradient(scaled, variables)
        self.generator_optimizer.apply(gradients, variables)
        self.generator_loss.update_state(loss)

    @property
    def _n_replicas(self):
        return tf.distribute.get_strategy().num_replicas_in_sync

    def _update_average(self):
        """Averages what is trained; moving statistics are averages already."""
        context = tf.distribute.get_replica_context()
        context.merge_call(self._update_average_on_all_replicas)

    def _update_average_on_all_replicas(self, strategy):
        for average, weight in zip(
            self.averaged_generator.weights, self.generator.weights, strict=True
        ):
            share = 1 - self.ema_decay if weight.trainable else 1.0
            strategy.extended.update(
                average.value,
                lambda variable, value, share: variable.assign_add(
                    share * (value - variable)
                ),
                args=(weight.value, share),
            )

    def sample(self, conditions, seed, batch_size=64):
        """Images of the conditions asked for.

        Args:
            conditions: Integers (n, 2): diagnosis index and skin-tone index.
            seed: The same seed gives the same images, whatever the batch size.
            batch_size: Number of images made at once.

        Returns:
            uint8 array (n, side, side, 3), RGB.

        Raises:
            ValueError: If the conditions have another shape.
        """
        conditions = np.asarray(conditions, dtype="int32")
        if conditions.ndim != 2 or conditions.shape[1] != 2:
            raise ValueError(
                "`conditions` must have shape (n, 2): diagnosis and skin-tone index. "
                f"Received: shape {conditions.shape}"
            )
        noise = np.random.default_rng(seed).standard_normal(
            (len(conditions), self.latent_dim), dtype="float32"
        )
        height, width = self.generator.output_shape[1:3]
        images = np.empty((len(conditions), height, width, 3), dtype="uint8")
        for start in range(0, len(conditions), batch_size):
            part = slice(start, start + batch_size)
            inputs = (noise[part], *conditions[part].T)
            made = self([tf.constant(values) for values in inputs]).numpy()
            images[part] = np.clip(np.rint((made + 1) * 127.5), 0, 255)
        return images

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.adversarial_loss,
            "ema_decay": self.ema_decay,
            "augmentation": self.augmentation,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)

    def get_compile_config(self):
        return {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("generator_optimizer", "discriminator_optimizer")
        } | {"jit_compile": self.jit_compile}

    def compile_from_config(self, config):
        config = dict(config)
        for name in ("generator_optimizer", "discriminator_optimizer"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        self.compile(**config)


def build_sngan(
    image_size=64,
    latent_dim=128,
    base_channels=32,
    n_diagnoses=9,
    n_tones=7,
    dropout=0.0,
    **kwargs,
):
    """An `SNGAN` with networks of its own, not compiled.

    Args:
        image_size: Side of the image in pixels, see `networks.upsampling_plan`.
        latent_dim: Length of the noise vector.
        base_channels: Channels of both networks at half of the image size.
        n_diagnoses: Number of diagnosis indices.
        n_tones: Number of skin-tone indices, "undetermined" among them.
        dropout: Dropout of the discriminator.
        **kwargs: Passed to `SNGAN`.

    Returns:
        `SNGAN`.
    """
    return SNGAN(
        build_generator(image_size, latent_dim, n_diagnoses, n_tones, base_channels),
        build_discriminator(image_size, n_diagnoses, n_tones, base_channels, dropout),
        **kwargs,
    )
