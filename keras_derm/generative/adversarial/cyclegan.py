"""Cycle-consistent translation between benign and malignant lesions."""

import keras
import numpy as np
import tensorflow as tf

from keras_derm.generative.adversarial.adversarial_model import (
    AdversarialModel,
    adversarial_loss,
)
from keras_derm.generative.adversarial.image_pool import ImagePool
from keras_derm.generative.adversarial.translation_networks import (
    build_patch_discriminator,
    build_translator,
)
from keras_derm.generative.callbacks import SampleGrid
from keras_derm.generative.conditions import condition_indices, rows_of_cell
from keras_derm.generative.datasets import (
    TRANSLATED_TO,
    benign_and_malignant,
    taker,
    translation_dataset,
)
from keras_derm.generative.generator import FROM_IMAGES, N_COLUMNS, N_WATCHED
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.made import Made
from keras_derm.generative.stateless_random import split
from keras_derm.generative.value_range import from_pixels, to_pixels
from keras_derm.settings import CycleGANSettings

LOSSES = ("binary_crossentropy", "least_squares")


def _mean_difference(first, second):
    return tf.reduce_mean(tf.abs(first - second))


@keras.saving.register_keras_serializable(package="keras_derm")
class CycleGAN(AdversarialModel):
    """Turns photographs of benign lesions into such of malignant ones, and back.

    Train it with `fit` on batches of (benign images, malignant images), uint8 or
    float in [0, 255], shape (batch, side, side, 3), which are no pairs. Each image
    translated there and back shall be itself again. The pools of earlier translations
    are part of the model. The losses are those of one device on any number of devices.

    Args:
        benign_to_malignant: Model of an image, see `build_translator`.
        malignant_to_benign: Model of an image.
        benign_discriminator: Model that tells real benign images from translations,
            see `build_patch_discriminator`.
        malignant_discriminator: The same for malignant images.
        loss: "binary_crossentropy", the log loss of the melanet paper, or
            "least_squares", as in the CycleGAN paper and in melanet's code.
        cycle_weight: Weight of the cycle loss, the lambda of the paper.
        identity_weight: Weight of the identity loss in parts of `cycle_weight`: an
            image that is malignant already shall be left as it is. 0 is without;
            melanet's code has 0.1.
        pool_size: Translations kept to be shown to the discriminators again, for
            each direction.
        ema_decay, augmentation, seed: As in `AdversarialModel`. As published, the
            weights that `translate` uses are not averaged.

    Raises:
        ValueError: If `loss` is not known or a weight negative.

    Example:
        >>> model = CycleGAN.with_networks(256)
        >>> model.compile()
        >>> model.fit(dataset, epochs=200)
        >>> malignant = model.translate(benign)

    Reference:
        Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent
        Adversarial Networks", ICCV 2017; Zunair and Ben Hamza, "Melanoma detection
        using adversarial training and deep transfer learning", 2020.
    """

    Settings = CycleGANSettings
    BETAS = (0.5, 0.999)
    SIDES = {
        "generator_optimizer": ("benign_to_malignant", "malignant_to_benign"),
        "discriminator_optimizer": ("benign_discriminator", "malignant_discriminator"),
    }
    METRICS = ("generator_loss", "discriminator_loss", "cycle_loss", "identity_loss")
    AVERAGED = "benign_to_malignant"

    def __init__(
        self,
        benign_to_malignant,
        malignant_to_benign,
        benign_discriminator,
        malignant_discriminator,
        loss="binary_crossentropy",
        cycle_weight=10.0,
        identity_weight=0.0,
        pool_size=50,
        ema_decay=0.0,
        augmentation=False,
        seed=0,
        **kwargs,
    ):
        if loss not in LOSSES:
            raise ValueError(f"`loss` must be one of {LOSSES}. Received: loss={loss}")
        if cycle_weight < 0 or identity_weight < 0:
            raise ValueError(
                "`cycle_weight` and `identity_weight` must not be negative. Received: "
                f"cycle_weight={cycle_weight}, identity_weight={identity_weight}"
            )
        networks = {
            "benign_to_malignant": benign_to_malignant,
            "malignant_to_benign": malignant_to_benign,
            "benign_discriminator": benign_discriminator,
            "malignant_discriminator": malignant_discriminator,
        }
        super().__init__(networks, ema_decay, augmentation, seed, **kwargs)
        self.adversarial_loss = loss
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.benign_pool = ImagePool(pool_size)
        self.malignant_pool = ImagePool(pool_size)
        for pool in (self.benign_pool, self.malignant_pool):
            pool.build(benign_to_malignant.input_shape)

    @classmethod
    def with_networks(cls, image_size, base_channels=32, depth=4, **options):
        """As `AdversarialModel.with_networks`; `depth` halvings in the translators."""
        translators = {
            name: build_translator(image_size, base_channels, depth, name)
            for name in cls.SIDES["generator_optimizer"]
        }
        discriminators = {
            name: build_patch_discriminator(image_size, 2 * base_channels, name)
            for name in cls.SIDES["discriminator_optimizer"]
        }
        return cls(**translators, **discriminators, **options)

    @classmethod
    def _learning_rate(cls, settings, n_steps):
        if not settings.decay:
            return settings.learning_rate
        constant = n_steps // 2
        return LinearDecay(settings.learning_rate, constant, n_steps - constant)

    @classmethod
    def description(cls, settings):
        return "A CycleGAN (translates benign lesions into melanoma)"

    @classmethod
    def learned(cls, settings):
        return (TRANSLATED_TO,)

    @classmethod
    def training_rows(cls, settings, catalog):
        """All rows, of which there must be some of both domains."""
        benign_and_malignant(catalog)
        return catalog

    @classmethod
    def knows(cls, settings, catalog, cell, folder=None):
        """As `Generator.knows`, of melanoma: by the benign images to translate."""
        if cell.get("diagnosis", TRANSLATED_TO) != TRANSLATED_TO:
            return ""
        benign, _ = benign_and_malignant(catalog)
        tone = {name: cell[name] for name in cell if name != "diagnosis"}
        return FROM_IMAGES if rows_of_cell(catalog, tone)[benign].any() else ""

    @classmethod
    def steps_of_an_epoch(cls, settings, catalog):
        """Steps in which each image of the smaller domain is seen once."""
        n_images = min(map(len, benign_and_malignant(catalog)))
        return max(1, n_images // settings.batch_size)

    @property
    def metrics(self):
        return super().metrics if self.identity_weight else super().metrics[:-1]

    def call(self, images, training=False):
        """Malignant images of benign ones, both in [-1, 1], averaged weights."""
        return self.averaged_generator(images, training=False)

    def train_step(self, data):
        benign, malignant = (from_pixels(images) for images in data)
        seeds = split(self._step_seed(), 3)
        fakes = self._generator_step(benign, malignant, seeds[0])
        pool_seeds = split(seeds[1], 2)
        pooled = (
            self.benign_pool(fakes[0], pool_seeds[0]),
            self.malignant_pool(fakes[1], pool_seeds[1]),
        )
        self._discriminator_step((benign, malignant), pooled, seeds[2])
        self._update_average()
        return {metric.name: metric.result() for metric in self.metrics}

    def _generator_step(self, benign, malignant, seed):
        seeds = split(seed, 2)
        with tf.GradientTape() as tape:
            fake_malignant = self.benign_to_malignant(benign, training=True)
            fake_benign = self.malignant_to_benign(malignant, training=True)
            deceived = self._judged(
                self.malignant_discriminator, fake_malignant, True, seeds[0]
            ) + self._judged(self.benign_discriminator, fake_benign, True, seeds[1])
            cycle = _mean_difference(
                self.malignant_to_benign(fake_malignant, training=True), benign
            ) + _mean_difference(
                self.benign_to_malignant(fake_benign, training=True), malignant
            )
            loss = deceived + self.cycle_weight * cycle
            if self.identity_weight:
                identity = _mean_difference(
                    self.malignant_to_benign(benign, training=True), benign
                ) + _mean_difference(
                    self.benign_to_malignant(malignant, training=True), malignant
                )
                loss += self.cycle_weight * self.identity_weight * identity
                self.identity_loss.update_state(identity)
        self._minimize("generator_optimizer", loss, tape)
        self.generator_loss.update_state(deceived)
        self.cycle_loss.update_state(cycle)
        return fake_benign, fake_malignant

    def _discriminator_step(self, real, fakes, seed):
        seeds = split(seed, 4)
        discriminators = (self.benign_discriminator, self.malignant_discriminator)
        with tf.GradientTape() as tape:
            # Halved, as in the paper: discriminators learn at half the speed.
            loss = sum(
                self._judged(discriminator, real[i], True, seeds[2 * i])
                + self._judged(discriminator, fakes[i], False, seeds[2 * i + 1])
                for i, discriminator in enumerate(discriminators)
            )
            loss = loss / 2
        self._minimize("discriminator_optimizer", loss, tape)
        self.discriminator_loss.update_state(loss)

    def _judged(self, discriminator, images, real, seed):
        """Loss of a discriminator's verdict on images that shall count as real."""
        logits = discriminator(self._augmented(images, seed), training=True)
        return adversarial_loss(logits, real, self.adversarial_loss)

    def translate(self, images, batch_size=16):
        """Malignant images of benign ones.

        Args:
            images: (n, side, side, 3) in [0, 255], uint8 or float, RGB.
            batch_size: Number of images translated at once.

        Returns:
            uint8 array (n, side, side, 3), RGB, in the order given.

        Raises:
            ValueError: If the images have another shape.
        """
        shape = self.benign_to_malignant.input_shape[1:]
        if np.ndim(images) != 4 or np.shape(images)[1:] != shape:
            raise ValueError(
                f"`images` must have shape (n, {', '.join(map(str, shape))}). "
                f"Received: shape {np.shape(images)}"
            )
        translations = np.empty((len(images), *shape), dtype="uint8")
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            translations[part] = to_pixels(self(from_pixels(images[part])))
        return translations

    def images_per_step(self, settings):
        return 2 * settings.batch_size

    def dataset(self, catalog, images, settings, seed=0, first_step=0):
        return translation_dataset(
            catalog, images, settings.batch_size, seed, first_step
        )

    def counterparts(self, catalog, images, n, seed=0, balance=0.0):
        """Images of melanoma, and translations of as many benign ones."""
        benign, malignant = self._domains(catalog, images, n, seed)
        return malignant, lambda: self.translate(benign)

    def sample_grid(self, catalog, images, directory, seed=0):
        """Benign images above their translations."""
        benign = self._domains(catalog, images, N_WATCHED, seed)[0][:N_COLUMNS]
        return SampleGrid(
            directory,
            lambda: np.concatenate([benign, self.translate(benign)]),
            len(benign),
        )

    @staticmethod
    def _domains(catalog, images, n, seed):
        generator = np.random.default_rng(seed)
        return [
            taker(images)(np.sort(generator.permutation(rows)[:n]))
            for rows in benign_and_malignant(catalog)
        ]

    def make(self, cells, seed, catalog=None, images=None):
        """Translations of benign training images that have the tone wanted.

        A translation keeps its parent's tone, and no image has two: there may be
        fewer than are wanted. The arguments are those of `Generator.make`.
        """
        benign, _ = benign_and_malignant(catalog.require_training_only())
        benign = np.random.default_rng(seed).permutation(benign)
        tones = condition_indices(catalog)[benign, 1]
        chosen = [benign[tones == cell[1]][:n] for cell, n in zip(*cells, strict=True)]
        conditions = np.repeat(cells[0], [len(rows) for rows in chosen], axis=0)
        parents = np.concatenate(chosen)
        return Made(self.translate(images[parents]), conditions, parents)

    def get_config(self):
        return super().get_config() | {
            "loss": self.adversarial_loss,
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "pool_size": self.benign_pool.size,
        }
