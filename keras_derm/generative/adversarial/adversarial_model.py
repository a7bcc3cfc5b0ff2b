"""What the adversarial generators have in common."""

import dataclasses
from itertools import chain

import keras
import tensorflow as tf

from keras_derm.generative.adversarial.differentiable_augmentation import augment
from keras_derm.generative.generator import Generator
from keras_derm.generative.moving_average import averaged_copy, move_average

OF_TRAINING = ("batch_size", "learning_rate", "decay", "balance", "diagnoses")
"""Settings that say how a model is trained; the others say what it is."""


def adversarial_loss(logits, real, loss):
    """Mean distance of logits from the verdict wanted: a scalar, at least 0.

    Args:
        logits: What a discriminator says of images, or of their patches.
        real: Whether "real" is wanted.
        loss: "binary_crossentropy", the log loss, "least_squares", or "hinge".
    """
    if loss == "least_squares":
        return tf.reduce_mean((logits - (1.0 if real else 0.0)) ** 2)
    if loss == "hinge":
        return tf.reduce_mean(tf.nn.relu(1 - logits if real else 1 + logits))
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


class AdversarialModel(Generator):
    """Networks that train against each other, with one optimizer a side.

    Random numbers are functions of `seed` and of the number of steps done, and every
    optimizer is built when the model is compiled, so that a model saved and loaded
    goes on exactly as if it had not been stopped. Losses are divided by the number
    of replicas, over which gradients are summed.

    Where the optimizers accumulate gradients (`gradient_accumulation_steps`), a step
    is still one batch, and several make an update; averages and singular vectors
    move once an update. A side then sees the other as it is at each batch: for a
    generator that follows its discriminator in a step, that is before the
    discriminator's update at all batches but the last.

    A subclass names its optimizers and whose variables each moves in `SIDES`, and in
    `AVERAGED` the network whose moving average makes the images. The networks are
    arguments of its `__init__` under those names. `METRICS` are the means that a step
    reports, `BETAS` Adam's, as published.

    Args:
        networks: Dictionary of the networks by name.
        ema_decay: Decay of the moving average of the weights, in [0, 1). 0.995
            averages over about the last 200 steps, 0 does not average.
        augmentation: Whether discriminators see augmented images only. Helps where
            there are fewer than some tens of thousands.
        seed: Integer seed of all that is random in a step.

    Example:
        >>> class PlainGAN(AdversarialModel):
        ...     SIDES = {"generator_optimizer": ("generator",), ...}
        ...     def train_step(self, data):
        ...         ...
        ...         self._minimize("critic_optimizer", loss, tape)
        ...         self._update_average()
    """

    SIDES = {}
    AVERAGED = "generator"
    METRICS = ()
    BETAS = (0.9, 0.999)

    def __init__(self, networks, ema_decay, augmentation, seed, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= ema_decay < 1:
            raise ValueError(
                f"`ema_decay` must lie in [0, 1). Received: ema_decay={ema_decay}"
            )
        for name, network in networks.items():
            setattr(self, name, network)
        self.averaged_generator = averaged_copy(networks[self.AVERAGED])
        self.ema_decay = ema_decay
        self.augmentation = augmentation
        self.seed = seed
        for name in self.METRICS:
            setattr(self, name, keras.metrics.Mean(name=name))
        self.built = True

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`, without a rewriting of graphs that fails here aloud.

        TensorFlow's remapper cannot join a convolution and the LeakyReLU behind it
        whose gradient is asked for: it changes nothing and says so on the terminal.
        """
        options = tf.config.optimizer.get_experimental_options()
        tf.config.optimizer.set_experimental_options({"remapping": False})
        try:
            return super().fit(*args, **kwargs)
        finally:
            before = {"remapping": options.get("remapping", True)}
            tf.config.optimizer.set_experimental_options(before)

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        options = {
            field.name: getattr(settings, field.name)
            for field in dataclasses.fields(settings)
            if field.name not in OF_TRAINING
        }
        model = cls.with_networks(image_size, seed=seed, **options)
        optimizers = [
            cls._adam(cls._learning_rate(settings, n_steps), gradient_accumulation)
            for _ in cls.SIDES
        ]
        model.compile(*optimizers, jit_compile=jit_compile)
        return model

    @classmethod
    def with_networks(cls, image_size, **options):
        """A model with networks of its own, not compiled.

        Args:
            image_size: Side of the images in pixels.
            **options: What `Settings` tells of the model, not of its training, and
                arguments of the class that are no networks.
        """
        raise NotImplementedError

    @classmethod
    def _learning_rate(cls, settings, n_steps):
        """A number, or a schedule over the steps."""
        return settings.learning_rate

    @classmethod
    def _adam(cls, learning_rate=None, gradient_accumulation=1):
        beta_1, beta_2 = cls.BETAS
        accumulated = gradient_accumulation if gradient_accumulation > 1 else None
        return keras.optimizers.Adam(
            cls.Settings().learning_rate if learning_rate is None else learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            gradient_accumulation_steps=accumulated,
        )

    @property
    def metrics(self):
        return [getattr(self, name) for name in self.METRICS]

    @property
    def optimizers(self):
        return [getattr(self, name) for name in self.SIDES]

    @property
    def steps_done(self):
        return int(self._batches_seen("generator_optimizer").numpy())

    def _batches_seen(self, optimizer_name):
        """Number of gradients that a side was given: an integer variable.

        `iterations`, the public one, counts updates, of several gradients each.
        """
        return getattr(self, optimizer_name)._iterations

    def compile(self, *optimizers, jit_compile=False, **named):
        """Sets and builds an optimizer for each of `SIDES`.

        Args:
            *optimizers: In the order of `SIDES`; Adam with the published numbers in
                place of None, and where there is none.
            jit_compile: Whether XLA compiles the step.
            **named: Optimizers by their names in `SIDES`.

        Raises:
            ValueError: If there is no such side, or gradients are to be accumulated on
                several devices.
        """
        given = dict(zip(self.SIDES, optimizers, strict=False)) | named
        if len(optimizers) > len(self.SIDES) or not given.keys() <= self.SIDES.keys():
            raise ValueError(
                f"optimizers are {list(self.SIDES)}. Received: {len(optimizers)} "
                f"without a name, and {sorted(named)}"
            )
        n_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name in self.SIDES:
            optimizer = given.get(name) or self._adam()
            steps = optimizer.gradient_accumulation_steps
            if steps and n_replicas > 1:
                raise ValueError(
                    "gradients can be accumulated on one device only: Keras cannot "
                    "under a strategy of several. Make one visible "
                    "(CUDA_VISIBLE_DEVICES=0), or train without: the devices share a "
                    f"batch. Received: gradient_accumulation_steps={steps}, "
                    f"{n_replicas} devices"
                )
            setattr(self, name, optimizer)
        super().compile(optimizer=optimizer, jit_compile=jit_compile)
        for name in self.SIDES:
            getattr(self, name).build(self._side_variables(name))

    def _side_variables(self, optimizer_name):
        networks = [getattr(self, name) for name in self.SIDES[optimizer_name]]
        return [v for network in networks for v in network.trainable_variables]

    def _step_seed(self):
        """Seed (2,) that differs at every step."""
        step = tf.cast(self._batches_seen("generator_optimizer"), tf.int32)
        return tf.stack([self.seed, step])

    def _augmented(self, images, seed):
        return augment(images, seed) if self.augmentation else images

    def _minimize(self, optimizer_name, loss, tape):
        """One step of a side against its mean loss, as `tape` has recorded it."""
        variables = self._side_variables(optimizer_name)
        with tape:
            scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
        gradients = tape.gradient(scaled, variables)
        getattr(self, optimizer_name).apply(gradients, variables)

    def _between_updates(self, optimizer_name, act):
        """Calls `act` where a side has no gradients that wait to be applied."""
        steps = getattr(self, optimizer_name).gradient_accumulation_steps
        if not steps:
            act()
            return

        def acted():
            act()
            return True

        none_wait = self._batches_seen(optimizer_name) % steps == 0
        tf.cond(none_wait, acted, lambda: False)

    def _update_average(self):
        current = getattr(self, self.AVERAGED)
        self._between_updates(
            "generator_optimizer",
            lambda: move_average(self.averaged_generator, current, 1 - self.ema_decay),
        )

    def get_config(self):
        return {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in chain(*self.SIDES.values())
        } | {
            "ema_decay": self.ema_decay,
            "augmentation": self.augmentation,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in chain(*cls.SIDES.values()):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)

    def get_compile_config(self):
        return {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in self.SIDES
        } | {"jit_compile": self.jit_compile}

    def compile_from_config(self, config):
        config = dict(config)
        for name in self.SIDES:
            config[name] = keras.saving.deserialize_keras_object(config[name])
        self.compile(**config)
