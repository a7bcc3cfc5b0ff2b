import numpy as np
import pytest
from scipy.linalg import sqrtm

from keras_derm.evaluation.image_quality.feature_distances import (
    all_turns,
    diversity_within_classes,
    frechet_distance,
    kernel_distance,
    memorisation,
    neighbourhood_metrics,
    quality_table,
)


def whitened(n, d, seed):
    """Features with mean exactly 0 and covariance exactly 1."""
    features = np.random.default_rng(seed).normal(size=(n, d))
    features -= features.mean(axis=0)
    root = np.linalg.cholesky(np.cov(features.T))
    return np.linalg.solve(root, features.T).T


def test_frechet_distance_of_gaussians_on_common_axes_is_their_closed_form():
    deviations = np.array([[1.0, 2.0, 0.5], [3.0, 1.0, 0.5]])
    means = np.array([[0.0, 1.0, -2.0], [1.0, 1.0, 2.0]])
    sets = [
        whitened(200 + 50 * i, 3, seed=i) * deviations[i] + means[i] for i in range(2)
    ]
    expected = ((means[0] - means[1]) ** 2 + (deviations[0] - deviations[1]) ** 2).sum()
    np.testing.assert_allclose(frechet_distance(*sets), expected, rtol=1e-9)


@pytest.mark.parametrize("n", [300, 12])
def test_frechet_distance_agrees_with_the_matrix_root(n):
    generator = np.random.default_rng(3)
    mixing = generator.normal(size=(2, 20, 20))
    sets = [generator.normal(size=(n, 20)) @ mixing[i] + i for i in range(2)]
    covariances = [np.cov(features.T) for features in sets]
    shift = ((sets[0].mean(axis=0) - sets[1].mean(axis=0)) ** 2).sum()
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = shift + np.trace(covariances[0] + covariances[1] - 2 * root)
    np.testing.assert_allclose(frechet_distance(*sets), expected, rtol=1e-4)


def test_frechet_distance_of_a_set_to_itself_is_0_however_flat_it_is():
    flat = np.random.default_rng(0).normal(size=(30, 2)) @ np.ones((2, 50))
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_the_unbiased_sum_over_pairs():
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=(2, 7, 4)) + [[[0]], [[0.5]]]

    def kernel(x, y):
        return (x @ y / 4 + 1) ** 3

    def within(features):
        pairs = [
            kernel(features[i], features[j])
            for i in range(7)
            for j in range(7)
            if i != j
        ]
        return np.mean(pairs)

    between = np.mean([kernel(x, y) for x in first for y in second])
    expected = within(first) + within(second) - 2 * between
    mean, deviation = kernel_distance(first, second, n_subsets=3, subset_size=7)
    np.testing.assert_allclose(mean, expected, rtol=1e-9)
    assert deviation == pytest.approx(0, abs=1e-9)


def test_kernel_distance_of_one_distribution_is_0_on_average():
    generator = np.random.default_rng(2)
    found = [
        kernel_distance(*generator.normal(size=(2, 40, 3)), n_subsets=1, subset_size=40)
        for _ in range(400)
    ]
    values = np.array(found)[:, 0]
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert values.min() < 0


def test_neighbourhoods_of_hand_made_points():
    # On a line, with the nearest neighbour: radii of the real points 1, 1, 2, 10 and
    # of the made ones 1, 1, 30.
    real = np.array([[0.0], [1.0], [3.0], [13.0]])
    made = np.array([[3.5], [4.5], [34.5]])
    # Distances of made 3.5: to real 3 it is 0.5 <= 2, to 13 9.5 <= 10; of 4.5: 1.5
    # and 8.5; 34.5 is in none. Of the real ones 3 is within 1 of 3.5; 13 is within
    # 30 of 34.5.
    found = neighbourhood_metrics(real, made, n_neighbours=1)
    assert found == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 4, "density": 4 / 3, "coverage": 2 / 4}
    )


def test_copies_have_perfect_precision_and_one_point_has_no_coverage():
    real = np.random.default_rng(0).normal(size=(50, 3))
    copies = neighbourhood_metrics(real, real)
    assert copies["precision"] == copies["recall"] == copies["coverage"] == 1
    collapsed = np.repeat(real[:1], 50, axis=0)
    found = neighbourhood_metrics(real, collapsed)
    assert found["precision"] == 1 and found["coverage"] < 0.3


def test_copies_of_training_images_are_told_from_new_ones():
    generator = np.random.default_rng(0)
    train, held_out, new = generator.normal(size=(3, 500, 4))
    copies = train[:300] + generator.normal(0, 1e-3, (300, 4))
    assert memorisation(copies, train, held_out)["memorisation_ratio"] < 0.02
    assert memorisation(copies, train, held_out)["copied_share"] > 0.95
    honest = memorisation(new, train, held_out)
    assert honest["memorisation_ratio"] == pytest.approx(1, abs=0.1)
    assert honest["copied_share"] < 0.04


def test_all_turns_are_the_eight_of_the_square():
    image = np.arange(12).reshape(1, 2, 2, 3)
    turns = all_turns(image)
    assert turns.shape == (8, 2, 2, 3)
    assert len({turn.tobytes() for turn in turns}) == 8


def test_diversity_is_the_mean_distance_of_pairs():
    features = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0], [1.0, 1.0]])
    found = diversity_within_classes(features, ["a", "a", "a", "b"])
    assert found["a"] == pytest.approx((5 + 8 + 5) / 3)
    assert np.isnan(found["b"])


def test_memorisation_sees_copies_that_were_turned():
    generator = np.random.default_rng(0)
    train, held_out, turned = generator.normal(size=(3, 200, 4))
    copies = np.stack([turned, train])  # the second turn brings the original back
    found = memorisation(copies, train, np.stack([held_out, held_out + 0.01]))
    assert found["memorisation_ratio"] == 0 and found["copied_share"] == 1


def sets_of_cells():
    generator = np.random.default_rng(0)

    def features(shift, **counts):
        cells = np.repeat(list(counts), list(counts.values()))
        return generator.normal(size=(len(cells), 4)) + shift, cells

    reference = features(0, MEL=160, NV=120, DF=10)
    floor = features(0, MEL=300, NV=300, DF=50)
    made = features(3, MEL=50, NV=30, DF=20)
    return reference, {"training": floor, "made": made}


def test_table_judges_all_sets_of_a_cell_at_one_n():
    table = quality_table(*sets_of_cells(), "MobileNetV2")
    n_of_cell = table.groupby("cell")["n"].unique()
    assert {cell: list(n) for cell, n in n_of_cell.items()} == {
        "MEL": [50],
        "NV": [30],
        "all": [80],
        "DF": [10],
    }
    assert table.loc[table["cell"] == "DF", "metric"].tolist() == ["too few images"]
    values = table.set_index(["cell", "metric", "set"])
    for cell in ("MEL", "NV", "all"):
        made, floor = (
            values.loc[cell, "kernel distance (MobileNetV2)", name]
            for name in ("made", "training")
        )
        assert made["value"] > floor["value"] + 10 * floor["deviation"]


def test_table_of_few_images_has_its_columns_and_no_figure():
    generator = np.random.default_rng(0)
    few = generator.normal(size=(5, 4)), np.repeat("MEL", 5)
    table = quality_table(few, {"made": few}, "MobileNetV2")
    assert table["metric"].tolist() == ["too few images"]
    assert table[["set", "value", "deviation"]].isna().all(axis=None)


def test_fid_and_kid_are_what_inception_measures_and_nothing_else():
    table = quality_table(*sets_of_cells(), "MobileNetV2")
    assert not table["metric"].str.contains("FID|KID").any()
    named = quality_table(*sets_of_cells(), "InceptionV3")
    assert named["metric"].tolist()[:2] == ["KID", "FID"]


@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((5,), (5,)), ((1, 3), (5, 3))])
def test_features_that_do_not_fit_are_refused(shapes):
    sets = [np.zeros(shape) for shape in shapes]
    for metric in (frechet_distance, kernel_distance, neighbourhood_metrics):
        with pytest.raises(ValueError, match="Received: shapes"):
            metric(*sets)
