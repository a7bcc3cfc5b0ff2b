"""Another task than classification is trained by the same loop: a tiny segmenter."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tiny_training import Kill

from keras_derm.settings import OptimizationSettings
from keras_derm.training import Objective, fit

N_IMAGES, SIDE, BATCH_SIZE = 24, 8, 8


def tiny_segmenter():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="features")(x)
    x = keras.layers.SpatialDropout2D(0.3)(x)
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


def lesions():
    """Dark rectangles on bright noise, and their masks."""
    generator = np.random.default_rng(0)
    masks = np.zeros((N_IMAGES, SIDE, SIDE, 1), "float32")
    for mask, (top, left) in zip(
        masks, generator.integers(0, 5, (N_IMAGES, 2)), strict=True
    ):
        mask[top : top + 4, left : left + 3] = 1
    noise = generator.uniform(150, 250, (N_IMAGES, SIDE, SIDE, 3))
    images = (noise - 120 * masks).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((images, masks)).batch(BATCH_SIZE)
    return data.repeat(), data


def dice(targets, predictions):
    """Mean over images of the Dice coefficient of the masks above one half."""
    axes, found = (1, 2, 3), predictions > 0.5
    overlap = (found * targets).sum(axis=axes)
    return {"val_dice": float(np.mean(2 * overlap / (found + targets).sum(axis=axes)))}


def objective(scores=dice):
    return Objective(
        loss=keras.losses.BinaryCrossentropy(),
        scores=scores,
        monitors={"val_dice": "max"},
        best="val_dice",
        metrics=lambda: [keras.metrics.BinaryAccuracy(name="pixel_accuracy")],
        head_begins_after="features",
    )


def train(folder, optimization, model=None, scores=dice, **settings):
    model = model or tiny_segmenter()
    settings = {"epochs": 4, "steps_per_epoch": 6, "learning_rate": 0.05} | settings
    best = fit(model, *lesions(), folder, objective(scores), optimization, **settings)
    return model, best


@pytest.mark.parametrize(
    "optimization",
    [
        OptimizationSettings(),
        OptimizationSettings(schedule="plateau", head_epochs=1, ema_momentum=0.8),
    ],
)
def test_killed_segmenter_ends_as_if_it_had_not_been(tmp_path, optimization):
    whole, best = train(tmp_path / "whole", optimization)
    killed, kill = tiny_segmenter(), Kill(8)  # in the second epoch
    plain_fit = killed.fit
    killed.fit = lambda *args, callbacks, **kwargs: plain_fit(
        *args, callbacks=[*callbacks, kill], **kwargs
    )
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", optimization, killed)
    assert len(pd.read_csv(tmp_path / "killed/history.csv")) == 1
    resumed, best_resumed = train(tmp_path / "killed", optimization)
    for one, other in ((resumed, whole), (best_resumed, best)):
        for found, expected in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
    histories = [
        pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "killed")
    ]
    pd.testing.assert_frame_equal(*histories)


def test_history_and_model_are_those_of_the_task(tmp_path):
    _, best = train(tmp_path, OptimizationSettings(), epochs=6)
    history = pd.read_csv(tmp_path / "history.csv")
    assert list(history) == ["epoch", "loss", "pixel_accuracy", "val_dice"]
    _, validation = lesions()
    masks = np.concatenate([mask for _, mask in validation])
    found = dice(masks, best.predict(validation, verbose=0))["val_dice"]
    assert found == history["val_dice"].max() > 0.9


def test_segmenter_stops_where_its_dice_makes_no_progress(tmp_path):
    given = iter([0.5, 0.6, 0.6, 0.4, 0.9])
    scores = lambda targets, predictions: {"val_dice": next(given)}  # noqa: E731
    settings = OptimizationSettings(early_stopping=2)
    train(tmp_path, settings, scores=scores, epochs=5)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_dice"].tolist() == [0.5, 0.6, 0.6, 0.4]


def test_epoch_that_is_kept_is_the_best_by_what_is_monitored(tmp_path):
    dices, losses = iter([0.5, 0.9, 0.7]), iter([0.3, 0.4, 0.2])
    both = Objective(
        loss=keras.losses.BinaryCrossentropy(),
        scores=lambda targets, predictions: {
            "val_dice": next(dices),
            "val_loss": next(losses),
        },
        monitors={"val_dice": "max", "val_loss": "min"},
        best="val_dice",
    )
    model = tiny_segmenter()
    settings = OptimizationSettings(monitor="val_loss")
    best = fit(model, *lesions(), tmp_path, both, settings, epochs=3, steps_per_epoch=2)
    for found, expected in zip(best.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)  # of the last epoch


def test_score_of_which_less_is_better_keeps_the_least(tmp_path):
    given = iter([0.5, 0.2, 0.3])
    errors = Objective(
        loss=keras.losses.BinaryCrossentropy(),
        scores=lambda targets, predictions: {"val_error": next(given)},
        monitors={"val_error": "min"},
        best="val_error",
    )
    model, weights = tiny_segmenter(), []

    class Weights(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append(self.model.get_weights())

    plain_fit = model.fit
    model.fit = lambda *args, callbacks, **kwargs: plain_fit(
        *args, callbacks=[*callbacks, Weights()], **kwargs
    )
    best = fit(model, *lesions(), tmp_path, errors, epochs=3, steps_per_epoch=3)
    for found, expected in zip(best.get_weights(), weights[1], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "optimization, message",
    [
        ({"monitor": "val_auc"}, "`monitor` must be one of val_dice. Received: 'val_a"),
        ({"head_epochs": 4}, "`head_epochs` must leave.*Received: 4 of 4"),
    ],
)
def test_settings_that_do_not_fit_the_task_are_refused(tmp_path, optimization, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "new", OptimizationSettings(**optimization))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "changed", [{"best": "val_auc"}, {"monitors": {"val_dice": "most"}}]
)
def test_objective_without_a_usable_monitor_is_refused(changed):
    usual = {"monitors": {"val_dice": "max"}, "best": "val_dice"}
    with pytest.raises(ValueError, match="Received: "):
        Objective(loss=None, scores=dice, **usual | changed)


def test_head_of_an_unnamed_layer_is_refused(tmp_path):
    plain = Objective(
        loss=None, scores=dice, monitors={"val_dice": "max"}, best="val_dice"
    )
    settings = OptimizationSettings(head_epochs=1)
    with pytest.raises(ValueError, match="`head_epochs` needs.*Received: 1"):
        fit(
            tiny_segmenter(),
            *lesions(),
            tmp_path,
            plain,
            settings,
            epochs=2,
            steps_per_epoch=1,
        )
