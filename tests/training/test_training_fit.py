import resource
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from tiny_training import Kill, data, tiny_classifier, train_classifier

from keras_derm.classifiers import predict_probabilities
from keras_derm.classifiers.objective import classification_scores
from keras_derm.pipeline import PreparedImages
from keras_derm.training import UnreadableData
from keras_derm.training.checkpoints import SaveState
from keras_derm.training.validation_scores import ValidationScores


def test_training_learns_and_writes_history(tmp_path):
    train_classifier(
        tiny_classifier(),
        *data(),
        tmp_path,
        epochs=4,
        steps_per_epoch=20,
        learning_rate=0.02,
    )
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert history["val_auc"].max() > 0.99


def train_killed(folder, settings, n_batches):
    """Train, killed after some batches."""
    model, kill = tiny_classifier(), Kill(n_batches)
    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, kill], **kwargs
    )
    with pytest.raises(KeyboardInterrupt):
        train_classifier(model, *data(augment=True), folder, **settings)


@pytest.mark.parametrize(
    "settings, n_batches, n_epochs",
    [
        # The last case kills a training of this kind too, in the same epoch.
        pytest.param({}, 12, 2, marks=pytest.mark.slow),
        (
            {
                "schedule": "plateau",
                "monitor": "val_loss",
                "plateau_patience": 1,
                "plateau_factor": 0.1,
                "early_stopping": 2,
                "learning_rate": 3.0,
                "optimizer": "adam",
                "weight_decay": 0.01,
            },
            7,
            1,
        ),
        pytest.param(
            {"head_epochs": 2, "schedule": "constant", "optimizer": "adadelta"},
            7,
            1,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"head_epochs": 2, "steps_per_execution": 5}, 4, 3, marks=pytest.mark.slow
        ),
        ({"head_epochs": 1, "ema_momentum": 0.9}, 12, 2),
    ],
)
def test_killed_training_ends_as_if_it_had_not_been(
    tmp_path, settings, n_batches, n_epochs
):
    settings = {"epochs": 4, "steps_per_epoch": 5, "learning_rate": 0.02} | settings
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    train_killed(killed, settings, n_batches)
    assert len(pd.read_csv(killed / "history.csv")) == n_epochs
    model = tiny_classifier()
    train_classifier(model, *data(augment=True), killed, **settings)
    other = tiny_classifier()
    train_classifier(other, *data(augment=True), whole, **settings)
    for weights, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)
    histories = [pd.read_csv(path / "history.csv") for path in (killed, whole)]
    pd.testing.assert_frame_equal(*histories)


@pytest.mark.slow
def test_training_that_goes_on_asks_for_the_batches_that_are_left(tmp_path):
    train, validation = data(augment=True)
    asked = []

    def train_from(n_batches):
        asked.append(n_batches)
        return train.skip(n_batches)

    settings = {"steps_per_epoch": 4, "schedule": "constant", "unaugmented": train}
    halves, whole = tiny_classifier(), tiny_classifier()
    for epochs in (1, 3):
        train_classifier(
            halves, train_from, validation, tmp_path / "a", epochs=epochs, **settings
        )
    train_classifier(whole, train, validation, tmp_path / "b", epochs=3, **settings)
    assert asked == [0, 4]
    for found, expected in zip(halves.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def limit_files(n_bytes):
    """Let no file grow beyond this size, as on a disk that is nearly full."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))


def test_full_disk_leaves_the_last_epoch_whole(tmp_path, monkeypatch):
    settings = {"epochs": 2, "steps_per_epoch": 4, "learning_rate": 0.02}
    whole = tiny_classifier()
    train_classifier(whole, *data(), tmp_path / "whole", **settings)
    state = tmp_path / "full" / "state.keras"
    on_epoch_end = SaveState.on_epoch_end

    def on_full_disk(self, epoch, logs=None):
        limit_files(5000 if epoch == 1 else resource.RLIM_INFINITY)
        on_epoch_end(self, epoch, logs)

    monkeypatch.setattr(SaveState, "on_epoch_end", on_full_disk)
    try:
        with pytest.raises(OSError, match="after epoch 2.*make room.*Received"):
            train_classifier(tiny_classifier(), *data(), state.parent, **settings)
    finally:
        limit_files(resource.RLIM_INFINITY)
    monkeypatch.undo()
    names = {path.name for path in state.parent.iterdir()}
    assert names == {"state.keras", "model.keras", "history.csv"}
    assert int(keras.models.load_model(state).optimizer.iterations) == 4
    model = tiny_classifier()
    train_classifier(model, *data(), state.parent, **settings)
    for weights, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_unreadable_image_in_an_epoch_is_named_and_training_goes_on(
    tmp_path, monkeypatch
):
    settings = {"epochs": 2, "steps_per_epoch": 4, "learning_rate": 0.02}
    whole = tiny_classifier()
    train_classifier(whole, *data(), tmp_path / "whole", **settings)
    take, n_taken = PreparedImages.take, [0]

    def fails_in_the_middle(self, indices):
        n_taken[0] += 1
        if n_taken[0] == 9:
            raise OSError("shard-00003 is damaged")
        return take(self, indices)

    monkeypatch.setattr(PreparedImages, "take", fails_in_the_middle)
    with pytest.raises(RuntimeError, match="same command.*shard-00003 is damaged"):
        train_classifier(tiny_classifier(), *data(), tmp_path / "bad", **settings)
    monkeypatch.undo()
    model = tiny_classifier()
    train_classifier(model, *data(), tmp_path / "bad", **settings)
    for weights, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_unreadable_validation_image_is_named_too(tmp_path, monkeypatch):
    def damaged(self, indices):
        raise OSError("shard-00003 is damaged")

    monkeypatch.setattr(PreparedImages, "take", damaged)
    with pytest.raises(UnreadableData, match="same command.*shard-00003 is damaged"):
        train_classifier(
            tiny_classifier(), *data(), tmp_path, epochs=1, steps_per_epoch=2
        )


def test_unreadable_image_of_a_prediction_is_named_too(monkeypatch):
    def damaged(self, indices):
        raise OSError("shard-00003 is damaged")

    monkeypatch.setattr(PreparedImages, "take", damaged)
    model, (_, dataset) = tiny_classifier(), data()
    expected = "predicting with .*same command.*shard-00003 is damaged"
    with pytest.raises(UnreadableData, match=expected):
        predict_probabilities(model, dataset)
    with pytest.raises(UnreadableData, match="^predicting test with baseline stopped"):
        predict_probabilities(model, dataset, "predicting test with baseline")


def test_early_stopping_after_no_epoch_is_refused(tmp_path):
    with pytest.raises(ValueError, match="early_stopping.*Received: 0"):
        train_classifier(
            tiny_classifier(),
            *data(),
            tmp_path,
            epochs=1,
            steps_per_epoch=2,
            early_stopping=0,
        )


def test_head_learns_alone_first_and_the_rest_keeps_its_statistics(tmp_path):
    model = tiny_classifier()
    before = {layer.name: layer.get_weights() for layer in model.layers}
    changed = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            changed.append(
                {
                    layer.name
                    for layer in self.model.layers
                    for one, other in zip(
                        layer.get_weights(), before[layer.name], strict=True
                    )
                    if not np.array_equal(one, other)
                }
            )

    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, Watch()], **kwargs
    )
    train_classifier(
        model, *data(), tmp_path, epochs=2, steps_per_epoch=2, head_epochs=1
    )
    weighted = {layer.name for layer in model.layers if layer.get_weights()}
    assert changed == [{model.layers[-1].name}, weighted]
    assert all(layer.trainable for layer in model.layers)


def test_average_of_the_weights_is_kept_and_measured(tmp_path):
    """Held against averages made step by step of the weights themselves."""
    model, average = tiny_classifier(), []

    class Average(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights = [np.asarray(w) for w in self.model.trainable_variables]
            if not average:
                average[:] = weights
            average[:] = [
                0.8 * a + 0.2 * w for a, w in zip(average, weights, strict=True)
            ]

    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, Average()], **kwargs
    )
    settings = {"epochs": 1, "steps_per_epoch": 6, "learning_rate": 0.05}
    train, validation = data()
    kept = train_classifier(
        model, train, validation, tmp_path, ema_momentum=0.8, **settings
    )
    for found, expected in zip(kept.trainable_variables, average, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    history = pd.read_csv(tmp_path / "history.csv")
    scores = predict_probabilities(kept, validation)
    targets = np.arange(64) % 2
    assert history["val_accuracy"][0] == np.mean(scores.argmax(axis=1) == targets)


def test_averages_have_their_own_statistics_of_batches(tmp_path):
    """Measured with the kept weights on images as they are in use; those of the
    training are not touched."""
    model, left = tiny_classifier(), []

    class Left(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            left[:] = [np.asarray(w) for w in self.model.non_trainable_variables]

    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, Left()], **kwargs
    )
    settings = {"epochs": 1, "steps_per_epoch": 6, "learning_rate": 0.5}
    train, validation = data()
    unaugmented = train.map(lambda images, *_: (0.5 * images,))
    kept = train_classifier(
        model,
        train,
        validation,
        tmp_path,
        ema_momentum=0.9,
        unaugmented=unaugmented,
        **settings,
    )
    for found, expected in zip(model.non_trainable_variables, left, strict=True):
        if "moving" in found.path:
            np.testing.assert_array_equal(found, expected)
    first = next(
        layer
        for layer in kept.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    )
    before = keras.Model(kept.inputs, first.input)
    of_an_epoch = unaugmented.take(settings["steps_per_epoch"])
    seen = [before(images).numpy() for (images,) in of_an_epoch]
    mean = np.mean([maps.mean(axis=(0, 1, 2)) for maps in seen], axis=0)
    variance = np.mean([maps.var(axis=(0, 1, 2)) for maps in seen], axis=0)
    np.testing.assert_allclose(first.moving_mean, mean, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(first.moving_variance, variance, rtol=1e-3)
    other = model.get_layer(first.name)
    assert not np.allclose(other.moving_mean, mean, rtol=1e-2)


def test_training_ends_early_without_progress(tmp_path):
    settings = {"epochs": 9, "steps_per_epoch": 1, "learning_rate": 1e-12}
    for _ in range(2):  # started again it does not go on
        train_classifier(
            tiny_classifier(), *data(), tmp_path, early_stopping=2, **settings
        )
        assert pd.read_csv(tmp_path / "history.csv")["epoch"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "step"},
        {"monitor": "loss"},
        {"optimizer": "sgd"},
        {"plateau_factor": 2.0},
        {"head_epochs": 4},
        {"steps_per_execution": 3},
        {"ema_momentum": 1.5},
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, settings):
    with pytest.raises(ValueError, match="Received: "):
        train_classifier(
            tiny_classifier(),
            *data(),
            tmp_path,
            epochs=4,
            steps_per_epoch=5,
            **settings,
        )


def test_training_that_is_done_is_not_done_again(tmp_path):
    settings = {"epochs": 2, "steps_per_epoch": 5}
    first = train_classifier(tiny_classifier(), *data(), tmp_path, **settings)
    written = (tmp_path / "model.keras").stat().st_mtime_ns
    again = train_classifier(tiny_classifier(), *data(), tmp_path, **settings)
    assert (tmp_path / "model.keras").stat().st_mtime_ns == written
    for weights, expected in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


@pytest.mark.slow
def test_two_devices_train_as_one(tmp_path):
    """With every part of a training that reads what several devices hold."""
    script = Path(__file__).with_name("mirrored_training.py")
    histories, weights = [], []
    for n_devices in (1, 2):
        folder = tmp_path / str(n_devices)
        done = subprocess.run(
            [sys.executable, script, folder, str(n_devices)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        histories.append(pd.read_csv(folder / "history.csv"))
        weights.append(keras.models.load_model(folder / "model.keras").get_weights())
    pd.testing.assert_frame_equal(*histories, rtol=1e-3)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_training_that_diverged_says_so():
    model = tiny_classifier()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    scores = ValidationScores(data()[1], classification_scores)
    scores.set_model(model)
    with pytest.raises(RuntimeError, match="diverged.*Received: epoch 3, 100% NaN"):
        scores.on_epoch_end(3, {})
