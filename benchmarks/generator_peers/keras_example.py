"""The three generators in plain Keras: core layers, and each paper's algorithm.

No moving average, no augmentation, no image pool, nothing saved for going on exactly.
`keras.layers.SpectralNormalization` normalizes at every call.
"""

import keras
import tensorflow as tf
from keras import layers, ops

N_DIAGNOSES, N_TONES, CONDITION_FEATURES, LATENT_DIM = 9, 4, 32, 128
CRITIC_STEPS, PENALTY_WEIGHT, CYCLE_WEIGHT = 5, 10.0, 10.0


def _widths(image_size, base_channels):
    """Channels at each halving of the side down to 4."""
    n_levels = (image_size // 4).bit_length() - 1
    return [base_channels * min(2**level, 8) for level in range(n_levels)]


def _conditions():
    return [keras.Input((), dtype="int32", name=name) for name in ("diagnosis", "tone")]


def _conditional_normalization(features, condition):
    n_channels = features.shape[-1]
    features = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=False, scale=False
    )(features)
    scale, shift = (
        layers.Reshape((1, 1, n_channels))(
            layers.Dense(n_channels, kernel_initializer="zeros")(condition)
        )
        for _ in range(2)
    )
    return layers.ReLU()(features * (1 + scale) + shift)


def generator(image_size, base_channels):
    *widths, last = reversed(_widths(image_size, base_channels))
    noise, conditions = keras.Input((LATENT_DIM,)), _conditions()
    condition = layers.Concatenate()(
        [
            layers.Embedding(n, CONDITION_FEATURES)(index)
            for n, index in zip((N_DIAGNOSES, N_TONES), conditions, strict=True)
        ]
    )
    features = layers.Concatenate()([noise, condition])
    features = layers.Dense(4 * 4 * widths[0], use_bias=False)(features)
    features = layers.Reshape((4, 4, widths[0]))(features)
    features = _conditional_normalization(features, condition)
    for n_channels in [*widths[1:], last]:
        features = layers.Conv2DTranspose(
            n_channels, 4, strides=2, padding="same", use_bias=False
        )(features)
        features = _conditional_normalization(features, condition)
    image = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")
    return keras.Model([noise, *conditions], image(features))


def judge(image_size, base_channels, spectral):
    """Projection discriminator, spectrally normalized, or critic."""
    wrap = layers.SpectralNormalization if spectral else lambda layer: layer
    image, conditions = keras.Input((image_size, image_size, 3)), _conditions()
    features = image
    for n_channels in _widths(image_size, base_channels):
        convolution = layers.Conv2D(n_channels, 4, strides=2, padding="same")
        features = layers.LeakyReLU(0.2)(wrap(convolution)(features))
    features = ops.sum(features, axis=(1, 2))
    # Keras' SpectralNormalization leaves an Embedding without a gradient.
    scores = [wrap(layers.Dense(1))(features)] + [
        layers.Dot(-1)([features, layers.Embedding(n, n_channels)(index)])
        for n, index in zip((N_DIAGNOSES, N_TONES), conditions, strict=True)
    ]
    return keras.Model([image, *conditions], layers.Add()(scores))


def _convolution(n_channels, strides=1, use_bias=False, **kwargs):
    return layers.Conv2D(
        n_channels, 4, strides, padding="same", use_bias=use_bias, **kwargs
    )


def _instance_normalization(features):
    return layers.GroupNormalization(groups=-1, epsilon=1e-5)(features)


def translator(image_size, base_channels):
    image = keras.Input((image_size, image_size, 3))
    features, passed = image, []
    for level in range(4):
        features = _convolution(base_channels * 2**level, 2, level == 0)(features)
        features = _instance_normalization(features) if level else features
        features = layers.LeakyReLU(0.2)(features)
        passed.append(features)
    for skipped in reversed(passed[:-1]):
        features = layers.UpSampling2D()(features)
        features = _instance_normalization(_convolution(skipped.shape[-1])(features))
        features = layers.Concatenate()([layers.ReLU()(features), skipped])
    features = layers.UpSampling2D()(features)
    return keras.Model(image, _convolution(3, 1, True, activation="tanh")(features))


def patch_discriminator(image_size, base_channels):
    image = keras.Input((image_size, image_size, 3))
    features = layers.LeakyReLU(0.2)(_convolution(base_channels, 2, True)(image))
    for factor, strides in ((2, 2), (4, 2), (8, 1)):
        features = _convolution(factor * base_channels, strides)(features)
        features = layers.LeakyReLU(0.2)(_instance_normalization(features))
    return keras.Model(image, _convolution(1, 1, True)(features))


class Example(keras.Model):
    """Two sides, each with networks and an optimizer of its own."""

    def __init__(self, generators, judges):
        super().__init__()
        self.generators, self.judges = generators, judges
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.judge_loss = keras.metrics.Mean(name="judge_loss")
        self.built = True

    def compile(self, generator_optimizer, judge_optimizer):
        super().compile()
        self.generator_optimizer = generator_optimizer
        self.judge_optimizer = judge_optimizer

    def call(self, images):
        return images

    @property
    def n_parameters(self):
        """Numbers of trainable parameters of generators and judges."""
        return [
            sum(model.count_params() for model in models) - _n_untrained(models)
            for models in (self.generators, self.judges)
        ]

    def _minimize(self, loss, tape, models, optimizer, metric):
        weights = [w for model in models for w in model.trainable_weights]
        optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        metric.update_state(loss)

    def minimize_generators(self, loss, tape):
        self._minimize(
            loss, tape, self.generators, self.generator_optimizer, self.generator_loss
        )

    def minimize_judges(self, loss, tape):
        self._minimize(loss, tape, self.judges, self.judge_optimizer, self.judge_loss)

    def logs(self):
        return {
            "generator_loss": self.generator_loss.result(),
            "judge_loss": self.judge_loss.result(),
        }


def _n_untrained(models):
    return sum(
        weight.value.shape.num_elements()
        for model in models
        for weight in model.non_trainable_weights
    )


def _noise(images):
    return tf.random.normal((tf.shape(images)[0], LATENT_DIM))


def _log_loss(logits, real):
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


class SNGAN(Example):
    def train_step(self, data):
        images, *conditions = data
        (make,), (judge,) = self.generators, self.judges
        with tf.GradientTape() as generator_tape:
            fakes = make([_noise(images), *conditions], training=True)
        with tf.GradientTape() as tape:
            loss = _log_loss(judge([images, *conditions], training=True), True)
            loss += _log_loss(judge([fakes, *conditions], training=True), False)
        self.minimize_judges(loss, tape)
        with generator_tape:
            loss = _log_loss(judge([fakes, *conditions], training=True), True)
        self.minimize_generators(loss, generator_tape)
        return self.logs()


class ConditionalWGANGP(Example):
    def train_step(self, data):
        images, *conditions = data
        (make,), (critic,) = self.generators, self.judges
        for real, *given in zip(
            *(tf.split(values, CRITIC_STEPS) for values in data), strict=True
        ):
            fakes = make([_noise(real), *given], training=True)
            share = tf.random.uniform((tf.shape(real)[0], 1, 1, 1))
            between = share * real + (1 - share) * fakes
            with tf.GradientTape() as tape:
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    scores = critic([between, *given], training=True)
                gradients = inner.gradient(scores, between)
                norm = tf.sqrt(tf.reduce_sum(gradients**2, (1, 2, 3)) + 1e-12)
                loss = PENALTY_WEIGHT * tf.reduce_mean((norm - 1) ** 2)
                loss += tf.reduce_mean(critic([fakes, *given], training=True))
                loss -= tf.reduce_mean(critic([real, *given], training=True))
            self.minimize_judges(loss, tape)
        with tf.GradientTape() as tape:
            fakes = make([_noise(real), *given], training=True)
            loss = -tf.reduce_mean(critic([fakes, *given], training=True))
        self.minimize_generators(loss, tape)
        return self.logs()


class CycleGAN(Example):
    def train_step(self, data):
        benign, malignant = data
        (to_malignant, to_benign), (judge_benign, judge_malignant) = (
            self.generators,
            self.judges,
        )
        with tf.GradientTape() as tape:
            fake_malignant = to_malignant(benign, training=True)
            fake_benign = to_benign(malignant, training=True)
            cycle = tf.reduce_mean(
                tf.abs(to_benign(fake_malignant, training=True) - benign)
            ) + tf.reduce_mean(
                tf.abs(to_malignant(fake_benign, training=True) - malignant)
            )
            loss = CYCLE_WEIGHT * cycle
            loss += _log_loss(judge_malignant(fake_malignant, training=True), True)
            loss += _log_loss(judge_benign(fake_benign, training=True), True)
        self.minimize_generators(loss, tape)
        with tf.GradientTape() as tape:
            loss = _log_loss(judge_benign(benign, training=True), True)
            loss += _log_loss(judge_benign(fake_benign, training=True), False)
            loss += _log_loss(judge_malignant(malignant, training=True), True)
            loss += _log_loss(judge_malignant(fake_malignant, training=True), False)
            loss = loss / 2
        self.minimize_judges(loss, tape)
        return self.logs()


def build(name, image_size, base_channels):
    """A compiled model of that name, with the optimizers of the papers."""
    rate, beta_1, beta_2 = {
        "sngan": (2e-4, 0.5, 0.999),
        "conditional_wgan_gp": (1e-4, 0.0, 0.9),
        "cyclegan": (2e-4, 0.5, 0.999),
    }[name]
    if name == "cyclegan":
        model = CycleGAN(
            [translator(image_size, base_channels) for _ in range(2)],
            [patch_discriminator(image_size, 2 * base_channels) for _ in range(2)],
        )
    else:
        kind = SNGAN if name == "sngan" else ConditionalWGANGP
        model = kind(
            [generator(image_size, base_channels)],
            [judge(image_size, base_channels, spectral=name == "sngan")],
        )
    model.compile(
        keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2),
        keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2),
    )
    return model
