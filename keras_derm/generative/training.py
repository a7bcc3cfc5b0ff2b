"""Train a generator on training rows only, and go on where it stopped."""

from pathlib import Path

import keras
import pandas as pd
import tensorflow as tf

from keras_derm.generative.callbacks import (
    KeepBest,
    SaveWhenSound,
    TrainingClock,
)
from keras_derm.generative.replicas import among
from keras_derm.training import (
    StopWithChief,
    SynchronizeWorkers,
    average_gradients,
)
from keras_derm.training.errors import translate_tensorflow_errors

STATE_NAME = "generator"
HISTORY_FILE = "history.csv"


class GeneratorCollapse(RuntimeError):
    """Training was stopped: a loss was not finite or the samples became alike.

    Example:
        >>> try:
        ...     train(generator, catalog, images, directory, settings)
        ... except GeneratorCollapse as collapse:
        ...     print(collapse)
    """


def train(
    generator,
    catalog,
    images,
    directory,
    settings,
    n_steps=2000,
    steps_per_epoch=100,
    seed=0,
    measure=None,
    measure_every=5,
    patience=0,
    max_minutes=None,
    callbacks=(),
    verbose="auto",
    workers=None,
):
    """Train a generator, or go on with the training that `directory` holds.

    After every epoch `directory` holds the state to go on from (`generator.keras` for
    a generator that saves the whole model), a line more in `history.csv`, and a grid
    of samples in `samples/`. A training killed and started again continues after its
    last whole epoch as if it had not been interrupted.

    Args:
        generator: Compiled `Generator`. It takes the state that `directory` holds.
        catalog: `Catalog` of real training rows.
        images: See `training_dataset`.
        directory: Where the training keeps its files.
        settings: What the generator was built of: its `Settings`.
        n_steps: Training steps in all, a multiple of `steps_per_epoch`.
        steps_per_epoch: Steps between two savings.
        seed: Integer seed of the order of images.
        measure: Function without arguments that measures the generator as it now is:
            a dictionary of floats, see `KeepBest`. The state of the least value then
            lies in `best.keras`.
        measure_every: Epochs between two measurements.
        patience: Measurements without a new best that end training; 0 for none.
        max_minutes: Minutes of training, over all restarts, that end it after the
            epoch; None for no limit.
        callbacks: Further Keras callbacks.
        verbose: As in `keras.Model.fit`.
        workers: `keras_derm.training.Workers` that train it together, each on its
            part of every batch, or None. The first alone samples, measures and keeps
            what `directory` shall hold; the others follow it, in folders that do not
            stay.

    Returns:
        The generator, trained.

    Raises:
        CatalogError: If a row is held out or synthetic, or the generator lacks images
            of a kind that it needs.
        GeneratorCollapse: If training was stopped, with the reason. The last sound
            state stays in `directory`.
    """
    catalog.require_training_only()
    directory = Path(directory) if workers is None else workers.folder(directory)
    resume(generator, directory)
    _check_steps(generator, directory, n_steps, steps_per_epoch)
    directory.mkdir(parents=True, exist_ok=True)
    generator.begin(directory)
    if not generator.steps_done:
        generator.prepare(catalog, images, settings, seed)
    dataset = generator.dataset(catalog, images, settings, seed, generator.steps_done)
    together = []
    if workers is not None:
        dataset = _share(dataset, workers)
        together = _train_together(generator, workers)
    watch = generator.watch(catalog, images, seed)
    watch.at_batches = workers is None
    best = _best(directory, measure, measure_every, patience)
    clock = TrainingClock(
        generator.images_per_step(settings),
        max_minutes,
        _minutes_spent(directory, steps_per_epoch, generator),
    )
    watching = [
        watch,
        generator.sample_grid(catalog, images, directory / "samples", seed),
        clock,
        *best,
        SaveWhenSound(_state_file(generator, directory, STATE_NAME), watch),
        keras.callbacks.CSVLogger(directory / HISTORY_FILE, append=True),
        *callbacks,
    ]
    is_chief = workers is None or workers.is_chief
    with translate_tensorflow_errors(f"the training in {directory}", workers):
        generator.fit(
            dataset,
            epochs=n_steps // steps_per_epoch,
            initial_epoch=generator.steps_done // steps_per_epoch,
            steps_per_epoch=steps_per_epoch,
            shuffle=False,  # the data set is in the order it shall be in
            verbose=verbose if is_chief else 0,
            callbacks=[
                *together[:1],
                *(watching if is_chief else []),
                *together[1:],
            ],
        )
    reason = watch.reason if workers is None else workers.agree(watch.reason)
    if reason is not None:
        raise GeneratorCollapse(
            f"training was stopped: {reason}. The last sound model is in "
            f"{directory}; a lower learning rate or another seed may help."
        )
    if clock.limit_reached:
        print(f"stopped after {max_minutes:g} minutes, at step {generator.steps_done}")
    elif any(callback.stalled for callback in best):
        print(f"stopped at step {generator.steps_done}: no better images for a while")
    return generator


def _share(dataset, workers):
    """The part of every batch that this worker trains on."""
    first = tf.nest.flatten(dataset.element_spec)[0]
    workers.share(first.shape[0])  # refuses what cannot be shared out evenly

    def part(values):
        n_images = values.shape[0] // workers.count
        return values[workers.index * n_images : (workers.index + 1) * n_images]

    return dataset.map(lambda *batch: tf.nest.map_structure(part, batch))


def _train_together(generator, workers):
    """Have the steps of a generator be those of all workers.

    Returns:
        Two callbacks: the first to come before all others, the second after them.
    """
    for optimizer in generator.optimizers:
        average_gradients(optimizer, workers)
    step = generator.train_step

    def step_together(data):
        with among(workers):
            return step(data)

    generator.train_step = step_together
    synchronize = SynchronizeWorkers(workers, generator.optimizers)
    return synchronize, StopWithChief(workers)


def resume(generator, directory):
    """Give a generator the state that `directory` holds, if any, and return it."""
    path = _state_file(generator, directory, STATE_NAME)
    if path.exists():
        generator.load_state(path)
    return generator


def load_best(generator, directory):
    """Give a generator the state that was measured as the best, else the last one.

    It was built of the same settings as the one that `directory` is of, and returned,
    with the adapters that the training made.
    """
    generator.load_state(best_state_file(directory, generator.STATE_SUFFIX))
    generator.load_adapters(directory)
    return generator


def best_state_file(directory, suffix=".keras"):
    """Path of the state that a training measured as its best, else of the last.

    Args:
        directory: Where the training kept its files.
        suffix: The `STATE_SUFFIX` of the generator; `.keras` is a whole Keras model.
    """
    best = Path(directory) / f"{KeepBest.BEST_NAME}{suffix}"
    return best if best.exists() else Path(directory) / f"{STATE_NAME}{suffix}"


def _state_file(generator, directory, name):
    return Path(directory) / f"{name}{generator.STATE_SUFFIX}"


def _check_steps(generator, directory, n_steps, steps_per_epoch):
    if n_steps < steps_per_epoch or n_steps % steps_per_epoch:
        raise ValueError(
            "`n_steps` must be a multiple of `steps_per_epoch`. "
            f"Received: n_steps={n_steps}, steps_per_epoch={steps_per_epoch}"
        )
    if generator.steps_done > n_steps:
        raise ValueError(
            f"{directory} holds a model of {generator.steps_done} steps, more than are "
            f"asked for; remove it to begin anew. Received: n_steps={n_steps}"
        )


def _best(directory, measure, every, patience):
    if measure is None:
        if patience:
            raise ValueError(
                f"`patience` needs `measure`. Received: patience={patience}"
            )
        return []
    return [KeepBest(directory, measure, every, patience)]


def _minutes_spent(directory, steps_per_epoch, generator):
    """Minutes that the epochs in the saved state have taken."""
    path = directory / HISTORY_FILE
    epochs_done = generator.steps_done // steps_per_epoch
    if not path.is_file() or epochs_done == 0:
        return 0.0
    if not path.stat().st_size:  # killed before the first row
        return 0.0
    history = pd.read_csv(path)
    done = history.loc[history["epoch"] < epochs_done, "training_minutes"]
    return float(done.max()) if len(done) else 0.0
