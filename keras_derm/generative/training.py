"""Train a generator on training rows only, and go on where it stopped."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_derm.generative.callbacks import (
    ImagesPerSecond,
    KeepBest,
    SampleGrid,
    SaveWhenSound,
    StopOnCollapse,
    StopOnTranslationCollapse,
    TimeLimit,
    TranslationGrid,
)
from keras_derm.generative.conditions import condition_indices
from keras_derm.generative.domains import benign_and_malignant

MODEL_FILE = "generator.keras"
HISTORY_FILE = "history.csv"
N_WATCHED = 128
N_SHOWN = 8


class GeneratorCollapse(RuntimeError):
    """Training was stopped: a loss was not finite or the samples became alike."""


def sampling_weights(diagnosis, balance=0.5):
    """Probability of drawing each image, so that rare diagnoses are seen more often.

    Args:
        diagnosis: Integers (n,).
        balance: 0 draws images as they come, 1 all diagnoses equally often, 0.5 in
            proportion to the root of their counts.

    Returns:
        float array (n,) that sums to 1.
    """
    if not 0 <= balance <= 1:
        raise ValueError(f"`balance` must lie in [0, 1]. Received: balance={balance}")
    weights = np.bincount(diagnosis)[diagnosis].astype("float64") ** -balance
    return weights / weights.sum()


def training_dataset(catalog, images, batch_size=64, balance=0.5, seed=0, first_step=0):
    """Endless batches for `fit` of a conditional generator.

    Batch t is a function of `seed` and t alone, so that a training that starts again
    at `first_step` sees what it would have seen.

    Args:
        catalog: `Catalog` of real training rows.
        images: Their images, anything that gives uint8 (batch, side, side, 3) for an
            int array of positions: an array, a memmap, or `PreparedImages.take`.
        batch_size: Images a batch, over all replicas.
        balance: See `sampling_weights`.
        seed: Integer seed of the order.
        first_step: Number of batches to leave out at the start.

    Returns:
        `tf.data.Dataset` of (images uint8, diagnosis int32, skin tone int32).

    Raises:
        CatalogError: If a row is held out (`val`, `test`) or synthetic.
    """
    catalog.require_training_only()
    catalog.require_real()
    conditions = condition_indices(catalog)
    weights = sampling_weights(conditions[:, 0], balance)
    take = images if callable(images) else images.__getitem__
    shape = take(np.array([0])).shape[1:]

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(conditions), batch_size, p=weights)
        return take(rows).astype("uint8"), conditions[rows, 0], conditions[rows, 1]

    def load(step):
        types = (tf.uint8, tf.int32, tf.int32)
        batch, diagnosis, tone = tf.numpy_function(draw, [step], types)
        return (
            tf.ensure_shape(batch, (batch_size, *shape)),
            tf.ensure_shape(diagnosis, (batch_size,)),
            tf.ensure_shape(tone, (batch_size,)),
        )

    return _steps(load, first_step)


def translation_dataset(
    catalog, images, batch_size=1, diagnosis="MEL", seed=0, first_step=0
):
    """Endless batches for `CycleGAN.fit`, with as many benign as malignant images.

    The larger domain is undersampled: in each pass every image of the smaller one
    comes once, beside as many of the other, drawn anew. Batch t is a function of
    `seed` and t alone.

    Args:
        catalog: `Catalog` of real training rows.
        images: See `training_dataset`.
        batch_size: Images of each domain in a batch, over all replicas.
        diagnosis: See `benign_and_malignant`.
        seed: Integer seed of the order.
        first_step: Number of batches to leave out at the start.

    Returns:
        `tf.data.Dataset` of (benign images, malignant images), uint8.

    Raises:
        CatalogError: If a row is held out (`val`, `test`) or synthetic, or a domain
            is empty.
    """
    catalog.require_training_only()
    catalog.require_real()
    domains = benign_and_malignant(catalog, diagnosis)
    n_images = min(len(rows) for rows in domains)
    take = images if callable(images) else images.__getitem__
    shape = take(np.array([0])).shape[1:]

    def row(domain, position):
        turn, place = divmod(position, n_images)
        generator = np.random.default_rng([seed, domain, turn])
        return generator.permutation(domains[domain])[place]

    def draw(step):
        positions = range(int(step) * batch_size, (int(step) + 1) * batch_size)
        return [
            take(np.array([row(domain, position) for position in positions]))
            for domain in range(2)
        ]

    def load(step):
        batches = tf.numpy_function(draw, [step], (tf.uint8, tf.uint8))
        return tuple(tf.ensure_shape(batch, (batch_size, *shape)) for batch in batches)

    return _steps(load, first_step)


def _steps(load, first_step):
    steps = tf.data.Dataset.range(first_step, np.iinfo("int64").max)
    return steps.map(load, num_parallel_calls=2).prefetch(2)


def train_generator(
    model,
    catalog,
    images,
    directory,
    n_steps=2000,
    steps_per_epoch=100,
    batch_size=64,
    balance=0.5,
    seed=0,
    measure=None,
    measure_every=5,
    patience=0,
    max_minutes=None,
    callbacks=(),
    verbose="auto",
):
    """Train a compiled conditional generator, or go on with the one in `directory`.

    After every epoch `directory` holds `generator.keras` (networks, averages, all
    optimizers), a line more in `history.csv`, and a grid of samples in `samples/`.
    A training killed and started again continues after its last whole epoch as if
    it had not been interrupted.

    Args:
        model: Compiled `SNGAN` or `ConditionalWGANGP`, used where `directory` holds
            no model yet.
        catalog: `Catalog` of real training rows.
        images: See `training_dataset`.
        directory: Where the training keeps its files.
        n_steps: Training steps in all, a multiple of `steps_per_epoch`.
        steps_per_epoch: Steps between two savings.
        batch_size: Images of one update, over all replicas; a step takes
            `model.batches_per_step` times as many.
        balance: See `sampling_weights`.
        seed: Integer seed of the order of images.
        measure: Function of the model to a dictionary of floats, see `KeepBest`. The
            model of the least value then lies in `best.keras`.
        measure_every: Epochs between two measurements.
        patience: Measurements without a new best that end training; 0 for none.
        max_minutes: Minutes of training, over all restarts, that end it after the
            epoch; None for no limit.
        callbacks: Further Keras callbacks.
        verbose: As in `keras.Model.fit`.

    Returns:
        The trained model.

    Raises:
        CatalogError: If a row is held out or synthetic.
        GeneratorCollapse: If training was stopped, with the reason. The last sound
            model stays in `directory`.
    """
    catalog.require_training_only()
    model = _resumed(model, directory)
    images_per_step = batch_size * model.batches_per_step
    cells = np.unique(condition_indices(catalog), axis=0)
    return _fit(
        model,
        training_dataset(
            catalog, images, images_per_step, balance, seed, model.steps_done
        ),
        images_per_step,
        directory,
        n_steps,
        steps_per_epoch,
        _watch(catalog, images, seed),
        SampleGrid(Path(directory) / "samples", cells, seed=seed),
        _best(directory, measure, measure_every, patience),
        max_minutes,
        callbacks,
        verbose,
    )


def train_translator(
    model,
    catalog,
    images,
    directory,
    n_steps=2000,
    steps_per_epoch=100,
    batch_size=1,
    diagnosis="MEL",
    seed=0,
    measure=None,
    measure_every=5,
    patience=0,
    max_minutes=None,
    callbacks=(),
    verbose="auto",
):
    """Train a compiled `CycleGAN`, or go on with the one in `directory`.

    What is saved is that of `train_generator`; the pictures in `samples/` are benign
    images above their translations.

    Args:
        model: Compiled `CycleGAN`, used where `directory` holds no model yet.
        catalog: `Catalog` of real training rows.
        images: See `training_dataset`.
        directory: Where the training keeps its files.
        n_steps: Training steps in all, a multiple of `steps_per_epoch`.
        steps_per_epoch: Steps between two savings.
        batch_size: Images of each domain in a step, over all replicas.
        diagnosis: See `benign_and_malignant`.
        seed: Integer seed of the order of images.
        measure: Function of the model to a dictionary of floats, see `KeepBest`. The
            model of the least value then lies in `best.keras`.
        measure_every: Epochs between two measurements.
        patience: Measurements without a new best that end training; 0 for none.
        max_minutes: Minutes of training, over all restarts, that end it after the
            epoch; None for no limit.
        callbacks: Further Keras callbacks.
        verbose: As in `keras.Model.fit`.

    Returns:
        The trained model.

    Raises:
        CatalogError: If a row is held out or synthetic, or a domain is empty.
        GeneratorCollapse: If training was stopped, with the reason. The last sound
            model stays in `directory`.
    """
    catalog.require_training_only()
    model = _resumed(model, directory)
    take = images if callable(images) else images.__getitem__
    generator = np.random.default_rng(seed)
    benign, malignant = (
        take(np.sort(generator.permutation(rows)[:N_WATCHED]))
        for rows in benign_and_malignant(catalog, diagnosis)
    )
    return _fit(
        model,
        translation_dataset(
            catalog, images, batch_size, diagnosis, seed, model.steps_done
        ),
        2 * batch_size,
        directory,
        n_steps,
        steps_per_epoch,
        StopOnTranslationCollapse(malignant, benign),
        TranslationGrid(Path(directory) / "samples", benign[:N_SHOWN]),
        _best(directory, measure, measure_every, patience),
        max_minutes,
        callbacks,
        verbose,
    )


def best_model_file(directory):
    """The model that a training measured as its best, else the one it ended with.

    Args:
        directory: Where the training kept its files.

    Returns:
        Path of a `.keras` file.
    """
    best = Path(directory) / KeepBest.BEST_FILE
    return best if best.is_file() else Path(directory) / MODEL_FILE


def _best(directory, measure, every, patience):
    if measure is None:
        if patience:
            raise ValueError(
                f"`patience` needs `measure`. Received: patience={patience}"
            )
        return []
    return [KeepBest(directory, measure, every, patience)]


def _resumed(model, directory):
    """The model that an earlier training left in `directory`, else `model`."""
    path = Path(directory) / MODEL_FILE
    if not path.is_file():
        return model
    with model.distribute_strategy.scope():
        return keras.models.load_model(path)


def _fit(
    model,
    dataset,
    images_per_step,
    directory,
    n_steps,
    steps_per_epoch,
    watch,
    grid,
    best,
    max_minutes,
    callbacks,
    verbose,
):
    """Train up to `n_steps`, saving model, grid and history after every epoch."""
    if n_steps < steps_per_epoch or n_steps % steps_per_epoch:
        raise ValueError(
            "`n_steps` must be a multiple of `steps_per_epoch`. "
            f"Received: n_steps={n_steps}, steps_per_epoch={steps_per_epoch}"
        )
    if model.steps_done > n_steps:
        raise ValueError(
            f"{directory} holds a model of {model.steps_done} steps, more than are "
            f"asked for; remove it to begin anew. Received: n_steps={n_steps}"
        )
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    limit = TimeLimit(max_minutes, _minutes_spent(directory, steps_per_epoch, model))
    model.fit(
        dataset,
        epochs=n_steps // steps_per_epoch,
        initial_epoch=model.steps_done // steps_per_epoch,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the data set is in the order it shall be in
        verbose=verbose,
        callbacks=[
            watch,
            grid,
            ImagesPerSecond(images_per_step),
            limit,
            *best,
            SaveWhenSound(directory / MODEL_FILE, watch),
            keras.callbacks.CSVLogger(directory / HISTORY_FILE, append=True),
            *callbacks,
        ],
    )
    if watch.reason is not None:
        raise GeneratorCollapse(
            f"training was stopped: {watch.reason}. The last sound model is in "
            f"{directory}; a lower learning rate or another seed may help."
        )
    if limit.reached:
        print(f"stopped after {max_minutes:g} minutes, at step {model.steps_done}")
    elif any(callback.stalled for callback in best):
        print(f"stopped at step {model.steps_done}: no better images for a while")
    return model


def _minutes_spent(directory, steps_per_epoch, model):
    """Minutes that the epochs in the saved model have taken."""
    path = directory / HISTORY_FILE
    epochs_done = model.steps_done // steps_per_epoch
    if not path.is_file() or epochs_done == 0:
        return 0.0
    if not path.stat().st_size:  # killed before the first row
        return 0.0
    history = pd.read_csv(path)
    done = history.loc[history["epoch"] < epochs_done, "training_minutes"]
    return float(done.max()) if len(done) else 0.0


def _watch(catalog, images, seed):
    """`StopOnCollapse` against some of the training images."""
    take = images if callable(images) else images.__getitem__
    generator = np.random.default_rng(seed)
    n_watched = min(N_WATCHED, len(catalog))
    rows = np.sort(generator.choice(len(catalog), n_watched, replace=False))
    return StopOnCollapse(take(rows), condition_indices(catalog)[rows], seed=seed)
