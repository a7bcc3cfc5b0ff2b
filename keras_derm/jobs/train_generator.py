"""Train a generator on the training images."""

import dataclasses
import shutil
import sys

import keras
import tensorflow as tf

from keras_derm.catalog.tasks import check_any_task
from keras_derm.evaluation.image_quality.feature_distances import (
    kernel_distance,
    neighbourhood_metrics,
)
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.files import short_digest, write_json
from keras_derm.generative import (
    AdapterScope,
    SampleBoard,
    best_state_file,
    generator_class,
    masked_images,
    train,
)
from keras_derm.jobs.multi_worker_stage import MultiWorkerStage
from keras_derm.jobs.precisions import measured_precision
from keras_derm.layers import preparation
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.settings import PrepareDatasetSettings, TrainGeneratorSettings
from keras_derm.training import default_strategy

N_MEASURED = 1000
N_NEIGHBOURS = 5
STATE_SUFFIXES = (".keras", ".h5", ".npz", ".safetensors")


class TrainGenerator(MultiWorkerStage):
    """Train a generator on the real training images, and on no others.

    Example:
        >>> run_stage("train_generator", "runs/first", generator="cyclegan")
    """

    Settings = TrainGeneratorSettings
    after = ("prepare_dataset",)
    writes = ("generator",)
    keeps = (
        *(f"generator/*{end}" for end in STATE_SUFFIXES),
        "generator/*/adapter.safetensors",
    )

    @property
    def extends(self):
        further = self.settings.generator.EXTENDS
        adapter = ("adapt", "where")
        epochs = ("epochs",) if "n_steps" in further else ()
        return ("patience", "max_minutes", "tensorboard", *adapter, *further, *epochs)

    def check(self):
        if self.run.done("prepare_dataset"):  # else the stage says so
            rows = self.run.catalog.split("train")
            check_any_task(rows)
            if self.settings.where is not None:
                AdapterScope.rows(rows, self.settings.where)
            self.settings = with_steps(self.settings, rows)
            self.settings = with_precision(self.run, self.settings)
        if self.workers is not None:
            _check_together(self.settings, self.workers)

    def make(self):
        self._train(self.run.generator)

    def _strategy(self):
        """Of several workers each has a plain model of its own."""
        return tf.distribute.get_strategy() if self.workers else default_strategy()

    def _train(self, folder):
        """Train in a folder, of which the chief's is kept."""
        settings = self.settings
        kind, options = generator_class(settings.generator.name), settings.generator
        keras.utils.set_random_seed(settings.seed)
        rows = kind.training_rows(options, self.run.catalog.split("train"))
        prepared = PreparedImages.load(self.run.prepared_real)
        if self.workers is not None:
            ids = "\n".join(rows.table["isic_id"]).encode()
            self.workers.check_same({"images": short_digest(ids)})
        with self._strategy().scope():
            generator = built_generator(settings)
        images = training_images(self.run, settings, prepared, rows, folder)
        described = {"name": options.name, "text": kind.description(options)}
        write_json(folder / "description.json", described)
        measure, callbacks = None, []
        if settings.tensorboard:
            callbacks.append(SampleBoard(folder / "tensorboard", folder / "samples"))
        if settings.feature_weights is not None:
            extractor = feature_extractor(settings.feature_weights)
            measure = distance_measure(
                generator, extractor, rows, images, settings.seed
            )
        common = {
            "steps_per_epoch": settings.steps_per_epoch,
            "seed": settings.seed,
            "verbose": "auto" if sys.stdout.isatty() else 2,
            "workers": self.workers,
        }
        train(
            generator,
            rows,
            images,
            folder,
            options,
            n_steps=settings.n_steps,
            measure=measure,
            measure_every=settings.measure_every,
            patience=settings.patience,
            max_minutes=settings.max_minutes,
            callbacks=callbacks,
            **common,
        )
        if self.workers is not None:
            folder = self.workers.folder(folder)  # the best is known to the chief alone
        best = best_state_file(folder, generator.STATE_SUFFIX)
        if best.exists():
            generator.load_state(best)
            generator.write_for_others(folder)
        if settings.adapt is not None:
            self._adapt(generator, prepared, rows, folder / settings.adapt, common)

    def _adapt(self, generator, prepared, rows, folder, common):
        """Train an adapter on the rows it is to learn, and write it by itself."""
        settings = self.settings
        chosen, scope = AdapterScope.rows(rows, settings.where)
        if AdapterScope.load(folder) not in (None, scope):
            shutil.rmtree(folder)  # it learned other rows
        scope.save(folder)
        print(f"adapting to {len(chosen):,} images: {settings.where}", flush=True)
        with self._strategy().scope():
            adapted = generator.adapted(settings.generator, settings.seed)
        images = training_images(self.run, settings, prepared, chosen, folder.parent)
        options = settings.generator.lora
        n_steps = options.n_steps
        train(adapted, chosen, images, folder, options, n_steps=n_steps, **common)
        adapted.write_for_others(folder)


def with_precision(run, settings):
    """Settings of a training in which the precision is decided.

    Args:
        run: `RunDirectory`.
        settings: `TrainGeneratorSettings`.
    """
    if settings.precision != "auto":
        return settings
    options = settings.generator
    kind = generator_class(options.name)
    network = {
        "generator": options.to_dict(),
        "image_size": settings.image_size,
    }
    precision, _ = measured_precision(
        run,
        options.name,
        network,
        lambda: kind.timed_network(options, settings.image_size),
        options.batch_size,
        kind.PRECISIONS,
    )
    return dataclasses.replace(settings, precision=precision)


def _check_together(settings, workers):
    """Refuse what several workers cannot do.

    Args:
        settings: `TrainGeneratorSettings`.
        workers: `Workers`.

    Raises:
        ValueError: XLA is asked for, or the settings are not the chief's.
    """
    if settings.jit_compile:
        raise ValueError(
            "XLA cannot compile a step of several workers: train without jit_compile. "
            f"Received: jit_compile=True, {workers.count} workers"
        )
    workers.check_same(settings.to_dict())


def training_images(run, settings, prepared, rows, folder=None):
    """Function from positions to the images that a generator is trained on.

    Args:
        run: `RunDirectory`.
        settings: `TrainGeneratorSettings`.
        prepared: `PreparedImages` of the run.
        rows: `Catalog` of the rows.
        folder: Where masks are kept, where the generator is told them; by default
            that of the generator of the run.

    Returns:
        Function of an int array (n,), giving uint8 (n, side, side, 3), with the mask of
        the lesion as a fourth channel where the generator is told it.
    """
    images = resized_images(prepared, rows, settings.image_size)
    if not generator_class(settings.generator.name).wants_masks(settings.generator):
        return images
    chain = preparation(
        run.settings(PrepareDatasetSettings).preset, settings.image_size
    )
    folder = (folder or run.generator) / f"masks_{len(rows)}"
    return masked_images(images, rows, chain, folder)


def with_steps(settings, catalog):
    """Settings of a training in which its steps follow from its epochs.

    Args:
        settings: `TrainGeneratorSettings`.
        catalog: `Catalog` of the training rows.
    """
    if settings.epochs is None:
        return settings
    kind = generator_class(settings.generator.name)
    steps = kind.steps_of_an_epoch(settings.generator, catalog)
    return dataclasses.replace(
        settings, n_steps=settings.epochs * steps, steps_per_epoch=steps
    )


def built_generator(settings):
    """The generator of a run, with new weights.

    Args:
        settings: `TrainGeneratorSettings`.

    Returns:
        Compiled `Generator`.
    """
    return generator_class(settings.generator.name).from_settings(
        settings.generator,
        settings.image_size,
        settings.n_steps,
        settings.seed,
        settings.gradient_accumulation,
        settings.precision,
        settings.jit_compile,
    )


def distance_measure(generator, extractor, rows, images, seed):
    """Function that measures how far made images are from training images.

    Both are of the same conditions, among which rare diagnoses have a part, as in
    training; distances are of features. Beside the distance stand precision, recall
    and coverage, see `neighbourhood_metrics`.
    """
    real, make = generator.counterparts(rows, images, N_MEASURED, seed, balance=0.5)
    real = extractor(real)

    def measure():
        made = extractor(make())
        mean, deviation = kernel_distance(real, made)
        measured = {"kernel_distance": mean, "kernel_distance_deviation": deviation}
        if len(real) <= N_NEIGHBOURS:
            return measured
        neighbours = neighbourhood_metrics(real, made, N_NEIGHBOURS)
        return measured | {
            n: neighbours[n] for n in ("precision", "recall", "coverage")
        }

    return measure
