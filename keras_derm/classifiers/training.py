"""Train one classifier so that a killed run goes on where it was."""

import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from keras_derm.files import atomic_path

STATE_NAME = "state.keras"
"""What a training that is stopped goes on from."""


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
):
    """Fit `model` with AdamW, a linear warm-up and a cosine decay.

    After each epoch the state is kept in `directory/state.keras`, the figures in
    `directory/history.csv`, and the weights with the best macro AUC on validation
    in `directory/model.keras`. A run started again goes on at the epoch it had
    reached and ends with the weights of one that was never stopped.

    Args:
        model: Classifier from `build_classifier`.
        train: `tf.data.Dataset` of `(images, one-hot targets, sample weights)` that
            repeats, in an order that is the same whenever the program is run.
        validation: `tf.data.Dataset` of `(images, one-hot targets)`.
        directory: Where model and history go.
        epochs: Epochs in all.
        steps_per_epoch: Optimizer steps an epoch.
        learning_rate: Peak of the schedule.
        weight_decay: AdamW's.
        warmup_fraction: Part of all steps spent warming up.
        clip_norm: Largest global norm of the gradient.
        loss: `keras.losses.Loss` of one-hot targets and probabilities, such as
            `classification_loss` gives; categorical cross-entropy by default.

    Returns:
        The best model, read back from `directory/model.keras`, without its optimizer.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    best_path, history_path = directory / "model.keras", directory / "history.csv"
    state_path = directory / STATE_NAME
    n_steps = epochs * steps_per_epoch
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(1, int(n_steps * (1 - warmup_fraction))),
        warmup_target=learning_rate,
        warmup_steps=max(1, int(n_steps * warmup_fraction)),
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=weight_decay, global_clipnorm=clip_norm
    )
    # Variables made inside the first step would have it traced twice.
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        loss=loss or keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        weighted_metrics=[],
    )
    if state_path.is_file():
        model.load_weights(state_path)
    n_done = int(optimizer.iterations)
    model.fit(
        train.skip(n_done),
        initial_epoch=n_done // steps_per_epoch,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the data set is in the order it shall be in
        callbacks=[
            DropoutSeed(),
            ValidationScores(validation),
            BestModel(best_path, history_path),
            SaveState(state_path),
        ],
        verbose="auto" if sys.stdout.isatty() else 2,
    )
    return keras.models.load_model(best_path, compile=False)


def predict_probabilities(model, dataset):
    """Probabilities `(n, n_classes)` of `model` for a data set whose elements are
    images or tuples that begin with images."""
    images = dataset.map(lambda *element: element[0])
    scores = np.asarray(model.predict(images, verbose=0), dtype="float64")
    return scores / scores.sum(axis=1, keepdims=True)  # float32 sums to 1 but for 1e-7


class DropoutSeed(keras.callbacks.Callback):
    """Let the random layers of a model begin each epoch from that epoch's seed.

    Their state is not saved with a model.
    """

    def on_train_begin(self, logs=None):
        self.states = [
            variable
            for variable in self.model.variables
            if "seed_generator_state" in variable.path
        ]
        self.seeds = [int(np.asarray(state)[0]) for state in self.states]

    def on_epoch_begin(self, epoch, logs=None):
        for state, seed in zip(self.states, self.seeds, strict=True):
            state.assign([seed, epoch << 20])


class SaveState(keras.callbacks.Callback):
    """Keep the model with its optimizer after each epoch, whole or not at all."""

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        with atomic_path(self.path) as temporary:
            self.model.save(temporary)


class ValidationScores(keras.callbacks.Callback):
    """Add `val_auc` (mean one-vs-rest over the classes present), `val_loss` and
    `val_accuracy` to the logs of each epoch.

    One pass over the validation set gives all three.
    """

    def __init__(self, validation):
        super().__init__()
        self.validation = validation
        self.targets = np.concatenate([y.numpy() for _, y, *_ in validation])

    def on_epoch_end(self, epoch, logs=None):
        scores = predict_probabilities(self.model, self.validation)
        logs["val_auc"] = _macro_auc(self.targets, scores)
        logs["val_loss"] = float(
            log_loss(self.targets.argmax(axis=1), scores, labels=range(scores.shape[1]))
        )
        logs["val_accuracy"] = float(
            np.mean(self.targets.argmax(axis=1) == scores.argmax(axis=1))
        )


def _macro_auc(targets, scores):
    present = [c for c in range(targets.shape[1]) if 0 < targets[:, c].mean() < 1]
    if not present:
        return float("nan")
    return float(np.mean([roc_auc_score(targets[:, c], scores[:, c]) for c in present]))


class BestModel(keras.callbacks.Callback):
    """Keep the history and the model with the best `val_auc`, across restarts."""

    def __init__(self, model_path, history_path):
        super().__init__()
        self.model_path, self.history_path = Path(model_path), Path(history_path)

    def on_epoch_end(self, epoch, logs=None):
        history = pd.DataFrame()
        if self.history_path.is_file():
            history = pd.read_csv(self.history_path)
            history = history[history["epoch"] < epoch]
        best = history["val_auc"].max() if len(history) else float("nan")
        if not self.model_path.is_file() or not logs["val_auc"] <= best:
            with atomic_path(self.model_path) as temporary:
                self.model.save(temporary)
        row = pd.DataFrame([{"epoch": epoch, **logs}])
        with atomic_path(self.history_path) as temporary:
            pd.concat([history, row]).to_csv(temporary, index=False)
