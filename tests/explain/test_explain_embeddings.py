"""Features are the pooled layer; neighbours are counted in them, not in the plane."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_ensemble
from keras_derm.explain import choose_points, embed, features, neighbour_mixing


def mean_colour_classifier(size, name):
    """Its pooled features are the image's mean red, green and blue."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    return keras.Model(inputs, outputs, name=name)


def images(n=6, size=16):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), "uint8")


def test_features_are_what_the_pooling_gives():
    found = features(mean_colour_classifier(16, "one"), images(), batch_size=4)
    np.testing.assert_allclose(found, images().mean(axis=(1, 2)), rtol=1e-5)


def test_ensemble_gives_one_member_or_all_of_equal_weight():
    members = [mean_colour_classifier(16, "large"), mean_colour_classifier(8, "small")]
    ensemble = build_ensemble(members, 16)
    small = features(ensemble, images(), member="small")
    np.testing.assert_allclose(
        small, images().mean(axis=(1, 2)), rtol=1e-4
    )  # bilinear halving averages pairs of pixels
    both = features(ensemble, images())
    assert both.shape == (6, 6)
    np.testing.assert_allclose((both[:, :3] ** 2).mean(), 1, rtol=1e-5)
    np.testing.assert_allclose((both[:, 3:] ** 2).mean(), 1, rtol=1e-5)


def test_what_has_no_features_is_refused():
    with pytest.raises(ValueError, match=r"\['one'\].*Received: 'two'"):
        features(mean_colour_classifier(16, "one"), images(), member="two")
    inputs = keras.Input((16, 16, 3))
    no_pooling = keras.Model(inputs, keras.layers.Conv2D(2, 16)(inputs))
    with pytest.raises(ValueError, match=r"pooling layer.*Received:"):
        features(no_pooling, images())
    with pytest.raises(ValueError, match="`images`"):
        features(mean_colour_classifier(16, "one"), images()[0])


def test_points_are_shared_out_among_diagnoses_and_kinds():
    diagnosis = np.array(["NV"] * 900 + ["MEL"] * 100 + ["DF"] * 5)
    synthetic = np.arange(1005) % 100 >= 70
    chosen = choose_points(diagnosis, synthetic, n_most=60)
    cells = list(zip(diagnosis[chosen], synthetic[chosen], strict=True))
    assert {cell: cells.count(cell) for cell in set(cells)} == {
        ("NV", False): 12,
        ("NV", True): 12,
        ("MEL", False): 12,
        ("MEL", True): 12,
        ("DF", False): 5,
    }
    np.testing.assert_array_equal(
        chosen, choose_points(diagnosis, synthetic, n_most=60)
    )
    assert not np.array_equal(chosen, choose_points(diagnosis, synthetic, 60, seed=1))


def test_groups_far_apart_stay_apart_in_the_plane_and_the_seed_repeats_it():
    generator = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 40)
    points = generator.normal(size=(120, 20)) + 20 * np.eye(20)[group]
    plane = embed(points, seed=1)
    assert plane.shape == (120, 2)
    centres = np.array([plane[group == k].mean(axis=0) for k in range(3)])
    nearest = ((plane[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, group)
    np.testing.assert_array_equal(plane, embed(points, seed=1))


def test_few_points_still_have_a_plane():
    assert embed(np.random.default_rng(0).normal(size=(5, 3))).shape == (5, 2)


@pytest.mark.parametrize(
    "points", [np.zeros((4, 3)), np.zeros(9), np.full((9, 3), np.nan)]
)
def test_points_that_cannot_be_laid_out_are_refused(points):
    with pytest.raises(ValueError, match=r"`features` .*Received:"):
        embed(points)


def test_umap_compiles_only_when_it_is_asked_for():
    code = "import sys, keras_derm.explain; sys.exit('umap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_neighbours_counted_by_hand():
    line = np.array([[0.0], [0.1], [10], [10.1], [0.04], [9.8]])
    diagnosis = ["MEL", "MEL", "NV", "NV", "MEL", "MEL"]
    synthetic = [False, False, False, False, True, True]
    found = neighbour_mixing(line, diagnosis, synthetic)
    assert found["same_class"] == 0.5  # at 0.04 a melanoma is next, at 9.8 a nevus
    assert found["same_class_real"] == 1
    assert found["same_class_chance"] == 0.5
    assert found["n_compared"] == 2  # two melanomas of each kind, no synthetic nevus


def test_real_and_synthetic_are_told_apart_only_where_they_differ():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(800, 3))
    diagnosis = np.tile(["MEL", "NV"], 400)
    synthetic = np.arange(800) >= 400
    same = neighbour_mixing(points, diagnosis, synthetic)
    assert abs(same["two_sample_accuracy"] - 0.5) < 0.07
    apart = neighbour_mixing(points + 9 * synthetic[:, None], diagnosis, synthetic)
    assert apart["two_sample_accuracy"] == 1
    copies = np.concatenate([points[:400], points[:400] + 1e-6])
    assert neighbour_mixing(copies, diagnosis, synthetic)["two_sample_accuracy"] == 0


def test_diagnoses_of_other_frequency_do_not_tell_real_from_synthetic():
    """One kind is mostly nevi, the other mostly melanomas; each looks the same."""
    generator = np.random.default_rng(1)
    synthetic = np.arange(1000) >= 500
    melanoma = generator.random(1000) < np.where(synthetic, 0.8, 0.2)
    points = generator.normal(size=(1000, 2)) + 20 * melanoma[:, None]
    found = neighbour_mixing(points, np.where(melanoma, "MEL", "NV"), synthetic)
    assert abs(found["two_sample_accuracy"] - 0.5) < 0.08


def test_a_missing_kind_is_nan_never_0():
    found = neighbour_mixing(np.zeros((3, 2)), ["NV"] * 3, [False] * 3)
    assert np.isnan([found["same_class"], found["two_sample_accuracy"]]).all()
    assert found["n_compared"] == 0
    with pytest.raises(ValueError, match="equally long"):
        neighbour_mixing(np.zeros((3, 2)), ["NV"] * 2, [False] * 3)
