import numpy as np
import pandas as pd
import pytest

from keras_derm.evaluation.class_scores.one_mix import OneMix, as_variables


def made(cells, **more):
    """Images of lesions of their own from (group, diagnosis, number), and a `OneMix`.

    Further variables have a value for each cell.
    """
    counts = [n for *_, n in cells]
    group = np.repeat([cell[0] for cell in cells], counts)
    variables = {"diagnosis": np.repeat([cell[1] for cell in cells], counts)}
    for name, values in more.items():
        values = pd.Categorical(values) if isinstance(values, list) else values
        variables[name] = values.repeat(counts)
    return group, as_variables(variables, len(group))


def one_mix(group, variables, cluster=None):
    cluster = np.arange(len(group)) if cluster is None else cluster
    pair, whole = [group == "a", group == "b"], np.ones(len(group), dtype=bool)
    return OneMix(pair, whole, variables, cluster, cluster.max() + 1)


def of_one(mix):
    return mix.weights(np.ones((mix._n_clusters, 1)))


def test_weights_and_effective_n_by_hand():
    """The whole is half NV, half BCC: 40 NV of 50 weigh 25 / 40, 10 BCC 25 / 10."""
    group, variables = made(
        [("a", "NV", 40), ("a", "BCC", 10), ("b", "NV", 20), ("b", "BCC", 50)]
    )
    mix = one_mix(group, variables)
    of_a, of_b = of_one(mix)
    assert of_a[:, 0] == pytest.approx(np.repeat([0.625, 2.5], [40, 10]))
    assert of_b[:, 0] == pytest.approx(np.repeat([1.75, 0.7], [20, 50]))
    by_hand = 50**2 / (40 * 0.625**2 + 10 * 2.5**2)
    assert mix.n_effective[0] == pytest.approx(by_hand) == pytest.approx(32)
    assert (mix.reason, mix.left_out, mix.levels) == ("", [], {"diagnosis": 2})


def test_equal_mixes_are_left_as_they_are():
    group, variables = made(
        [("a", "NV", 30), ("a", "BCC", 10), ("b", "NV", 60), ("b", "BCC", 20)]
    )
    mix = one_mix(group, variables)
    assert all(each == pytest.approx(1) for each in of_one(mix))
    assert mix.n_effective == pytest.approx((40, 80))


def test_photographs_of_one_lesion_count_once():
    group, variables = made([("a", "NV", 40), ("b", "NV", 40)])
    mix = one_mix(group, variables, cluster=np.arange(80) // 2)
    assert mix.n_effective == pytest.approx((20, 20))


def test_a_diagnosis_that_one_lacks_is_left_out_of_both_and_named():
    group, variables = made(
        [("a", "NV", 40), ("b", "NV", 30), ("a", "DF", 4), ("b", "DF", 9)]
    )
    mix = one_mix(group, variables)
    assert mix.left_out == ["DF"] and mix.reason == ""
    assert mix.covered == pytest.approx(70 / 83)
    assert [len(images) for images in mix.images] == [40, 30]


def test_groups_that_share_too_little_are_given_no_weights():
    group, variables = made([("a", "NV", 40), ("b", "NV", 30), ("b", "BCC", 30)])
    mix = one_mix(group, variables)
    assert mix.reason == (
        "only 70% of the mix is of diagnoses of which both have 5 lesions, without BCC"
    )


def test_rare_sites_are_taken_together():
    sites = ["head", "trunk", "foot", "mouth"] * 2
    cells = [("a", "NV", 20), ("a", "NV", 9), ("a", "NV", 3), ("a", "NV", 2)]
    cells += [("b", "NV", n) for n in (30, 40, 9, 1)]
    group, variables = made(cells, site=sites)
    mix = one_mix(group, variables)
    # Of the mouth b has 1 and of the foot a has 3, together 5 and 10.
    assert mix.levels == {"site": 3}
    of_a, of_b = of_one(mix)
    whole = np.array([50, 49, 15]) / 114
    rare = of_a[29:, 0], of_b[70:, 0]
    assert rare[0] == pytest.approx(34 * whole[2] / 5)
    assert rare[1] == pytest.approx(80 * whole[2] / 10)


def test_a_rare_age_is_taken_with_its_neighbour():
    bands = ["young", "middle", "old", "oldest"]
    ages = pd.Categorical(bands * 2, bands, ordered=True)
    cells = [("a", "NV", n) for n in (2, 12, 10, 1)]
    cells += [("b", "NV", n) for n in (9, 12, 30, 9)]
    group, variables = made(cells, age=ages)
    mix = one_mix(group, variables)
    assert mix.levels == {"age": 2}
    of_a, _ = of_one(mix)
    young, old = (9 + 2 + 12 + 12) / 85, (10 + 1 + 30 + 9) / 85
    assert of_a[:14, 0] == pytest.approx(25 * young / 14)
    assert of_a[14:, 0] == pytest.approx(25 * old / 11)


def test_what_is_not_known_is_a_level():
    group, variables = made(
        [("a", "NV", 20), ("a", "NV", 20), ("b", "NV", 30), ("b", "NV", 10)],
        site=["head", None, "head", None],
    )
    mix = one_mix(group, variables)
    of_a, of_b = of_one(mix)
    assert mix.levels == {"site": 2}
    assert of_a[20:].sum() == pytest.approx(of_b[30:].sum()) == pytest.approx(15)


def test_weights_that_rest_on_a_few_lesions_are_refused():
    group, variables = made(
        [("a", "NV", 40), ("a", "BCC", 5), ("b", "NV", 20), ("b", "BCC", 300)]
    )
    mix = one_mix(group, variables)
    assert mix.reason == "no weights give both groups the mix of diagnosis"
    group, variables = made(
        [("a", "NV", 11), ("a", "BCC", 6), ("b", "NV", 20), ("b", "BCC", 180)]
    )
    mix = one_mix(group, variables)
    of_nv, of_bcc = 17 * 31 / 217 / 11, 17 * 186 / 217 / 6
    assert 17**2 / (11 * of_nv**2 + 6 * of_bcc**2) == pytest.approx(8, abs=0.1)
    assert mix.reason == (
        "weighed to the mix, they tell as much as 8 lesions would: too few to judge"
    )


def test_every_resample_is_weighed_anew_and_one_without_a_diagnosis_is_none():
    group, variables = made(
        [("a", "NV", 40), ("a", "BCC", 10), ("b", "NV", 20), ("b", "BCC", 50)]
    )
    mix = one_mix(group, variables)
    clusters = np.ones((120, 3))
    clusters[:20, 1] = 2
    clusters[40:50, 2] = 0
    of_a, of_b = mix.weights(clusters)
    bcc = of_a[40:].sum(axis=0) / of_a.sum(axis=0)
    assert bcc[:2] == pytest.approx(0.5, abs=1e-3)
    assert np.isnan(of_a[:, 2]).all() and not np.isnan(of_b).any()
    assert of_one(mix)[0].shape == (50, 1)


def test_variables_are_checked():
    with pytest.raises(ValueError, match=r"shape \(3,\) for `site`. Received.*\(2,\)"):
        as_variables({"diagnosis": ["NV"] * 3, "site": ["head"] * 2}, 3)
    with pytest.raises(ValueError, match=r"needs `diagnosis`.*Received: \['site'\]"):
        as_variables({"site": ["head"] * 2}, 2)
