"""Compact conditional diffusion on patch codes: the default generator."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_derm.catalog import DIAGNOSES
from keras_derm.evaluation import UNKNOWN
from keras_derm.generative.adapter_scope import AdapterScope
from keras_derm.generative.conditions import CONDITION_TONES
from keras_derm.generative.datasets import training_dataset
from keras_derm.generative.diffusion.adapted_diffusion import (
    ADAPTER_FILE,
    AdaptedDiffusion,
)
from keras_derm.generative.diffusion.denoiser import LEAST_SIDE, build_denoiser
from keras_derm.generative.diffusion.diffusion_file import (
    DIFFUSION_FILE,
    read_diffusion,
    write_diffusion,
)
from keras_derm.generative.diffusion.patch_code import N_FITTED, PatchCode
from keras_derm.generative.diffusion.preconditioning import (
    PRECONDITIONINGS,
    noise_levels,
)
from keras_derm.generative.diffusion.samplers import SAMPLERS
from keras_derm.generative.generator import BY_ADAPTER, Generator
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.made import Made
from keras_derm.generative.moving_average import averaged_copy, move_average
from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stateless_random import integers, normal, split, uniform
from keras_derm.generative.value_range import from_pixels, to_pixels
from keras_derm.networks import lora
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

DECADES = tuple(range(0, 90, 10))
"""Ages that it can be told, in years, each to the next; the last is open."""


@keras.saving.register_keras_serializable(package="keras_derm")
class Diffusion(Generator):
    """Makes dermoscopy of a given diagnosis and tone group by removing noise.

    Images are coded by `PatchCode`, a U-Net with attention to the conditions learns to
    remove noise from codes, and an ODE solver makes a code of pure noise.

    Args:
        network: Model of code, noise level and conditions, see `build_denoiser`.
        code: `PatchCode` of the images.
        conditions: Dict from columns of a catalog to the values that the network is
            told of each, `diagnosis` and `tone_group` first.
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
    CONDITIONS = ("diagnosis", "tone_group", "anatom_site_general", "image_type")
    ADAPTER = "lora"

    def __init__(
        self,
        network,
        code,
        conditions,
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
        self.conditions = {name: tuple(of) for name, of in conditions.items()}
        self.preconditioning = preconditioning
        self.sampler = sampler
        self.n_sampling_steps = n_sampling_steps
        self.guidance = guidance
        self.guided_noise = tuple(guided_noise)
        self.seed = seed
        self.adapter_scope = None
        self.adapter_guidance = guidance
        self._compiled_estimate = None
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.built = True

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        model = cls._untrained(
            settings,
            image_size,
            preconditioning=settings.preconditioning,
            sampler=settings.sampler,
            n_sampling_steps=settings.n_sampling_steps,
            guidance=settings.guidance,
            guided_noise=settings.guided_noise,
            seed=seed,
        )
        model.adapter_guidance = settings.lora.guidance
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
        optimizer.build(model.trainable_variables)  # a state is loaded into it
        return model

    @classmethod
    def _untrained(cls, settings, image_size, **options):
        """`with_networks` as settings say."""
        return cls.with_networks(
            image_size,
            settings.n_components,
            settings.channels,
            conditions_told(settings),
            settings.masks,
            **options,
        )

    @classmethod
    def with_networks(
        cls,
        image_size,
        n_components=48,
        channels=(128, 192),
        conditions=None,
        masks=False,
        **options,
    ):
        """A model with networks of its own, not compiled.

        Args:
            image_size: Side of the images in pixels.
            n_components, channels: See `PatchCode` and `build_denoiser`.
            conditions: As of the class; by default diagnosis and tone group.
            masks: Whether it is told masks of the lesion too.
            **options: Arguments of the class that are no networks.

        Raises:
            ValueError: If images of this size cannot be cut into patches.
        """
        patch = 8 if image_size >= 64 else 4
        levels = image_size / patch / 2 ** (len(channels) - 1)
        if levels != int(levels) or levels < LEAST_SIDE:
            step = patch * 2 ** (len(channels) - 1)
            raise ValueError(
                f"images of a diffusion of {len(channels)} levels have sides that are "
                f"multiples of {step} pixels, {LEAST_SIDE * step} or more. "
                f"Received: image_size={image_size}"
            )
        n_components = min(n_components, 3 * patch**2)
        side = image_size // patch
        conditions = conditions or conditions_told(cls.Settings())
        sizes = [len(values) for values in conditions.values()]
        of_mask = patch**2 if masks else 0
        network = build_denoiser(
            side, n_components, sizes, channels, mask_channels=of_mask
        )
        code = PatchCode(patch, n_components, name="code")
        return cls(network, code, conditions, **options)

    @classmethod
    def timed_network(cls, settings, image_size):
        """The denoiser as a model of the code alone, whose steps can be timed."""
        model = cls._untrained(settings, image_size)
        network = model.network
        code = keras.Input(network.input_shape[0][1:])
        level = keras.ops.mean(code, axis=(1, 2, 3))
        index = keras.ops.cast(0 * level, "int32")
        told = [index] * len(model.conditions)
        if settings.masks:
            patch = keras.layers.Conv2D(model.code.patch_size**2, 1)
            told.append(patch(code))
        return keras.Model(code, network([code, level, *told]))

    @classmethod
    def description(cls, settings):
        return (
            "A compact diffusion model (denoising of patch codes, condition: diagnosis "
            "and tone)"
        )

    @classmethod
    def learned(cls, settings):
        return settings.diagnoses

    @classmethod
    def conditioned_on(cls, settings):
        return tuple(n for n in conditions_told(settings) if n in cls.CONDITIONS)

    @classmethod
    def knows(cls, settings, catalog, cell, folder=None):
        scope = AdapterScope.load(Path(folder) / cls.ADAPTER) if folder else None
        if scope is not None and scope.covers(cell):
            return BY_ADAPTER
        return super().knows(settings, catalog, cell, folder)

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

    @classmethod
    def wants_masks(cls, settings):
        return settings.masks

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
            conditions: int32 tensors (n,), one a condition, and where masks are told
                what `_mask_patches` gives of them.
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

    def loss_of(self, network, code, sigma, noisy, conditions):
        """Mean weighted squared error of the codes that a network finds in noise.

        Args:
            network, sigma, noisy, conditions: As of `denoised`.
            code: The codes without noise.
        """
        found, weight = self.denoised(network, noisy, sigma, conditions, training=True)
        return tf.reduce_mean(weight * tf.square(found - code))

    def dataset(self, catalog, images, settings, seed=0, first_step=0):
        return training_dataset(
            catalog,
            images,
            settings.batch_size,
            settings.balance,
            seed,
            first_step,
            self.conditions_of(catalog.table),
        )

    def conditions_of(self, table):
        columns = [
            _indices(table.get(name), values, len(table))
            for name, values in self.conditions.items()
        ]
        return np.stack(columns, axis=1).astype("int32")

    def noised(self, images, seeds):
        """Codes of images with noise of the levels that training is of.

        Args:
            images: Tensor (n, side, side, 3) in [0, 255], with the mask as a fourth
                channel where masks are told.
            seeds: Three seeds, int tensors (2,).

        Returns:
            Tuple of the codes of the images, each flipped and turned by chance, the
            noise levels (n, 1, 1, 1), the noisy codes, and a list of the masks, if
            they are told.
        """
        images = flipped_and_turned(images, seeds[0])
        code = self.code(from_pixels(images[..., :3]))
        masks = [self._mask_patches(images[..., 3])] if self.tells_masks else []
        mean, deviation = PRECONDITIONINGS[self.preconditioning].LEVELS
        n_images = tf.shape(code)[0]
        drawn = replica_draw(normal, (n_images, 1, 1, 1), seeds[1])
        sigma = tf.exp(mean + deviation * drawn)
        noise = replica_draw(normal, (n_images, *code.shape[1:]), seeds[2])
        return code, sigma, code + sigma * noise, masks

    def train_step(self, data):
        images, *conditions = data
        step = tf.cast(self.optimizer._iterations, tf.int32)
        seeds = split(tf.stack([self.seed, step]), 5)
        code, sigma, noisy, masks = self.noised(images, seeds[:3])
        conditions = self._partly_told([*conditions, *masks], seeds[3:])
        with tf.GradientTape() as tape:
            loss = self.loss_of(self.network, code, sigma, noisy, conditions)
            scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_average()
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}

    @property
    def tells_masks(self):
        """Whether the network is told masks of the lesion."""
        return len(self.network.inputs) > 2 + len(self.conditions)

    def _mask_patches(self, masks):
        """Masks as channels of the code's places, -1 and 1, and 0 where none is known.

        Args:
            masks: (n, side, side), more than 0 where there is lesion.

        Returns:
            float32 tensor (n, side / patch, side / patch, patch ** 2).
        """
        lesion = tf.cast(masks > 0, tf.float32)[..., None]
        known = tf.reduce_max(lesion, axis=(1, 2, 3), keepdims=True)
        return tf.nn.space_to_depth((2 * lesion - 1) * known, self.code.patch_size)

    def _partly_told(self, conditions, seeds):
        """Conditions of which some are replaced by what stands for "not told"."""
        n_images = tf.shape(conditions[0])[0]
        none = replica_draw(uniform, (n_images,), seeds[0]) < DROP_ALL
        single = replica_draw(uniform, (n_images, len(conditions)), seeds[1]) < DROP_ONE
        kept = []
        for i, (told, untold) in enumerate(
            zip(conditions, self._untold(n_images), strict=True)
        ):
            drop = tf.reshape(none | single[:, i], (-1, *[1] * (len(told.shape) - 1)))
            kept.append(tf.where(drop, untold, told))
        return kept

    def _untold(self, n_images):
        """Each condition as "not told": int32 tensors (n_images,), and empty masks."""
        untold = [tf.fill((n_images,), len(of)) for of in self.conditions.values()]
        if self.tells_masks:
            untold.append(tf.zeros((n_images, *self.network.input_shape[-1][1:])))
        return untold

    def _update_average(self):
        accumulated = self.optimizer.gradient_accumulation_steps or 1
        updates = tf.cast(self.optimizer.iterations, tf.float32)
        share = 1 - (1 - 1 / tf.maximum(updates, 1)) ** AVERAGE_EXPONENT
        if accumulated > 1:  # no average moves while gradients wait
            none_wait = self.optimizer._iterations % accumulated == 0
            share = tf.where(none_wait, share, 0.0)
        move_average(self.averaged_network, self.network, share)

    def adapted(self, settings, seed=0):
        """What trains an adapter of this model: an `AdaptedDiffusion`.

        Args:
            settings: `DiffusionSettings`, of which `lora` is of the adapter.
            seed: Integer seed.
        """
        return AdaptedDiffusion(self, settings.lora, seed)

    def write_for_others(self, directory):
        """Write what images are made with, as `diffusion.safetensors`."""
        write_diffusion(self, Path(directory) / DIFFUSION_FILE)

    @classmethod
    def read(cls, path):
        """The model of a `diffusion.safetensors`; it makes images and is not trained.

        Args:
            path: The file, see `write_diffusion`.

        Raises:
            FileNotFoundError: There is no such file.
            DamagedFileError: It is not whole, or another kind of file.
        """
        return read_diffusion(path, cls)

    def adapter_added(self):
        """What was compiled of the network without the adapter is compiled anew."""
        self._compiled_estimate = None

    def load_adapters(self, folder):
        folder = Path(folder) / self.ADAPTER
        scope = AdapterScope.load(folder)
        if scope is not None:
            self.load_adapter(folder / ADAPTER_FILE, scope)

    def load_adapter(self, path, scope):
        """Take an adapter, which then makes the cells of its scope.

        Args:
            path: File of `keras_derm.networks.lora.save_adapter`.
            scope: `AdapterScope`.
        """
        lora.load_adapter(self.averaged_network, path)
        self.adapter_scope = scope
        self.adapter_added()

    def sample(self, conditions, seed, batch_size=64, by_adapter=False, masks=None):
        """As `Generator.sample`, `batch_size` at once, which changes no image.

        Args:
            conditions: Integers (n, 2), or with a column for each further condition
                that the model is told.
            seed: Integer seed of the noise.
            batch_size: Images made at once.
            by_adapter: Whether the adapter acts, for all or for each: bool (n,).
            masks: Where the lesion is to be, bool (n, side, side); not told by
                default.

        Raises:
            ValueError: If the conditions have another shape.
        """
        conditions = self.complete_conditions(conditions)
        shape = (len(conditions), *self.network.input_shape[0][1:])
        noise = np.random.default_rng(seed).standard_normal(shape, dtype="float32")
        levels = noise_levels(self.n_sampling_steps)
        by_adapter = np.broadcast_to(by_adapter, len(conditions))
        images = np.empty((len(conditions), *[self.image_size] * 2, 3), "uint8")
        for adapted in np.unique(by_adapter):
            rows = np.flatnonzero(by_adapter == adapted)
            images[rows] = self.solve(
                conditions[rows],
                levels[0] * noise[rows],
                levels,
                batch_size,
                by_adapter=bool(adapted),
                masks=None if masks is None else masks[rows],
            )
        return images

    def make(self, cells, seed, catalog=None, images=None):
        """As `Generator.make`.

        What a cell leaves open of site, type and age is drawn from training images of
        its diagnosis, and so are masks, each flipped and turned by chance.
        """
        asked = np.repeat(*cells, axis=0)
        told = conditions = self.complete_conditions(asked)
        if catalog is not None:
            conditions = self._completed(told, catalog, seed)
        by_adapter = False
        if self.adapter_scope is not None:
            names = list(self.conditions)
            by_adapter = np.array(
                [
                    self.adapter_scope.covers(
                        {
                            name: self.conditions[name][i]
                            for name, i in zip(names, row, strict=True)
                            if i < len(self.conditions[name])
                        }
                    )
                    for row in told
                ]
            )
        masks = None
        if self.tells_masks and images is not None:
            masks = self._drawn_masks(conditions, catalog, images[..., 3], seed)
        made = self.sample(conditions, seed, by_adapter=by_adapter, masks=masks)
        return Made(made, asked, masks=masks)

    def sample_like(self, images, conditions, seed):
        masks = images[..., 3] > 0 if self.tells_masks else None
        return self.sample(conditions, seed, masks=masks)

    def _drawn_masks(self, conditions, catalog, masks, seed):
        """A mask for each image, of a training image of its diagnosis, turned."""
        generator = np.random.default_rng([seed, 2])
        known = masks.any(axis=(1, 2))
        diagnoses = self.conditions_of(catalog.table)[:, 0]
        drawn = np.empty((len(conditions), *masks.shape[1:]), bool)
        for diagnosis in np.unique(conditions[:, 0]):
            rows = np.flatnonzero(conditions[:, 0] == diagnosis)
            have = np.flatnonzero(known & (diagnoses == diagnosis))
            if not len(have):  # an adapter may make what has no mask of its own
                have = np.flatnonzero(known)
            drawn[rows] = masks[generator.choice(have, len(rows))] > 0
        for mask, turn in zip(drawn, generator.integers(0, 8, len(drawn)), strict=True):
            turned = np.rot90(mask, turn % 4)
            mask[:] = turned[:, ::-1] if turn >= 4 else turned
        return drawn

    def _completed(self, conditions, catalog, seed):
        """Conditions of which nothing is untold that training images can tell."""
        generator = np.random.default_rng([seed, 1])
        known = self.conditions_of(catalog.table)
        conditions = conditions.copy()
        for diagnosis in np.unique(conditions[:, 0]):
            rows = np.flatnonzero(conditions[:, 0] == diagnosis)
            of_diagnosis = np.flatnonzero(known[:, 0] == diagnosis)
            if not len(of_diagnosis):
                continue
            drawn = known[generator.choice(of_diagnosis, len(rows))]
            for i, values in enumerate(self.conditions.values()):
                untold = conditions[rows, i] == len(values)
                conditions[rows[untold], i] = drawn[untold, i]
        return conditions

    def solve(
        self,
        conditions,
        noisy,
        levels,
        batch_size=64,
        held=None,
        by_adapter=False,
        masks=None,
    ):
        """Images of noisy codes.

        Args:
            conditions: Integers (n, conditions), see `conditions_of`.
            noisy: Codes with noise of the first level, float32 (n, side, side,
                channels).
            levels: Falling noise levels, of which the last is 0.
            batch_size: Images made at once.
            held: Function of the positions of images, a slice, and of the estimate of
                their codes, to the estimate to go on with; none by default.
            by_adapter: Whether the adapter acts.
            masks: As of `sample`.

        Returns:
            uint8 array (n, side, side, 3), RGB.

        Raises:
            ValueError: If masks are given to a model that is not told any.
        """
        if masks is not None and not self.tells_masks:
            raise ValueError(
                "`masks` need a generator that was trained with masks: true. "
                f"Received: masks of shape {np.shape(masks)}"
            )
        side = self.image_size
        images = np.empty((len(conditions), side, side, 3), "uint8")
        for start in range(0, len(conditions), batch_size):
            part = slice(start, start + batch_size)
            columns = [tf.constant(column) for column in conditions[part].T]
            if self.tells_masks:
                n_images = len(conditions[part])
                told = (
                    np.zeros((n_images, side, side)) if masks is None else masks[part]
                )
                columns.append(self._mask_patches(tf.constant(told, tf.float32)))

            def denoise(noisy, sigma, columns=columns, part=part):
                found = self._guided(noisy, sigma, columns, by_adapter)
                return found if held is None else held(part, found)

            code = SAMPLERS[self.sampler](denoise, tf.constant(noisy[part]), levels)
            images[part] = to_pixels(self.code.decode(code))
        self._let_adapter_act(True)
        return images

    def complete_conditions(self, conditions):
        """Conditions as int32 (n, conditions): what is left out is "not told"."""
        conditions = np.asarray(conditions, dtype="int32")
        n_conditions = len(self.conditions)
        if conditions.ndim != 2 or not 2 <= conditions.shape[1] <= n_conditions:
            raise ValueError(
                "`conditions` must have shape (n, 2): diagnosis and tone-group index"
                f"{', and up to {n_conditions} columns' * (n_conditions > 2)}. "
                f"Received: shape {conditions.shape}"
            )
        sizes = [len(values) for values in self.conditions.values()]
        rest = np.tile(sizes[conditions.shape[1] :], (len(conditions), 1))
        return np.concatenate([conditions, rest.astype("int32")], axis=1)

    def _guided(self, noisy, sigma, conditions, by_adapter):
        """Estimate of the image, drawn further towards the conditions.

        The adapter is off where no condition is told: what guidance leads away from
        are images of all kinds.
        """
        guidance = self.adapter_guidance if by_adapter else self.guidance
        self._let_adapter_act(by_adapter)
        told = self._estimate(noisy, sigma, conditions)
        low, high = self.guided_noise
        if guidance == 1 or not low <= sigma <= high:
            return told
        self._let_adapter_act(False)
        plain = self._estimate(noisy, sigma, self._untold(tf.shape(noisy)[0]))
        return plain + guidance * (told - plain)

    def _let_adapter_act(self, acts):
        """Where there is one, as there is in its training, in which it acts."""
        if lora.lora_layers(self.averaged_network):
            lora.activate(self.averaged_network, self.ADAPTER if acts else None)

    def _estimate(self, noisy, sigma, conditions):
        if self._compiled_estimate is None:  # anew where an adapter was added
            self._compiled_estimate = tf.function(
                lambda *inputs: self.denoised(self.averaged_network, *inputs)[0],
                reduce_retracing=True,
            )
        sigma = tf.fill((tf.shape(noisy)[0], 1, 1, 1), tf.cast(sigma, tf.float32))
        return self._compiled_estimate(noisy, sigma, conditions)

    def get_config(self):
        return {
            "network": keras.saving.serialize_keras_object(self.network),
            "code": keras.saving.serialize_keras_object(self.code),
            "conditions": {name: list(of) for name, of in self.conditions.items()},
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
        images: Tensor (batch, side, side, channels), of any type.
        seed: int tensor (2,).

    Returns:
        float32 of the same shape.
    """
    drawn = replica_draw(integers, (tf.shape(images)[0], 3), seed, 0, 2)
    rows, columns, turn = (
        tf.reshape(drawn[:, i] == 1, (-1, 1, 1, 1)) for i in range(3)
    )
    # Cast before the flips: of a cast beside it the transpose would be moved in front,
    # and oneDNN says aloud that it does not transpose whole numbers.
    images = tf.cast(images, "float32")
    images = tf.where(rows, images[:, ::-1], images)
    images = tf.where(columns, images[:, :, ::-1], images)
    return tf.where(turn, tf.transpose(images, (0, 2, 1, 3)), images)


def conditions_told(settings):
    """Columns that a generator of these settings is told, and their values: a dict."""
    told = {"diagnosis": DIAGNOSES, "tone_group": CONDITION_TONES}
    further = {
        "anatom_site_general": settings.sites,
        "image_type": settings.image_types,
        "age_approx": DECADES if settings.age else (),
    }
    return told | {name: values for name, values in further.items() if values}


def _indices(column, values, n_rows):
    """Position of each entry of a column in the values told, else their number.

    What is unknown of a tone is a value of its own, as people of unknown tone are many.
    """
    if column is None:
        return np.full(n_rows, len(values))
    if column.name == "tone_group":
        column = column.fillna(UNKNOWN)
    if values == DECADES:
        column = (column.astype("Float64") // 10 * 10).clip(upper=DECADES[-1])
    positions = {value: i for i, value in enumerate(values)}
    return np.array(
        [
            positions.get(x, len(values)) if x is not pd.NA else len(values)
            for x in column
        ]
    )
