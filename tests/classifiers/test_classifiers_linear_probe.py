from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.classifiers import build_classifier, fit_linear_probe
from keras_derm.settings import MemberSettings, SettingsError, TrainClassifierSettings

SIDE = 32
READ = ("block2b_add", "block3b_add")


def coloured(targets, seed):
    """Batches of noisy images whose mean colour tells the class."""
    noise = np.random.default_rng(seed).normal(0, 40, (len(targets), SIDE, SIDE, 3))
    colours = np.array([[160, 90, 90], [90, 160, 90], [90, 90, 160]])[targets]
    images = np.clip(colours[:, None, None] + noise, 0, 255).astype("float32")
    return tf.data.Dataset.from_tensor_slices(images).batch(16)


def probe(n_classes, targets, shown=None, **options):
    keras.utils.set_random_seed(0)
    model = build_classifier(
        "EfficientNetLite0", n_classes, SIDE, pooled_layers=READ, dropout=0.0
    )
    before = [np.array(one) for one in model.weights]
    val = np.arange(9) % n_classes
    images = coloured(targets if shown is None else shown, 1)
    fitted = fit_linear_probe(model, images, targets, coloured(val, 2), val, **options)
    return fitted, before


def logits(model, images):
    return np.log(np.concatenate([model(batch) for batch in images]))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_softmax_alone_is_fitted_and_tells_the_classes_apart(n_classes):
    targets = np.arange(48) % n_classes
    model, before = probe(n_classes, targets)
    for old, new in zip(before[:-2], model.weights[:-2], strict=True):
        np.testing.assert_array_equal(old, np.array(new))
    unseen = np.arange(30) % n_classes
    assert (logits(model, coloured(unseen, 3)).argmax(axis=1) == unseen).mean() > 0.9


def test_fitting_again_gives_the_same():
    targets = np.arange(30) % 3
    first, second = (probe(3, targets)[0].get_weights()[-2:] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frequencies_are_taken_out_by_the_adjustment():
    targets = np.repeat([0, 1, 2], [24, 12, 6])
    images = coloured(np.arange(12) % 3, 3)
    plain = logits(probe(3, targets)[0], images)
    adjusted = logits(probe(3, targets, adjustment=0.5)[0], images)
    expected = plain - 0.5 * np.log([24 / 42, 12 / 42, 6 / 42])
    expected -= np.log(np.exp(expected).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(adjusted, expected, atol=1e-3)


def test_images_without_weight_count_for_nothing():
    targets = np.repeat([0, 1, 2], 16)
    mislabelled = targets.copy()
    mislabelled[::2] = (mislabelled[::2] + 1) % 3
    weights = (mislabelled == targets).astype("float32")
    images = coloured(np.arange(12) % 3, 3)
    weighted = logits(probe(3, mislabelled, targets, sample_weights=weights)[0], images)
    right = logits(probe(3, targets, sample_weights=weights)[0], images)
    deceived = logits(probe(3, mislabelled, targets)[0], images)
    np.testing.assert_allclose(np.exp(weighted), np.exp(right), atol=0.02)
    assert np.abs(np.exp(deceived) - np.exp(right)).max() > 0.1


def test_a_probe_of_the_middle_learns_and_looks_there_alone():
    keras.utils.set_random_seed(0)
    model = build_classifier(
        "EfficientNetLite0", 3, 24, cropped_from=SIDE, pooled_layers=READ
    )
    targets, unseen = np.arange(48) % 3, np.arange(30) % 3
    fit_linear_probe(model, coloured(targets, 1), targets, coloured(unseen, 2), unseen)
    images = np.concatenate([*coloured(unseen, 3)])
    said = np.asarray(model(images))
    assert (said.argmax(axis=1) == unseen).mean() > 0.9
    elsewhere = np.full_like(images, 255)
    middle = slice(4, 28)
    elsewhere[:, middle, middle] = images[:, middle, middle]
    np.testing.assert_allclose(model(elsewhere), said, atol=1e-6)


def test_hidden_units_are_refused():
    model = build_classifier("SmallResNet", 2, SIDE, hidden_units=5)
    targets = np.arange(8) % 2
    with pytest.raises(ValueError, match="no hidden units.*softmax of 5 values"):
        fit_linear_probe(
            model, coloured(targets, 0), targets, coloured(targets, 1), targets
        )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weights": None}, "give its `weights`.*none for EfficientNetLite0"),
        ({"hidden_units": 64}, "no hidden units.*Received: 64"),
        ({"imbalance": "focal"}, "logistic regression.*Received: 'focal'"),
    ],
)
def test_settings_that_no_probe_can_have_are_refused(changed, said):
    settings = TrainClassifierSettings(
        members=(MemberSettings("EfficientNetLite0", linear_probe=True),),
        weights={"EfficientNetLite0": "imagenet"},
    )
    with pytest.raises(SettingsError, match=said):
        replace(settings, **changed)


@pytest.mark.parametrize(
    ("settings", "described"),
    [
        ({"linear_probe": True}, "a linear probe of EfficientNetLite0"),
        (
            {"linear_probe": True, "image_size": 112, "cropped_from": 160},
            "a linear probe of EfficientNetLite0 on the middle",
        ),
        ({}, "EfficientNetLite0"),
    ],
)
def test_reports_tell_a_probe_from_the_network_it_reads(settings, described):
    assert MemberSettings("EfficientNetLite0", **settings).described == described
