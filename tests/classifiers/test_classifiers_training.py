import keras
import numpy as np
import pandas as pd
import pytest

from keras_derm.classifiers import train_classifier
from keras_derm.layers.presets import augmentation
from keras_derm.pipeline import PreparedImages, image_dataset


def tiny_classifier():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.3)(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def data():
    """Bright against dark images: to be told apart with ease."""
    generator = np.random.default_rng(0)
    targets = np.arange(64) % 2
    noise = generator.integers(0, 120, (64, 8, 8, 3))
    images = (noise + 120 * targets[:, None, None, None]).astype(np.uint8)
    prepared = PreparedImages([str(i) for i in range(64)], [images])
    labels = keras.utils.to_categorical(targets, 2)
    rows = np.arange(64)
    train = image_dataset(
        prepared,
        rows,
        labels,
        np.ones(64, "float32"),
        repeat=True,
        shuffle=True,
        layers=augmentation("sn_gan_ensemble", 1),
    )
    return train, image_dataset(prepared, rows, labels)


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


def test_killed_training_ends_as_if_it_had_not_been(tmp_path):

    class Kill(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 12:
                raise KeyboardInterrupt

    model = tiny_classifier()
    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, Kill()], **kwargs
    )
    settings = {"epochs": 4, "steps_per_epoch": 5, "learning_rate": 0.02}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with pytest.raises(KeyboardInterrupt):
        train_classifier(model, *data(), killed, **settings)
    assert pd.read_csv(killed / "history.csv")["epoch"].tolist() == [0, 1]
    model = tiny_classifier()
    train_classifier(model, *data(), killed, **settings)
    other = tiny_classifier()
    train_classifier(other, *data(), whole, **settings)
    for weights, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)
    histories = [pd.read_csv(path / "history.csv") for path in (killed, whole)]
    pd.testing.assert_frame_equal(*histories)


def test_training_that_is_done_is_not_done_again(tmp_path):
    settings = {"epochs": 2, "steps_per_epoch": 5}
    first = train_classifier(tiny_classifier(), *data(), tmp_path, **settings)
    written = (tmp_path / "model.keras").stat().st_mtime_ns
    again = train_classifier(tiny_classifier(), *data(), tmp_path, **settings)
    assert (tmp_path / "model.keras").stat().st_mtime_ns == written
    for weights, expected in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)
