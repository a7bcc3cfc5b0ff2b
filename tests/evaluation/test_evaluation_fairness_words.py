import numpy as np
import pytest
from scipy.special import expit

from keras_derm.evaluation import compare, describe_fairness

CLASSES = ("MEL", "rest")
N = 900
TONE = np.random.default_rng(5).choice(["light", "dark"], N, p=[0.6, 0.4])
TRUTH = np.random.default_rng(6).choice(2, N, p=[0.3, 0.7])


def said(strata=None, n_seeds=1, **strengths):
    """The verdict on arms that tell light and dark skin as well as these say."""
    y_prob = {}
    for seed, (arm, strength) in enumerate(strengths.items()):
        strength = np.where(TONE == "light", *strength)
        noise = np.random.default_rng(seed).normal(size=N)
        melanoma = expit(2 * strength * (0.5 - TRUTH) + noise)
        y_prob[arm] = np.stack([melanoma, 1 - melanoma], axis=1)
        if n_seeds > 1:
            y_prob[arm] = [y_prob[arm]] * n_seeds
    found = compare(
        TRUTH,
        y_prob,
        CLASSES,
        reference="none",
        strata={"tone_group": TONE} if strata is None else strata,
        n_replicates=300,
    )
    return describe_fairness(found, ("auc",))


@pytest.fixture(scope="module")
def mixed():
    """One arm helps dark skin, one spoils light skin, one spoils dark skin."""
    return said(
        none=(1.5, 0.4), helps=(1.5, 1.4), levels=(0.4, 0.4), spoils=(1.5, -0.5)
    )


def test_an_arm_that_helps_the_worst_group_is_named_with_what_it_does_to_all(mixed):
    assert "The worst group's MEL AUC is higher with helps, 0." in mixed
    assert "(dark) against 0." in mixed
    assert "On the whole set helps changes auc by +0." in mixed


def test_a_gap_is_also_narrower_where_everybody_is_served_worse(mixed):
    narrower = mixed[mixed.index("A raw gap is narrower with ") :]
    assert "helps in MEL AUC of dark beside light" in narrower
    assert "; levels in MEL AUC of dark beside light" in narrower
    assert "On the whole set levels changes auc by -0." in mixed


def test_an_arm_that_harms_is_named(mixed):
    assert "spoils lowers the worst group's MEL AUC: 0." in mixed
    assert "levels lowers" not in mixed and "helps lowers" not in mixed


def test_where_no_arm_helps_it_says_so_and_what_could_have_been_seen():
    found = said(none=(1.5, 0.6), other=(1.5, 0.6))
    assert found.startswith(
        "No arm raises the worst group's MEL AUC by more than chance would: "
    )
    assert "No arm narrows a raw gap by more than chance would (1 compared)." in found
    assert "Gaps that these numbers show with 80% power, in none: 0." in found
    assert "On the whole set" not in found and "lowers" not in found


def test_one_seed_is_told_to_be_one():
    arms = {"none": (1.5, 0.6), "other": (1.5, 0.6)}
    assert "One seed was trained of each arm" in said(**arms)
    assert "One seed" not in said(**arms, n_seeds=2)


def test_groups_too_small_to_judge_are_told():
    tone = np.where(np.arange(N) < 12, "dark", "light")
    found = said({"tone_group": tone}, none=(1.5, 0.6), other=(1.5, 0.6))
    assert found.startswith("Fairness cannot be judged: fewer than two groups are.\n")
    assert "Not judged: tone group dark (too few to judge: " in found
