"""Stable Diffusion v1, adapted to dermoscopy by low-rank adapters."""

import keras
import numpy as np
import tensorflow as tf
from rich.progress import Progress

from keras_derm.generative.adapter_scope import AdapterScope
from keras_derm.generative.callbacks import SampleGrid, StopOnCollapse
from keras_derm.generative.conditions import condition_indices
from keras_derm.generative.datasets import sampling_weights, taker
from keras_derm.generative.generator import Generator
from keras_derm.generative.made import Made
from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stable_diffusion.captions import (
    Captions,
    condition_of,
    row_words,
)
from keras_derm.generative.stable_diffusion.diffusers_adapters import (
    FILE,
    module_paths,
    read_diffusers_adapter,
    write_diffusers_adapter,
)
from keras_derm.generative.stable_diffusion.latents import Latents
from keras_derm.generative.stable_diffusion.networks import read_networks
from keras_derm.generative.stable_diffusion.sampling import sampled_latents
from keras_derm.generative.stable_diffusion.schedulers import N_TRAIN, signal_shares
from keras_derm.generative.stable_diffusion.unet import timestep_embedding
from keras_derm.generative.stateless_random import integers, normal, split
from keras_derm.generative.value_range import to_pixels
from keras_derm.networks import (
    activate,
    adapter_variables,
    add_adapter,
    load_training,
    save_training,
)
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.settings import StableDiffusionSettings

ADAPTER = "dermoscopy"
N_AT_ONCE = 4
N_SHOWN = 4
MOST_MEASURED = 256
WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 1.0
"""Both as in Diffusers' train_text_to_image_lora.py."""


class StableDiffusion(Generator):
    """Makes photographs of a caption, of diagnosis, tone of skin, site and size.

    The networks are those of a folder that the user brings; they stay as they are.
    What learns is a low-rank adapter of the U-Net's attention. Training images are
    encoded once. A state is the adapter and what its optimizer keeps, some megabytes.

    Args:
        networks: `Networks`.
        settings: `StableDiffusionSettings`.
        seed: Integer seed of the adapter, and of all that is random in a step.

    Raises:
        ValueError: A caption's template or the adapter to begin with cannot be used.

    Example:
        >>> settings = StableDiffusionSettings(folder="/data/stable-diffusion-v1-5")
        >>> model = StableDiffusion.from_settings(settings, 512, n_steps=2000)
        >>> train(model, dark, images, "generator", settings, n_steps=2000)
        >>> images = model.sample([[0, 2]], seed=7)

    Reference:
        Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
        CVPR 2022; Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR
        2022; Shabu, Ansari and Aslam, "A Generative AI Approach for Reducing Skin Tone
        Bias in Skin Cancer Classification".
    """

    Settings = StableDiffusionSettings
    STATE_SUFFIX = ".safetensors"

    def __init__(self, networks, settings, seed=0):
        super().__init__()
        self.networks = networks
        self.unet = networks.unet
        self.settings = settings
        self.seed = seed
        self.captions = Captions(settings.captions)
        self.latents_folder = None
        if settings.adapter:
            read_diffusers_adapter(
                self.unet, ADAPTER, settings.adapter, settings.dropout, seed
            )
        else:
            add_adapter(
                self.unet,
                ADAPTER,
                rank=settings.rank,
                alpha=settings.alpha,
                dropout=settings.dropout,
                where=module_paths(settings.modules),
                seed=seed,
            )
        self.adapter = adapter_variables(self.unet, ADAPTER)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self._shares = signal_shares().astype("float32")
        self._compiled_noise = self._compiled()
        self.built = True

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        if settings.folder is None:
            raise ValueError(
                "`folder` must name a folder of Stable Diffusion v1 in the layout of "
                "Diffusers: its weights are not part of keras_derm. Download one, such "
                "as stable-diffusion-v1-5, and give its path. Received: folder=None"
            )
        model = cls(read_networks(settings.folder, image_size), settings, seed)
        accumulated = gradient_accumulation if gradient_accumulation > 1 else None
        optimizer = keras.optimizers.AdamW(
            settings.learning_rate,
            weight_decay=WEIGHT_DECAY,
            global_clipnorm=LARGEST_GRADIENT,
            gradient_accumulation_steps=accumulated,
        )
        model.compile(optimizer, jit_compile=jit_compile)
        return model

    @classmethod
    def description(cls, settings):
        return (
            f"Stable Diffusion v1 with adapters of rank {settings.rank} (condition: a "
            "caption of diagnosis and tone)"
        )

    @classmethod
    def training_rows(cls, settings, catalog):
        """All rows, or those of `settings.where`."""
        if settings.where is None:
            return catalog
        return AdapterScope.rows(catalog, settings.where)[0]

    def compile(self, optimizer, jit_compile=False):
        """Set the optimizer, and build it for the adapter."""
        super().compile(optimizer=optimizer, jit_compile=jit_compile)
        self.optimizer.build(self.adapter)

    @property
    def steps_done(self):
        return int(self.optimizer._iterations.numpy())

    @property
    def metrics(self):
        return [self.loss_tracker]

    def begin(self, directory):
        self.latents_folder = directory / "latents"

    def dataset(self, catalog, images, settings, seed=0, first_step=0):
        """Endless batches of (moments float16, tokens int32), see `Latents`."""
        catalog.require_training_only()
        catalog.require_real()
        latents = Latents(
            self.networks.encoder,
            self.networks.folder.weights["vae"],
            self.latents_folder,
        )
        moments = latents.encoded(taker(images), len(catalog))
        words = [row_words(row) for row in catalog.table.to_dict("records")]
        weights = sampling_weights(condition_indices(catalog)[:, 0], settings.balance)
        n = settings.batch_size

        def draw(step):
            generator = np.random.default_rng([seed, int(step)])
            rows = generator.choice(len(words), n, p=weights)
            templates = generator.integers(0, len(self.captions), n)
            dropped = generator.random(n) < settings.prompt_dropout
            texts = [
                "" if without else self.captions.of_words(number, words[row])
                for row, number, without in zip(rows, templates, dropped, strict=True)
            ]
            return moments[rows], self.networks.tokenizer(texts)

        def load(step):
            types = (tf.float16, tf.int32)
            batch, tokens = tf.numpy_function(draw, [step], types)
            tokens = tf.ensure_shape(tokens, (n, self.networks.tokenizer.length))
            return tf.ensure_shape(batch, (n, *moments.shape[1:])), tokens

        steps = tf.data.Dataset.range(first_step, np.iinfo("int64").max)
        return without_autotuning(steps.map(load, num_parallel_calls=2).prefetch(2))

    def train_step(self, data):
        moments, tokens = data
        step = tf.cast(self.optimizer._iterations, tf.int32)
        seeds = split(tf.stack([self.seed, step]), 3)
        latents = self._latents(moments, seeds[0])
        n_images = tf.shape(moments)[0]  # a device's part may have no static number
        noise = replica_draw(normal, (n_images, *latents.shape[1:]), seeds[1])
        timesteps = replica_draw(integers, (n_images,), seeds[2], 0, N_TRAIN)
        share = tf.gather(self._shares, timesteps)[:, None, None, None]
        noisy = tf.sqrt(share) * latents + tf.sqrt(1 - share) * noise
        context = self.networks.text_encoder(tokens, training=False)
        values = [variable.value for variable in self.adapter]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            predicted = self._noise_of(noisy, timesteps, context, training=True)
            loss = tf.reduce_mean((predicted - noise) ** 2)
            scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
        self.optimizer.apply(tape.gradient(scaled, values), self.adapter)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def _latents(self, moments, seed):
        """Latents drawn of the distributions that the encoder gave."""
        mean, log_variance = tf.split(tf.cast(moments, tf.float32), 2, axis=-1)
        deviation = tf.exp(0.5 * tf.clip_by_value(log_variance, -30.0, 20.0))
        noise = replica_draw(normal, (tf.shape(mean)[0], *mean.shape[1:]), seed)
        return self.networks.scaling_factor * (mean + deviation * noise)

    def _noise_of(self, latents, timesteps, context, training=False):
        time = timestep_embedding(timesteps, self.networks.time_width)
        found = self.unet([latents, time, context], training=training)
        return tf.cast(found, tf.float32)

    def _compiled(self):
        """`_noise_of` for any number of images, traced once."""
        latents, _, context = self.unet.input_shape
        signature = [
            tf.TensorSpec(latents, tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec(context, tf.float32),
        ]
        return tf.function(self._noise_of, input_signature=signature)

    def sample(self, conditions, seed):
        texts = [
            self.captions.of_condition(0, *condition_of(condition))
            for condition in np.asarray(conditions)
        ]
        return self.images_of(texts, seed)

    def make(self, cells, seed, catalog=None, images=None):
        """As `Generator.make`; site and size are those of real lesions of the kind.

        They are drawn among the training images of the diagnosis.
        """
        conditions = np.repeat(*cells, axis=0)
        generator = np.random.default_rng([seed, 1])
        known = {} if catalog is None else _words_by_diagnosis(catalog)
        texts = []
        for condition in conditions:
            diagnosis, tone = condition_of(condition)
            rows = known.get(diagnosis, [{}])
            more = rows[generator.integers(len(rows))]
            texts.append(self.captions.of_condition(0, diagnosis, tone, more))
        return Made(self.images_of(texts, seed), conditions)

    def images_of(self, texts, seed):
        """Images of captions.

        Args:
            texts: Captions, or any other prompts.
            seed: Integer seed; noise and guidance of an image are functions of it and
                of the place of its caption.

        Returns:
            uint8 array (n, side, side, 3), RGB.
        """
        settings = self.settings
        shape = self.unet.input_shape[0][1:]
        side = shape[0] * 8
        images = np.empty((len(texts), side, side, 3), "uint8")
        null = self.networks.embedded([""])
        starts = range(0, len(texts), N_AT_ONCE)
        n_calls = settings.n_inference_steps + (settings.scheduler == "pndm")
        with Progress(transient=True) as progress:
            task = progress.add_task("Sampling", total=n_calls * len(starts))
            for start in starts:
                part = range(start, min(start + N_AT_ONCE, len(texts)))
                generators = [np.random.default_rng([seed, 0, i]) for i in part]
                noise = [g.standard_normal(shape, dtype="float32") for g in generators]
                words = self.networks.embedded([texts[i] for i in part])
                latents = sampled_latents(
                    self._predictor(words, null),
                    np.stack(noise),
                    settings.scheduler,
                    settings.n_inference_steps,
                    [g.uniform(*settings.guidance) for g in generators],
                    lambda: progress.advance(task),
                )
                images[part] = to_pixels(self.networks.decoded(latents))
        return images

    def _predictor(self, words, null):
        """Function of latents and a timestep to noise with and without a prompt."""
        plain = np.repeat(null, len(words), axis=0)
        noise_of = self._noise_of if self.run_eagerly else self._compiled_noise

        def noise(latents, timestep, context):
            timesteps = tf.fill([len(latents)], timestep)
            return noise_of(latents, timesteps, tf.constant(context))

        def together(latents, timestep):
            latents = tf.constant(np.concatenate([latents, latents]))
            both = noise(latents, timestep, np.concatenate([words, plain]))
            return np.split(both.numpy(), 2)

        def apart(latents, timestep):
            latents = tf.constant(latents)
            prompted = noise(latents, timestep, words).numpy()
            activate(self.unet, None)
            try:
                return prompted, noise(latents, timestep, plain).numpy()
            finally:
                activate(self.unet, ADAPTER)

        return together if self.settings.adapted_null else apart

    def watch(self, catalog, images, seed=0):
        """Stops where a loss is not finite: sampling takes too long to look at more."""
        return _WatchLosses()

    def counterparts(self, catalog, images, n, seed=0, balance=0.0):
        """As `Generator.counterparts`, of at most 256 images."""
        return super().counterparts(
            catalog, images, min(n, MOST_MEASURED), seed, balance
        )

    def sample_grid(self, catalog, images, directory, seed=0):
        """One image each of the cells with most training images, at most four."""
        cells, counts = np.unique(
            condition_indices(catalog), axis=0, return_counts=True
        )
        shown_cells = cells[np.argsort(-counts, kind="stable")[:N_SHOWN]]
        return SampleGrid(
            directory, lambda: self.sample(shown_cells, seed), len(shown_cells)
        )

    def save_state(self, path):
        """Write the adapter, what its optimizer keeps, and the state of the dropout."""
        save_training(self.unet, ADAPTER, self.optimizer, path)

    def load_state(self, path):
        load_training(self.unet, ADAPTER, self.optimizer, path)

    def write_for_others(self, directory):
        """Write the adapter as Diffusers reads it: pytorch_lora_weights.safetensors."""
        write_diffusers_adapter(self.unet, ADAPTER, directory / FILE)


class _WatchLosses(StopOnCollapse):
    """`StopOnCollapse` that looks at losses alone."""

    def __init__(self):
        keras.callbacks.Callback.__init__(self)
        self.reason = None
        self.epochs_collapsed = 0

    def on_epoch_end(self, epoch, logs=None):
        """Nothing to look at."""


def _words_by_diagnosis(catalog):
    """Site and size of the rows of a catalog, lists by diagnosis."""
    known = {}
    for row in catalog.table.to_dict("records"):
        words = row_words(row)
        more = {name: words[name] for name in ("photograph", "site", "size")}
        known.setdefault(row["diagnosis"], []).append(more)
    return known
