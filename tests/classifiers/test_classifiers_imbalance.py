import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.special import log_softmax, softmax
from sklearn.utils.class_weight import compute_class_weight

from keras_derm.classifiers import (
    IMBALANCE,
    LogitAdjustedCrossentropy,
    class_weights,
    classification_loss,
    sample_weights,
    smoothed_targets,
    times_frequencies,
)

TARGETS = np.array([0] * 90 + [1] * 9 + [2])
N_CLASSES = 3


def probabilities(n=100):
    logits = np.random.default_rng(0).normal(0, 3, (n, N_CLASSES))
    return logits, softmax(logits, axis=1).astype("float32")


def one_hot(targets):
    return np.eye(N_CLASSES, dtype="float32")[targets]


def test_class_weights_are_scikit_learns_balanced():
    targets = np.array([0] * 10 + [2] * 5 + [3])
    expected = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=targets)
    weights = class_weights(targets, 4)
    np.testing.assert_allclose(weights[[0, 2, 3]], expected, rtol=1e-6)
    assert weights[1] == 0


def test_class_weights_alone_weigh_samples_and_all_classes_then_count_the_same():
    for imbalance in IMBALANCE:
        weights = sample_weights(imbalance, TARGETS, N_CLASSES)
        of_class = np.bincount(TARGETS, weights)
        if imbalance == "class_weights":
            np.testing.assert_allclose(of_class, 100 / 3, rtol=1e-5)
        else:
            np.testing.assert_array_equal(weights, 1)


def test_logit_adjustment_is_menons_equation():
    logits, y_pred = probabilities()
    priors = np.bincount(TARGETS) / len(TARGETS)
    adjusted = log_softmax(logits + np.log(priors), axis=1)
    expected = -np.mean(adjusted[np.arange(len(TARGETS)), TARGETS])
    loss = classification_loss("logit_adjustment", TARGETS, N_CLASSES)
    assert float(loss(one_hot(TARGETS), y_pred)) == pytest.approx(expected, rel=1e-5)


def test_logit_adjustment_by_equal_priors_is_cross_entropy():
    _, y_pred = probabilities()
    loss = LogitAdjustedCrossentropy([5, 5, 5])
    expected = keras.losses.CategoricalCrossentropy()(one_hot(TARGETS), y_pred)
    assert float(loss(one_hot(TARGETS), y_pred)) == pytest.approx(
        float(expected), rel=1e-5
    )


@pytest.mark.parametrize(
    "imbalance, learned",
    [("none", [0.90, 0.09, 0.01]), ("logit_adjustment", [1 / 3, 1 / 3, 1 / 3])],
)
def test_without_features_logit_adjustment_learns_equal_probabilities(
    imbalance, learned
):
    """Where images say nothing, what is left of the priors must be nothing."""
    loss = classification_loss(imbalance, TARGETS, N_CLASSES)
    logits = tf.constant(np.log(learned), "float32")
    with tf.GradientTape() as tape:
        tape.watch(logits)
        y_pred = tf.tile(tf.nn.softmax(logits)[None], (len(TARGETS), 1))
        value = loss(one_hot(TARGETS), y_pred)
    np.testing.assert_allclose(tape.gradient(value, logits), 0, atol=1e-6)


@pytest.mark.parametrize("imbalance", IMBALANCE)
def test_smoothing_prefers_no_class_to_another(imbalance):
    """A network that learned the targets without fault names what is in the image."""
    targets = smoothed_targets(imbalance, TARGETS, N_CLASSES, 0.1)
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    learned = targets
    if imbalance == "logit_adjustment":  # the loss puts the frequencies in
        learned = targets / np.bincount(TARGETS)
        learned /= learned.sum(axis=1, keepdims=True)
    assert (learned.argmax(axis=1) == TARGETS).all()
    for row, target in zip(learned, TARGETS, strict=True):
        others = np.delete(row, target)
        np.testing.assert_allclose(others, others[0])
    loss = classification_loss(imbalance, TARGETS, N_CLASSES)
    if imbalance != "focal":
        y_pred = ops.convert_to_tensor(learned, "float32")
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            found = loss(targets.astype("float32"), y_pred)
        # Nothing is gained by moving probability from one class to another.
        gradient = np.asarray(tape.gradient(found, y_pred)) * learned
        inside = gradient - learned * gradient.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(inside, 0, atol=1e-7)


def test_gradient_reaches_a_class_held_for_impossible():
    logits = tf.constant([[40.0, 0.0, 0.0]])
    loss = LogitAdjustedCrossentropy([1, 1, 1])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(one_hot([1]), tf.nn.softmax(logits))
    np.testing.assert_allclose(tape.gradient(value, logits), [[1, -1, 0]], atol=1e-5)


def test_focal_loss_weighs_the_positive_class_by_alpha():
    _, y_pred = probabilities()
    loss = classification_loss(
        "focal", TARGETS, N_CLASSES, 2.0, focal_alpha=0.25, positive_class=1
    )
    p = y_pred[np.arange(len(TARGETS)), TARGETS]
    alpha = np.where(TARGETS == 1, 0.25, 0.75)
    expected = np.mean(-alpha * (1 - p) ** 2 * np.log(p))
    assert float(loss(one_hot(TARGETS), y_pred)) == pytest.approx(expected, rel=1e-4)


def test_half_adjusted_probabilities_are_the_others_times_a_root_of_frequencies():
    _, y_pred = probabilities()
    whole = classification_loss("logit_adjustment", TARGETS, N_CLASSES)
    half = classification_loss(
        "logit_adjustment", TARGETS, N_CLASSES, logit_adjustment=0.5
    )
    scaled = times_frequencies(y_pred, np.bincount(TARGETS), 0.5)
    expected = float(whole(one_hot(TARGETS), y_pred))
    assert float(half(one_hot(TARGETS), scaled)) == pytest.approx(expected, rel=1e-5)


def test_logit_adjusted_loss_is_saved_with_the_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", loss=LogitAdjustedCrossentropy([6, 3, 1], temperature=0.5))
    model.save(tmp_path / "model.keras")
    loss = keras.models.load_model(tmp_path / "model.keras").loss
    assert loss.priors == pytest.approx([0.6, 0.3, 0.1]) and loss.temperature == 0.5


@pytest.mark.parametrize(
    "call",
    [
        lambda: classification_loss("weights", TARGETS, N_CLASSES),
        lambda: sample_weights("weights", TARGETS, N_CLASSES),
        lambda: classification_loss("logit_adjustment", TARGETS, 4),
        lambda: classification_loss("focal", TARGETS, 3, focal_alpha=0.25),
        lambda: classification_loss("focal", TARGETS, 3, 2, 25, positive_class=1),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError, match="Received: "):
        call()
