import numpy as np
import pytest

from keras_derm.evaluation import (
    GAP_COLUMNS,
    compare,
    describe_gap,
    evaluate,
    gap_claim,
)
from keras_derm.evaluation.statistics.bootstrap import cluster_weights

CLASSES = ("MEL", "NV", "BCC")
SHARES = {"MEL": 0.8, "NV": 0.5, "BCC": 0.1}
"""Of each diagnosis the share that is called melanoma, the same in every group."""


def images(cells, called=SHARES):
    """Images of which in each cell the same share is called melanoma, to the image.

    Args:
        cells: dict from (tone, diagnosis) to a number of images, multiples of ten.
        called: dict from the keys of `cells`, or diagnoses, to shares.

    Returns:
        Tone, diagnosis and probabilities, with scores that spread within a cell.
    """
    tone, diagnosis, score = [], [], []
    for (of_tone, kind), n in cells.items():
        share = called.get((of_tone, kind), called.get(kind))
        # Ten steps over and over, of which this share lies above one half.
        steps = (np.arange(n) % 10 + 0.5) / 10
        tone += [of_tone] * n
        diagnosis += [kind] * n
        score += list(np.clip(0.5 + 0.45 * (steps - (1 - share)), 0.01, 0.99))
    tone, diagnosis = np.array(tone), np.array(diagnosis)
    y_true = np.array([CLASSES.index(kind) for kind in diagnosis])
    rest = 1 - np.array(score)
    bcc = np.where(diagnosis == "BCC", rest, 0)
    return tone, y_true, np.stack([score, rest - bcc, bcc], axis=1), diagnosis


def gaps_of(tone, y_true, y_prob, diagnosis=None, site=None, n_replicates=300, **more):
    mix = {"diagnosis": np.array(CLASSES)[y_true] if diagnosis is None else diagnosis}
    if site is not None:
        mix["anatom_site_general"] = site
    found = evaluate(
        y_true,
        y_prob,
        CLASSES,
        strata={"tone_group": tone},
        n_replicates=n_replicates,
        mix=mix,
        **more,
    )
    return {(gap["group"], gap["metric"]): gap for gap in found.gaps}, found


COMPOSITION = {
    ("light", "MEL"): 200,
    ("light", "NV"): 500,
    ("light", "BCC"): 100,
    ("dark", "MEL"): 60,
    ("dark", "NV"): 50,
    ("dark", "BCC"): 250,
}


@pytest.fixture(scope="module")
def composition():
    return gaps_of(*images(COMPOSITION))


@pytest.fixture(scope="module")
def unfair():
    called = SHARES | {("dark", "MEL"): 0.5, ("dark", "NV"): 0.8}
    return gaps_of(*images(COMPOSITION, called))


def test_a_gap_that_is_composition_alone_is_none_with_one_mix(composition):
    found, _ = composition
    for metric, least in (("specificity", 0.2), ("auc", 0.05)):
        gap = found["dark", metric]
        assert gap["raw"] > least and gap["raw_low"] > 0
        assert gap["standardised"] == pytest.approx(0, abs=1e-6)
        assert gap["standardised_low"] < 0 < gap["standardised_high"]
        assert gap_claim(gap) == 0
    sensitivity = found["dark", "sensitivity"]
    assert sensitivity["raw"] == pytest.approx(0) == sensitivity["standardised"]


def test_raw_and_standardised_specificity_by_hand(composition):
    found, _ = composition
    gap = found["dark", "specificity"]
    assert gap["raw_group"] == pytest.approx((50 * 0.5 + 250 * 0.9) / 300)
    assert gap["raw_beside"] == pytest.approx((500 * 0.5 + 100 * 0.9) / 600)
    both = (550 * 0.5 + 350 * 0.9) / 900
    assert gap["standardised_group"] == pytest.approx(both)
    assert gap["standardised_beside"] == pytest.approx(both)
    # Of 300, 550 / 900 shall be NV and there are 50.
    of_nv, of_bcc = 300 * 550 / 900 / 50, 300 * 350 / 900 / 250
    by_hand = 300**2 / (50 * of_nv**2 + 250 * of_bcc**2)
    assert gap["n_effective"] == pytest.approx(by_hand)
    assert (gap["counted"], gap["n_lesions"], gap["n_lesions_beside"]) == (
        "non-MEL",
        300,
        600,
    )
    assert (gap["mix"], gap["levels"]) == ("diagnosis", "non-MEL: diagnosis 2")


def test_a_real_gap_remains(unfair):
    found, _ = unfair
    sensitivity = found["dark", "sensitivity"]
    assert sensitivity["standardised"] == pytest.approx(-0.3)
    specificity = found["dark", "specificity"]
    assert specificity["raw"] > 0.15
    # Of NV 20 % instead of 50 % are cleared, and NV are 550 of 900.
    assert specificity["standardised"] == pytest.approx(-0.3 * 550 / 900)
    assert gap_claim(sensitivity) == gap_claim(specificity) == -1
    assert specificity["p_adjusted"] < 0.05


def test_a_hidden_gap_is_told_the_other_way_round_than_the_raw_one(unfair):
    said = describe_gap(unfair[0]["dark", "specificity"])
    assert "a raw gap of +0.22 (95 % interval +0." in said
    assert "With one mix of diagnosis it is -0.18 (95 % interval -0." in said
    assert said.count("dark is served worse") == 1


def test_raw_gaps_are_those_of_the_strata(unfair):
    found, evaluation = unfair
    strata = {one["value"]: one["metrics"] for one in evaluation.strata}
    for (group, metric), gap in found.items():
        if gap["raw_reason"]:
            continue
        values = strata[group][metric]["value"], strata["light"][metric]["value"]
        assert (gap["raw_group"], gap["raw_beside"]) == pytest.approx(values)


def test_the_order_of_the_images_changes_nothing(unfair):
    called = SHARES | {("dark", "MEL"): 0.5, ("dark", "NV"): 0.8}
    given = images(COMPOSITION, called)
    turn = np.random.default_rng(0).permutation(len(given[0]))
    again, _ = gaps_of(*(each[turn] for each in given), n_replicates=20)
    for key, gap in unfair[0].items():
        for name in ("raw", "standardised", "n_effective"):
            assert again[key][name] == pytest.approx(gap[name], nan_ok=True)


def test_only_the_sites_of_melanomas_matter_for_sensitivity():
    """Melanomas of the head are found by 5 of 10, of the trunk by 9 of 10."""
    tone = np.repeat(["light", "dark", "light", "dark"], [200, 100, 300, 300])
    site = np.concatenate(
        [
            np.repeat(["head", "trunk", "head", "trunk"], [40, 160, 80, 20]),
            np.random.default_rng(0).choice(["head", "trunk"], 600),
        ]
    )
    y_true = np.repeat([0, 1], [300, 600])
    steps = np.arange(900) % 10
    missed = np.where(site == "head", 5, 1)
    score = np.where(y_true == 0, np.where(steps < missed, 0.3, 0.7), 0.2)
    y_prob = np.stack([score, 1 - score, 0 * score], axis=1)
    found, _ = gaps_of(tone, y_true, y_prob, site=site)
    gap = found["dark", "sensitivity"]
    assert gap["raw"] == pytest.approx(0.58 - 0.82)
    assert gap["standardised"] == pytest.approx(0, abs=1e-6)
    assert gap["standardised_group"] == pytest.approx((120 * 0.5 + 180 * 0.9) / 300)
    assert gap["mix"] == "site"
    other = np.where(y_true == 0, site, "trunk")
    again, _ = gaps_of(tone, y_true, y_prob, site=other, n_replicates=20)
    assert again["dark", "sensitivity"]["standardised"] == gap["standardised"]


def test_a_group_of_sites_is_not_weighed_by_site():
    tone, y_true, y_prob, diagnosis = images(COMPOSITION)
    site = np.where(tone == "dark", "head", "trunk")
    mix = {"diagnosis": diagnosis, "anatom_site_general": site}
    strata = {"anatom_site_general": site}
    options = {"strata": strata, "mix": mix, "n_replicates": 20}
    found = evaluate(y_true, y_prob, CLASSES, **options)
    assert {gap["levels"] for gap in found.gaps if gap["metric"] == "auc"} == {
        "non-MEL: diagnosis 2"
    }


def test_a_diagnosis_that_one_group_lacks_is_told():
    cells = COMPOSITION | {("light", "BCC"): 100, ("dark", "BCC"): 0}
    found, _ = gaps_of(*images(cells), n_replicates=50)
    specificity = found["dark", "specificity"]
    assert specificity["left_out"] == "BCC"
    assert specificity["raw"] != pytest.approx(0, abs=0.01)
    assert specificity["standardised"] == pytest.approx(0)
    assert "Without BCC it is " in describe_gap(specificity)


def test_groups_that_are_not_comparable_have_a_raw_gap_alone():
    cells = COMPOSITION | {("light", "BCC"): 0}
    found, _ = gaps_of(*images(cells), n_replicates=50)
    gap = found["dark", "auc"]
    assert gap["raw"] > 0.05
    assert np.isnan(
        [gap["standardised"], gap["standardised_low"], gap["p_value"]]
    ).all()
    assert gap["standardised_reason"].startswith("non-MEL: only 69% of the mix is of")
    assert gap["power_from"] == "raw" and gap_claim(gap) == 0
    assert "With one mix of diagnoses, sites and ages it cannot be given (non-MEL" in (
        describe_gap(gap)
    )
    # Sensitivity asks for melanomas alone.
    assert found["dark", "sensitivity"]["standardised"] == pytest.approx(0)


def test_a_group_too_small_to_judge_is_told_what_it_would_take():
    cells = COMPOSITION | {("dark", "MEL"): 0}
    found, _ = gaps_of(*images(cells), n_replicates=400)
    gap = found["dark", "sensitivity"]
    assert np.isnan([gap["raw"], gap["standardised"], gap["smallest_gap"]]).all()
    assert gap["raw_reason"].startswith("too few to judge: MEL images from 0")
    assert gap["power_from"] == "spread of light"
    # 80 % and 75 % are found: (0.8 * 0.2 + 0.75 * 0.25) * (2.80 / 0.05)^2.
    assert gap["needed_in"] == "each of the two"
    assert gap["n_needed"] == pytest.approx(1091, rel=0.2)
    assert "medium" in {group for group, _ in found}
    assert found["medium", "auc"]["n_lesions"] == 0


def test_what_a_gap_takes_goes_by_the_spread_of_the_resamples(composition):
    """Of 60 melanomas and of 200 eight of ten are found."""
    gap = composition[0]["dark", "sensitivity"]
    error = np.sqrt(0.8 * 0.2 * (1 / 60 + 1 / 200))
    assert gap["smallest_gap"] == pytest.approx(2.8016 * error, rel=0.15)
    assert gap["n_needed"] == pytest.approx(1004.7, rel=0.3)
    assert gap["power_from"] == "standardised"


def test_a_group_without_errors_is_no_proof_of_a_gap():
    """10 of 10 against 100 of 120: Fisher's exact test gives 0.36."""
    cells = COMPOSITION | {("dark", "MEL"): 10, ("light", "MEL"): 120}
    called = SHARES | {("dark", "MEL"): 1.0}
    found, _ = gaps_of(*images(cells, called))
    gap = found["dark", "sensitivity"]
    assert gap["raw"] == pytest.approx(0.2)
    assert gap["raw_reason"] == "no interval: every resample gives one the same value"
    assert np.isnan([gap["raw_low"], gap["standardised_low"], gap["p_value"]]).all()
    assert gap_claim(gap) == 0 and gap["power_from"] == "spread of light"


def test_standardised_intervals_are_those_of_weights_fitted_anew():
    """One margin: every resample is post-stratified by hand."""
    given = images(COMPOSITION | {("dark", "NV"): 100})
    lesion = np.arange(len(given[0])) // 2
    options = {"n_replicates": 60, "seed": 3, "groups": lesion}
    found, _ = gaps_of(*given, **options)
    tone, y_true, y_prob, diagnosis = given
    cleared, drawn = y_prob.argmax(axis=1) != 0, []
    (weights,) = cluster_weights(lesion.max() + 1, 60, seed=3)
    for weight in weights.T[:, lesion]:
        of_tone = {}
        for one in ("dark", "light"):
            shares = []
            for kind in ("NV", "BCC"):
                cell = (tone == one) & (diagnosis == kind)
                shares.append(np.average(cleared[cell], weights=weight[cell]))
            of_tone[one] = np.dot(shares, [600 / 950, 350 / 950])
        drawn.append(of_tone["dark"] - of_tone["light"])
    gap = found["dark", "specificity"]
    by_hand = np.quantile(drawn, [0.025, 0.975])
    interval = gap["standardised_low"], gap["standardised_high"]
    assert interval == pytest.approx(tuple(by_hand), abs=1e-3)


def test_claims_are_corrected_for_the_number_of_gaps_read():
    tone, y_true, y_prob, diagnosis = images(COMPOSITION)
    generator = np.random.default_rng(0)
    strata = {"tone_group": tone}
    strata |= {f"axis {i}": generator.choice(list("ab"), len(tone)) for i in range(3)}
    options = {"strata": strata, "n_replicates": 100, "mix": {"diagnosis": diagnosis}}
    found = evaluate(y_true, y_prob, CLASSES, **options).gaps
    of_metric = [gap for gap in found if gap["metric"] == "specificity"]
    tested = [gap for gap in of_metric if not np.isnan(gap["p_value"])]
    least = min(tested, key=lambda gap: gap["p_value"])
    assert len(tested) == 4
    assert least["p_adjusted"] == pytest.approx(min(4 * least["p_value"], 1))


def test_seeds_are_averaged_and_their_spread_is_in_the_interval():
    tone, y_true, y_prob, diagnosis = images(COMPOSITION)
    other = images(COMPOSITION, SHARES | {("dark", "MEL"): 0.4})[2]
    found = compare(
        y_true,
        {"baseline": [y_prob, other], "augmented": [y_prob, y_prob]},
        CLASSES,
        strata={"tone_group": tone},
        n_replicates=300,
        mix={"diagnosis": diagnosis},
    )
    table = found.gaps()
    assert table.columns.tolist() == ["arm", *GAP_COLUMNS]
    rows = table[(table["group"] == "dark") & (table["metric"] == "sensitivity")]
    gap = rows.set_index("arm")
    assert gap.loc["baseline", "standardised"] == pytest.approx(-0.2)
    alone, _ = gaps_of(tone, y_true, y_prob)
    alone = alone["dark", "sensitivity"]
    width = alone["standardised_high"] - alone["standardised_low"]
    both = gap.loc["baseline", "standardised_high"]
    assert both - gap.loc["baseline", "standardised_low"] > 1.5 * width


@pytest.mark.slow
def test_intervals_hold_the_truth_and_chance_is_not_called_a_gap():
    """As good for either tone on every diagnosis; who they are differs."""
    held, claimed, generator = [], [], np.random.default_rng(0)
    for seed in range(150):
        n = 900
        tone = generator.choice(["light", "dark"], n, p=[0.7, 0.3])
        kinds = np.array(["MEL", "NV", "BCC"])
        light = generator.choice(kinds, n, p=[0.3, 0.5, 0.2])
        diagnosis = np.where(
            tone == "light", light, generator.choice(kinds, n, p=[0.3, 0.2, 0.5])
        )
        y_true = np.array([CLASSES.index(kind) for kind in diagnosis])
        score = np.array([0.6, 0.5, 0.3])[y_true] + generator.normal(0, 0.15, n)
        score = np.clip(score, 0.01, 0.99)
        y_prob = np.stack([score, 1 - score, 0 * score], axis=1)
        found, _ = gaps_of(tone, y_true, y_prob, n_replicates=400, seed=seed)
        for metric in ("sensitivity", "specificity", "auc"):
            gap = found["dark", metric]
            held.append(gap["standardised_low"] <= 0 <= gap["standardised_high"])
            claimed.append(gap_claim(gap) != 0)
    # 450 intervals, three of each data set: 95 % +- 2 points.
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)
    assert np.mean(claimed) < 0.08
