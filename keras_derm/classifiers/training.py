"""Train one classifier so that a killed run goes on where it was."""

import contextlib
import re
import sys
from pathlib import Path

import keras
import tensorflow as tf

from keras_derm.classifiers.backbones import freeze
from keras_derm.classifiers.optimization import (
    MONITORS,
    SCHEDULES,
    build_optimizer,
    epochs_since_best,
    warm_cosine,
)
from keras_derm.classifiers.training_callbacks import (
    BestModel,
    DropoutSeed,
    EarlyStopping,
    OnAverages,
    PlateauLearningRate,
    SaveState,
    ValidationScores,
    read_history,
)
from keras_derm.classifiers.workers import ABORTED, InStep, average_gradients, gone

STATE_NAME = "state.keras"
"""What a training that is stopped goes on from."""

CAUSE = re.compile(r"\w+Error: .*|OOM when .*")
"""The line of TensorFlow's account that says what happened."""


HEAD_STATE_NAME = "head_state.keras"
"""What it goes on from while the head alone learns."""


class UnreadableData(RuntimeError):
    """Images could not be read: what to mend is said, and training again goes on."""


def train_classifier(
    model,
    train,
    validation,
    directory,
    *,
    epochs,
    steps_per_epoch,
    learning_rate=1e-3,
    weight_decay=1e-4,
    warmup_fraction=0.1,
    clip_norm=1.0,
    loss=None,
    optimizer="adamw",
    schedule="cosine",
    monitor="val_auc",
    plateau_factor=0.5,
    plateau_patience=3,
    min_learning_rate=1e-7,
    early_stopping=None,
    head_epochs=0,
    steps_per_execution=1,
    ema_momentum=None,
    unaugmented=None,
    workers=None,
):
    """Fit `model`; by default with AdamW, a linear warm-up and a cosine decay.

    After each epoch the state is kept in `directory/state.keras`, the figures in
    `directory/history.csv`, and the weights with the best macro AUC on validation
    in `directory/model.keras`. A run started again goes on at the epoch it had
    reached and ends with the weights of one that was never stopped.

    Args:
        model: Classifier from `build_classifier`; one built under a mixed dtype policy
            trains in it, with its loss scaled where that is mixed_float16. What is kept
            computes in float32; the figures of the history are of the mixed model.
        train: `tf.data.Dataset` of `(images, one-hot targets, sample weights)` that
            repeats, in an order that is the same whenever the program is run. Or a
            function that gives it without its first n batches, for n: a training that
            goes on after many epochs need not read these, as `skip` does.
        validation: `tf.data.Dataset` of `(images, one-hot targets)`.
        directory: Where model and history go.
        epochs: Epochs in all.
        steps_per_epoch: Optimizer steps an epoch, a multiple of `steps_per_execution`.
        learning_rate: Peak of the schedule.
        weight_decay: Weight decay of the optimizer.
        warmup_fraction: Part of all steps that cosine spends warming up.
        clip_norm: Largest global norm of the gradient, None for any.
        loss: `keras.losses.Loss` of one-hot targets and probabilities, such as
            `classification_loss` gives; categorical cross-entropy by default.
        optimizer: adamw, adam or adadelta; see `build_optimizer`.
        schedule: cosine; plateau, which multiplies the rate by `plateau_factor` when
            the monitored figure has not improved for some epochs; or constant.
        monitor: val_auc, val_accuracy or val_loss: what plateau and early stopping
            watch.
        plateau_factor: Factor of the learning rate, in (0, 1).
        plateau_patience: Epochs without progress after which it is applied.
        min_learning_rate: Rate below which plateau does not go.
        early_stopping: End after so many epochs without progress, or None.
        head_epochs: Of all epochs, those at the beginning in which only the layers
            behind the layer "pooling" learn, at a constant rate, while the others
            keep their weights and BatchNormalization its moving statistics. After
            them all layers learn with an optimizer that begins anew: one that had
            counted these steps would take its first moments of the other layers for
            converged and make steps several times too long. Schedule and early
            stopping count from there.
        steps_per_execution: Steps that TensorFlow makes without coming back to Python;
            of several workers one, for a loop of TensorFlow cannot hold what they send.
        ema_momentum: Share of the moving average of the weights that a step keeps, such
            as 0.99; what is measured and kept is then the average (after the
            `head_epochs`), with statistics of batch normalisation measured for it on
            the first batches of `unaugmented`. None keeps the weights of the last step
            of an epoch.
        unaugmented: `tf.data.Dataset` of batches `(images, ...)` of training images as
            the classifier will meet images in use; `train` by default. Turned and
            zoomed images are less sharp, and with their statistics a classifier is
            biased on others.
        workers: `Workers` that train together, each calling this with the same
            arguments but its own share of `train`, or None. The chief alone writes
            into `directory`, and all go on from what is there.

    Returns:
        The best model, read back from `directory/model.keras`, without its optimizer.

    Raises:
        ValueError: A setting is unknown or out of its range.
        UnreadableData: An image could not be read in the middle of an epoch.
        RuntimeError: A step could not be computed, or another worker is gone.
        OSError: The state could not be written, as on a full disk. Here and there
            what earlier epochs left is whole, and the same call goes on from it.
    """
    _check(schedule, monitor, plateau_factor, epochs, head_epochs, early_stopping)
    if steps_per_epoch % steps_per_execution:
        raise ValueError(
            "`steps_per_epoch` must be a multiple of `steps_per_execution`, or epochs "
            f"would overlap. Received: {steps_per_epoch} and {steps_per_execution}"
        )
    directory = Path(directory) if workers is None else workers.folder(directory)
    directory.mkdir(parents=True, exist_ok=True)
    history = directory / "history.csv"
    with stopped_by_data(f"the training in {directory}", workers):
        validation = ValidationScores(validation, workers)
    train_from = train if callable(train) else train.skip
    plain = train_from(0) if unaugmented is None else unaugmented

    is_chief = workers is None or workers.is_chief
    verbose = ("auto" if sys.stdout.isatty() else 2) if is_chief else 0

    def fit(state_path, first_epoch, last_epoch, rate, callbacks=(), ema=None):
        """Train through some epochs with an optimizer of their own."""
        with model.distribute_strategy.scope():
            policy = model.dtype_policy.name
            built = build_optimizer(
                optimizer, rate, weight_decay, clip_norm, ema, policy
            )
            # Variables made inside the first step would have it traced twice.
            built.build(model.trainable_variables)
            model.compile(
                built,
                loss=loss or keras.losses.CategoricalCrossentropy(),
                metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
                weighted_metrics=[],
                steps_per_execution=1 if workers else steps_per_execution,
                jit_compile=False if workers else "auto",  # XLA cannot hold them either
            )
        if workers is not None:
            average_gradients(model.optimizer, workers)
        if state_path.is_file():
            model.load_weights(state_path)
        # A variable that several devices hold is no number by itself.
        n_made = int(keras.ops.convert_to_numpy(built.iterations))
        n_done = first_epoch * steps_per_epoch + n_made
        epoch = n_done // steps_per_epoch
        if epoch >= last_epoch or stopped(epoch):
            return
        judged = [validation, BestModel(directory / "model.keras", history)]
        with stopped_by_data(f"the training in {directory}", workers):
            model.fit(
                train_from(n_done),
                initial_epoch=epoch,
                epochs=last_epoch,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the data set is in the order it shall be in
                callbacks=[
                    DropoutSeed(workers),
                    *([InStep(workers)] if workers else []),
                    *callbacks,
                    *(judged if ema is None else [OnAverages(plain, *judged)]),
                    *([SaveState(state_path)] if is_chief else []),
                    EarlyStopping(stopped),
                ],
                verbose=verbose,
            )

    def watched(epoch):
        """Monitored figures of the finished epochs in which all layers learned."""
        rows = read_history(history)
        if rows.empty:
            return []
        return rows.loc[rows["epoch"].between(head_epochs, epoch - 1), monitor].tolist()

    def stopped(epoch):
        """Whether early stopping ends the training before this epoch."""
        since = epochs_since_best(watched(epoch), monitor)
        return early_stopping is not None and since >= early_stopping

    if head_epochs and not (directory / STATE_NAME).is_file():
        with _head_alone(model):
            fit(directory / HEAD_STATE_NAME, 0, head_epochs, learning_rate)
    rate, callbacks = learning_rate, []
    if schedule == "cosine":
        n_steps = (epochs - head_epochs) * steps_per_epoch
        rate = warm_cosine(learning_rate, n_steps, warmup_fraction)
    elif schedule == "plateau":
        settings = (learning_rate, plateau_factor, plateau_patience, min_learning_rate)
        callbacks = [PlateauLearningRate(watched, monitor, *settings)]
    fit(directory / STATE_NAME, head_epochs, epochs, rate, callbacks, ema_momentum)
    return keras.models.load_model(directory / "model.keras", compile=False)


@contextlib.contextmanager
def stopped_by_data(what, workers=None):
    """Turn TensorFlow's account of a failed step into one that says what to do.

    Args:
        what: What is done, in words.
        workers: `Workers` that do it together, or None.

    Raises:
        UnreadableData: Reading images raised an error of Python's.
        RuntimeError: A step could not be computed, or another worker is gone.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if workers is not None and ABORTED.search(error.message):
            raise gone(error) from error
        found = CAUSE.search(error.message)
        cause = found.group() if found else error.message
        of_data = found and not cause.startswith("OOM")
        raise (UnreadableData if of_data else RuntimeError)(
            f"{what} stopped in the middle. What was finished before is whole: mend "
            "the cause, and the same command goes on from there. "
            f"Received: {cause}"
        ) from error


@contextlib.contextmanager
def _head_alone(model):
    """Let only the layers behind "pooling" learn."""
    trainable = [layer.trainable for layer in model.layers]
    freeze(model, "pooling")
    try:
        yield
    finally:
        for layer, was in zip(model.layers, trainable, strict=True):
            layer.trainable = was


def _check(schedule, monitor, plateau_factor, epochs, head_epochs, early_stopping):
    for name, value, known in (
        ("schedule", schedule, SCHEDULES),
        ("monitor", monitor, tuple(MONITORS)),
    ):
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(known)}. Received: {value!r}"
            )
    if not 0 < plateau_factor < 1:
        raise ValueError(
            f"`plateau_factor` must lie between 0 and 1. Received: {plateau_factor}"
        )
    if early_stopping is not None and early_stopping < 1:
        raise ValueError(
            "`early_stopping` must be 1 epoch or more, or None. "
            f"Received: {early_stopping}"
        )
    if not 0 <= head_epochs < epochs:
        raise ValueError(
            "`head_epochs` must leave an epoch in which all layers learn. "
            f"Received: {head_epochs} of {epochs}"
        )
