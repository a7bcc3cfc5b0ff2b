import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_class_weight

from keras_derm.classifiers import class_weights, train_classifier
from keras_derm.pipeline import PreparedImages, image_dataset


def tiny_classifier():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    return keras.Model(inputs, outputs)


@pytest.fixture
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
        prepared, rows, labels, np.ones(64, "float32"), repeat=True, shuffle=True
    )
    return train, image_dataset(prepared, rows, labels)


def test_class_weights_are_scikit_learns_balanced():
    targets = np.array([0] * 10 + [2] * 5 + [3])
    expected = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=targets)
    weights = class_weights(targets, 4)
    np.testing.assert_allclose(weights[[0, 2, 3]], expected, rtol=1e-6)
    assert weights[1] == 0


def test_training_learns_and_writes_history(data, tmp_path):
    train, validation = data
    train_classifier(
        tiny_classifier(),
        train,
        validation,
        tmp_path,
        epochs=4,
        steps_per_epoch=20,
        learning_rate=0.02,
    )
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert history["val_auc"].max() > 0.99


def test_killed_training_goes_on_at_its_epoch(data, tmp_path):
    train, validation = data

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    model = tiny_classifier()
    fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: fit(
        *args, callbacks=[*callbacks, Kill()], **kwargs
    )
    settings = {"epochs": 4, "steps_per_epoch": 5, "learning_rate": 0.02}
    with pytest.raises(KeyboardInterrupt):
        train_classifier(model, train, validation, tmp_path, **settings)
    before = pd.read_csv(tmp_path / "history.csv")
    assert before["epoch"].tolist() == [0, 1]
    train_classifier(tiny_classifier(), train, validation, tmp_path, **settings)
    after = pd.read_csv(tmp_path / "history.csv")
    assert after["epoch"].tolist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(after.iloc[:2], before)
