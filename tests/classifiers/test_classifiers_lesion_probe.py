"""Lesions by what pretrained networks see: fitted, kept, and what is missing."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from test_classifiers_lesions import ALL, COLUMNS, SIDE, N, catalog, examples, prepared

from keras_derm.classifiers import (
    build_lesion_probe,
    fit_softmax,
    predict_lesions,
    remove_features,
    train_lesion_probe,
)
from keras_derm.settings import (
    NetworkSettings,
    SettingsError,
    TrainLesionClassifierSettings,
)

__all__ = ["catalog", "examples", "prepared"]  # fixtures

NETWORKS = (
    NetworkSettings("EfficientNetLite0", image_size=32, pooled_layers=("block2b_add",)),
    NetworkSettings(
        "EfficientNetLite0",
        image_size=12,
        cropped_from=SIDE,
        pooled_layers=("block2b_add", "block3b_add"),
    ),
)
SETTINGS = TrainLesionClassifierSettings(
    probed_networks=NETWORKS, weights="imagenet", columns=COLUMNS, absence_rate=0.4
)


@pytest.fixture(scope="module")
def fitted(examples, tmp_path_factory):
    return train_lesion_probe(examples, SETTINGS, ALL, tmp_path_factory.mktemp("arms"))


def test_it_learns_from_what_tells_the_classes_apart(examples, fitted):
    _, predicted = fitted
    for split in ("val", "test"):
        targets = examples.split(split).targets
        assert predicted[split].shape == (len(targets), 3)
        assert predicted[split].sum(axis=1) == pytest.approx(1)
        assert roc_auc_score(targets, predicted[split], multi_class="ovr") > 0.9


def test_the_model_says_what_was_predicted_of_its_features(examples, fitted, tmp_path):
    model, predicted = fitted
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for split in ("val", "test"):
        found = predict_lesions(again, examples.split(split), ALL, flips=True)
        assert found == pytest.approx(predicted[split], abs=1e-4)


def test_nothing_but_the_softmax_was_fitted(fitted):
    keras.utils.set_random_seed(5)
    fresh = build_lesion_probe(ALL, 3, NETWORKS, SIDE, "imagenet", table_width=8)
    model, _ = fitted
    pairs = zip(
        fresh.get_layer("reader").weights,
        model.get_layer("reader").weights,
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)
    assert not model.get_layer("reader").trainable_weights


def test_the_mean_stands_in_the_place_of_what_is_missing(examples, fitted):
    model, _ = fitted
    train = examples.split("train")
    table = train.table.encode(train.lesions)
    absent = model.get_layer("head").get_layer("table_or_absent").absent
    there = train.given(ALL)[:, 2] > 0
    assert not there.all() or not (examples.given(ALL)[:, 2] > 0).all()
    np.testing.assert_allclose(absent, table[there].mean(axis=0), atol=1e-5)
    alike = predict_lesions(model, examples, ALL, withheld=ALL)
    assert np.ptp(alike, axis=0) == pytest.approx(0, abs=1e-6)


def test_without_other_inputs_one_is_enough(examples, fitted):
    model, _ = fitted
    said = predict_lesions(model, examples, ALL, ("close_up", "table"))
    there = examples.given(ALL)[:, 0] > 0
    truth = examples.targets[there]
    assert roc_auc_score(truth, said[there], multi_class="ovr") > 0.9


def test_fitting_again_gives_the_same(examples, fitted, tmp_path):
    _, predicted = fitted
    _, again = train_lesion_probe(examples, SETTINGS, ALL, tmp_path)
    for split, said in predicted.items():
        np.testing.assert_array_equal(again[split], said)


def test_other_arms_take_the_features_that_are_there(examples, tmp_path):
    train_lesion_probe(examples, SETTINGS, ("close_up",), tmp_path)
    (file,) = tmp_path.glob("*")
    kept = np.load(file)
    assert kept.shape == (4, N, 24 + 24 + 40)
    np.save(file, np.zeros_like(kept))
    _, said = train_lesion_probe(examples, SETTINGS, ("close_up",), tmp_path)
    assert np.ptp(said["test"], axis=0) == pytest.approx(0, abs=1e-6)
    remove_features(tmp_path)
    assert not list(tmp_path.glob("*"))


def test_sources_of_few_features_count_as_much_as_those_of_many():
    draw = np.random.default_rng(0).normal
    targets = np.arange(60) % 3
    many, few = draw(size=(1, 60, 50)), draw(size=(1, 60, 2)) * 7 + 3
    features = np.concatenate([many, few], axis=-1)
    kernel, bias = fit_softmax(
        features, targets, features, targets, penalties=(10.0,), widths=(50, 2)
    )
    rows = (features[0] - features[0].mean(axis=0)) / features[0].std(axis=0)
    rows[:, 50:] *= 5
    expected = LogisticRegression(C=0.1, tol=1e-6, max_iter=1000).fit(rows, targets)
    found = features[0] @ kernel + bias
    found -= found.mean(axis=1, keepdims=True)
    wanted = expected.decision_function(rows)
    wanted -= wanted.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_networks_without_weights_are_refused():
    with pytest.raises(SettingsError, match="`probed_networks`.*Received: none"):
        TrainLesionClassifierSettings(probed_networks=NETWORKS)
