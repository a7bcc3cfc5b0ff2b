"""The tone network: its loss, its weights, its cuts, and what of it learns."""

import keras
import numpy as np
import pytest

from keras_derm.classifiers import (
    ToneLoss,
    build_tone_network,
    fit_cuts,
    label_weights,
    tone_objective,
    with_units,
)
from keras_derm.evaluation import weighted_kappa


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype("float32")


def test_loss_is_hubers_of_what_is_known():
    truth = np.array([[0.0, 0.0], [0.0, np.nan]], "float32")
    told = np.array([[1.0, 4.0], [3.0, 9.0]], "float32")
    # Huber with delta 2: 0.5 for 1, 4 for 3, 6 for 4; the colour counts a quarter.
    expected = [0.5 + 0.25 * 6, 4.0]
    assert float(ToneLoss()(truth, told)) == pytest.approx(np.mean(expected))


def test_loss_of_what_is_not_known_has_no_gradient():
    truth = keras.ops.convert_to_tensor(np.array([[0.0, np.nan]], "float32"))
    weight = keras.Variable(np.array([[1.0, 1.0]], "float32"))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = ToneLoss()(truth, weight * 1.0)
    gradient = np.asarray(tape.gradient(loss, weight.value))
    assert np.isfinite(gradient).all()
    assert gradient[0].tolist() == [1.0, 0.0]


def test_rare_labels_weigh_more_but_none_more_than_six_times():
    ranks = np.repeat([0, 1, 2], [2000, 500, 1])
    weights = label_weights(ranks)
    assert weights[0] < weights[2000] < weights[-1] <= 6
    assert weights[2000] / weights[0] == pytest.approx((2008 / 508) ** 0.5, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["early", "whole"])
def test_the_early_part_does_not_learn(images, depth):
    model = build_tone_network("MobileNetV2", 32, 2, depth=depth)
    stem = model.get_layer("block_2_project")
    before = stem.get_weights()[0].copy()
    model.compile("adam", loss=ToneLoss())
    targets = np.random.default_rng(1).normal(size=(6, 2)).astype("float32")
    model.fit(images, targets, epochs=2, verbose=0)
    assert np.array_equal(stem.get_weights()[0], before)
    assert ("block_9_add" in {each.name for each in model.layers}) == (depth == "whole")
    n_learn = len(model.get_layer("tone").trainable_variables)
    assert n_learn == 2


def test_in_labels_it_says_the_same(images, tmp_path):
    model = build_tone_network("MobileNetV2", 32, 4)
    head = model.get_layer("tone")
    head.set_weights([np.random.default_rng(2).normal(size=(64, 4)), np.arange(4.0)])
    standardised = model.predict(images, verbose=0)[:, :1]
    labels = with_units(model, 2.0, 0.8)
    labels.save(tmp_path / "tone.keras")
    again = keras.models.load_model(tmp_path / "tone.keras")
    assert again.predict(images, verbose=0) == pytest.approx(
        standardised * 0.8 + 2, abs=1e-4
    )


def test_cuts_find_the_limits_between_labels():
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 10, 3000)
    ranks = np.searchsorted([2.0, 5.0, 9.0], values)
    cuts = fit_cuts(ranks, values, 4, weighted_kappa)
    assert cuts == pytest.approx([2, 5, 9], abs=0.15)


def test_the_best_epoch_is_the_one_with_the_best_order():
    ranks = np.arange(10.0)
    dark, light = ranks >= 8, ranks <= 2
    scores = tone_objective(dark, light).scores
    truth = ranks[:, None]
    assert scores(truth, truth)["val_order"] == pytest.approx(1)
    assert scores(truth, -truth)["val_order"] == pytest.approx(-1)
    nobody = tone_objective(np.zeros(10, bool), light).scores(truth, truth)
    assert nobody["val_order"] == pytest.approx(1)
