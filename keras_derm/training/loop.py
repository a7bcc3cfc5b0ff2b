"""Train one model so that a killed run goes on where it was."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from keras_derm.networks import frozen
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.settings import OptimizationSettings
from keras_derm.training.averaged_weights import EvaluateAveragedWeights
from keras_derm.training.checkpoints import BestModel, SaveState, read_history
from keras_derm.training.epoch_seed import EpochSeed
from keras_derm.training.errors import translate_tensorflow_errors
from keras_derm.training.objective import Objective
from keras_derm.training.optimizers import build_optimizer
from keras_derm.training.schedules import (
    epochs_since_best,
    plateau_learning_rate,
    warm_cosine,
)
from keras_derm.training.validation_scores import ValidationScores
from keras_derm.training.workers import SynchronizeWorkers, Workers, average_gradients

STATE_NAME = "state.keras"
"""What a training that is stopped goes on from."""

HEAD_STATE_NAME = "head_state.keras"
"""What it goes on from while the head alone learns."""

MODEL_NAME = "model.keras"
HISTORY_NAME = "history.csv"


def fit(
    model,
    train,
    validation,
    directory,
    objective,
    optimization=None,
    *,
    epochs,
    steps_per_epoch,
    learning_rate=1e-3,
    weight_decay=1e-4,
    warmup_fraction=0.1,
    unaugmented=None,
    workers=None,
    jit_compile="auto",
):
    """Fit `model`; by default with AdamW, a linear warm-up and a cosine decay.

    After each epoch the state is kept in `directory/state.keras`, the figures in
    `directory/history.csv`, and the weights of the best epoch on validation in
    `directory/model.keras`. A run started again goes on at the epoch it had reached
    and ends with the weights of one that was never stopped.

    Args:
        model: Functional model; one built under a mixed dtype policy trains in it, with
            its loss scaled where that is mixed_float16. What is kept computes in
            float32; the figures of the history are of the mixed model.
        train: `tf.data.Dataset` of `(images, targets)` or `(images, targets, sample
            weights)`, or `OnReplicas`, that repeats, in an order that is the same
            whenever the program is run. Or a function that gives it without its first n
            batches, for n: a training that goes on after many epochs need not read
            these, as `skip` does.
        validation: `tf.data.Dataset` of `(images, targets)`.
        directory: Where model and history go.
        objective: `Objective`: loss, metrics and scores of the task.
        optimization: `OptimizationSettings`; their defaults by default.
        epochs: Epochs in all.
        steps_per_epoch: Optimizer steps an epoch, a multiple of `steps_per_execution`.
        learning_rate: Peak of the schedule.
        weight_decay: Weight decay of the optimizer.
        warmup_fraction: Part of all steps that cosine spends warming up.
        unaugmented: `tf.data.Dataset` of batches `(images, ...)` of training images as
            the model will meet images in use; `train` by default. Averages of the
            weights measure their statistics of batch normalisation on them: turned and
            zoomed images are less sharp, and with their statistics a model is biased
            on others.
        workers: `Workers` that train together, each calling this with the same
            arguments but its own share of `train`, or None. The chief alone writes
            into `directory`, and all go on from what is there.
        jit_compile: Whether XLA compiles the steps; `"auto"` leaves it to Keras.
            Without effect where several workers train.

    Returns:
        The best model, read back from `directory/model.keras`, without its optimizer.

    Raises:
        ValueError: A setting does not fit the objective or the number of epochs.
        UnreadableData: An image could not be read in the middle of an epoch.
        RuntimeError: A step could not be computed, or another worker is gone.
        OSError: The state could not be written, as on a full disk. Here and there
            what earlier epochs left is whole, and the same call goes on from it.

    Example:
        >>> model = fit(
        ...     build_classifier("MobileNetV2", n_classes=8),
        ...     train,
        ...     validation,
        ...     "classifier",
        ...     classification_objective(),
        ...     OptimizationSettings(early_stopping=5),
        ...     epochs=25,
        ...     steps_per_epoch=200,
        ... )
    """
    optimization = optimization or OptimizationSettings()
    _check(objective, optimization, epochs, steps_per_epoch)
    directory = Path(directory) if workers is None else workers.folder(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with translate_tensorflow_errors(f"the training in {directory}", workers):
        scores = ValidationScores(validation, objective.scores, workers)
    training = _Training(
        model,
        train if callable(train) else without_autotuning(train).skip,
        scores,
        directory,
        objective,
        optimization,
        steps_per_epoch,
        weight_decay,
        unaugmented,
        workers,
        jit_compile,
    )
    n_head = optimization.head_epochs
    if n_head and not (directory / STATE_NAME).is_file():
        with frozen(model, objective.head_begins_after):
            training.run(HEAD_STATE_NAME, 0, n_head, learning_rate)
    rate, callbacks = learning_rate, []
    if optimization.schedule == "cosine":
        n_steps = (epochs - n_head) * steps_per_epoch
        rate = warm_cosine(learning_rate, n_steps, warmup_fraction)
    elif optimization.schedule == "plateau":
        callbacks = [training.plateau(learning_rate)]
    ema_momentum = optimization.ema_momentum
    training.run(STATE_NAME, n_head, epochs, rate, callbacks, ema_momentum)
    return keras.models.load_model(directory / MODEL_NAME, compile=False)


@dataclass
class _Training:
    """A training that is made in parts, each with an optimizer of its own."""

    model: keras.Model
    train_from: Callable
    scores: ValidationScores
    directory: Path
    objective: Objective
    optimization: OptimizationSettings
    steps_per_epoch: int
    weight_decay: float
    unaugmented: tf.data.Dataset | None
    workers: Workers | None
    jit_compile: bool | str

    def run(self, state_name, first_epoch, last_epoch, rate, callbacks=(), ema=None):
        """Train from `first_epoch`, or the epoch that was reached, to `last_epoch`."""
        self._compile(rate, ema)
        state_path = self.directory / state_name
        if state_path.is_file():
            self.model.load_weights(state_path)
        # A variable that several devices hold is no number by itself.
        n_made = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        n_done = first_epoch * self.steps_per_epoch + n_made
        epoch = n_done // self.steps_per_epoch
        if epoch >= last_epoch or self.stopped(epoch):
            return
        is_chief = self.workers is None or self.workers.is_chief
        verbose = "auto" if sys.stdout.isatty() else 2
        what = f"the training in {self.directory}"
        with translate_tensorflow_errors(what, self.workers):
            self.model.fit(
                self.train_from(n_done),
                initial_epoch=epoch,
                epochs=last_epoch,
                steps_per_epoch=self.steps_per_epoch,
                shuffle=False,  # the data set is in the order it shall be in
                callbacks=[
                    EpochSeed(self.workers),
                    *([SynchronizeWorkers(self.workers)] if self.workers else []),
                    *callbacks,
                    *self._judges(ema is not None),
                    *([SaveState(state_path)] if is_chief else []),
                    keras.callbacks.LambdaCallback(on_epoch_end=self._stop_early),
                ],
                verbose=verbose if is_chief else 0,
            )

    def plateau(self, learning_rate):
        """Callback that lowers the rate where the monitored score makes no progress."""
        chosen = self.optimization

        def set_rate(epoch, logs):
            self.model.optimizer.learning_rate = plateau_learning_rate(
                self.watched(epoch),
                self.objective.direction(self.monitor),
                learning_rate,
                chosen.plateau_factor,
                chosen.plateau_patience,
                chosen.min_learning_rate,
            )

        def log_rate(epoch, logs):
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            logs["learning_rate"] = float(rate)

        return keras.callbacks.LambdaCallback(set_rate, log_rate)

    @property
    def monitor(self):
        """Name of the score that is watched, and by which an epoch is kept."""
        return self.optimization.monitor or self.objective.best

    def watched(self, epoch):
        """Monitored scores of the earlier epochs in which all layers learned."""
        rows = read_history(self.directory / HISTORY_NAME)
        if rows.empty:
            return []
        learned = rows["epoch"].between(self.optimization.head_epochs, epoch - 1)
        return rows.loc[learned, self.monitor].tolist()

    def stopped(self, epoch):
        """Whether early stopping ends the training before this epoch."""
        patience = self.optimization.early_stopping
        direction = self.objective.direction(self.monitor)
        since = epochs_since_best(self.watched(epoch), direction)
        return patience is not None and since >= patience

    def _stop_early(self, epoch, logs):
        if self.stopped(epoch + 1):
            self.model.stop_training = True

    def _compile(self, rate, ema):
        chosen, workers = self.optimization, self.workers
        with self.model.distribute_strategy.scope():
            optimizer = build_optimizer(
                chosen.optimizer,
                rate,
                self.weight_decay,
                chosen.clip_norm,
                ema,
                self.model.dtype_policy.name,
            )
            # Variables made inside the first step would have it traced twice.
            optimizer.build(self.model.trainable_variables)
            self.model.compile(
                optimizer,
                loss=self.objective.loss,
                metrics=self.objective.metrics(),
                weighted_metrics=[],
                steps_per_execution=1 if workers else chosen.steps_per_execution,
                jit_compile=not workers and self.jit_compile,  # nor can XLA hold them
            )
        if workers is not None:
            average_gradients(optimizer, workers)

    def _judges(self, of_averages):
        """Callbacks that score and keep the model, or the averages of its weights."""
        folder = self.directory
        keep = BestModel(
            folder / MODEL_NAME,
            folder / HISTORY_NAME,
            self.monitor,
            self.objective.direction(self.monitor),
        )
        if not of_averages:
            return [self.scores, keep]
        images = self.train_from(0) if self.unaugmented is None else self.unaugmented
        judges = self.scores, keep
        return [EvaluateAveragedWeights(images, self.steps_per_epoch, *judges)]


def _check(objective, optimization, epochs, steps_per_epoch):
    """Refuse settings that do not fit the objective or the number of steps."""
    if optimization.monitor is not None:
        objective.direction(optimization.monitor)
    if optimization.head_epochs >= epochs:
        raise ValueError(
            "`head_epochs` must leave an epoch in which all layers learn. "
            f"Received: {optimization.head_epochs} of {epochs}"
        )
    if optimization.head_epochs and objective.head_begins_after is None:
        raise ValueError(
            "`head_epochs` needs an objective that names the layer behind which the "
            f"head begins. Received: {optimization.head_epochs}"
        )
    if steps_per_epoch % optimization.steps_per_execution:
        raise ValueError(
            "`steps_per_epoch` must be a multiple of `steps_per_execution`, or epochs "
            f"would overlap. Received: {steps_per_epoch} and "
            f"{optimization.steps_per_execution}"
        )
