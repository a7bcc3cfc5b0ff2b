"""Train a generator on the training images."""

import sys

import keras

from keras_derm.catalog.tasks import check_any_task
from keras_derm.evaluation.image_quality.feature_distances import kernel_distance
from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.files import write_json
from keras_derm.generative import SampleBoard, generator_class, train
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.runs import Stage
from keras_derm.settings import TrainGeneratorSettings
from keras_derm.training import default_strategy

N_MEASURED = 1000


class TrainGenerator(Stage):
    """Train a generator on the real training images, and on no others.

    Example:
        >>> run_stage("train_generator", "runs/first", generator="cyclegan")
    """

    Settings = TrainGeneratorSettings
    after = ("prepare_dataset",)
    writes = ("generator",)
    keeps = ("generator/*.keras", "generator/*.h5", "generator/*.npz")

    @property
    def extends(self):
        further = self.settings.generator.EXTENDS
        return ("patience", "max_minutes", "tensorboard", *further)

    def check(self):
        if self.run.done("prepare_dataset"):  # else the stage says so
            check_any_task(self.run.catalog.split("train"))

    def make(self):
        settings, folder = self.settings, self.run.generator
        kind, options = generator_class(settings.generator.name), settings.generator
        keras.utils.set_random_seed(settings.seed)
        rows = kind.training_rows(options, self.run.catalog.split("train"))
        prepared = PreparedImages.load(self.run.prepared_real)
        with default_strategy().scope():
            generator = built_generator(settings)
        images = resized_images(prepared, rows, settings.image_size)
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
        train(
            generator,
            rows,
            images,
            folder,
            options,
            n_steps=settings.n_steps,
            steps_per_epoch=settings.steps_per_epoch,
            seed=settings.seed,
            measure=measure,
            measure_every=settings.measure_every,
            patience=settings.patience,
            max_minutes=settings.max_minutes,
            callbacks=callbacks,
            verbose="auto" if sys.stdout.isatty() else 2,
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
    training; distances are of features.
    """
    real, make = generator.counterparts(rows, images, N_MEASURED, seed, balance=0.5)
    real = extractor(real)

    def measure():
        mean, deviation = kernel_distance(real, extractor(make()))
        return {"kernel_distance": mean, "kernel_distance_deviation": deviation}

    return measure
