"""The gate against figures whose verdict follows from its rule."""

import pytest

from keras_derm.export import check_gate
from keras_derm.export.gate import NOT_EXCLUDED, REFUSED, TOO_FEW, WITHIN


def row(difference, low, high, stratum="all", value="all", judged=True):
    return {
        "metric": "macro_auc",
        "stratum": stratum,
        "value_of_stratum": value,
        "n": 100,
        "judged": judged,
        "reference": 0.9,
        "value": 0.9 + (difference or 0),
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
    }


ALL_WELL = row(0.0, -0.001, 0.001)


@pytest.mark.parametrize(
    "difference, low, high, verdict",
    [
        (-0.001, -0.004, 0.002, WITHIN),
        (-0.002, -0.009, 0.005, NOT_EXCLUDED),
        (-0.006, -0.020, 0.008, REFUSED),  # the estimate decides
        (-0.006, -0.008, -0.004, REFUSED),
    ],
)
def test_on_the_whole_set_the_estimate_decides(difference, low, high, verdict):
    gate = check_gate([row(difference, low, high)])
    assert [group["verdict"] for group in gate["groups"]] == [verdict]
    assert gate["refused"] == (["all"] if verdict == REFUSED else [])


@pytest.mark.parametrize(
    "difference, low, high, verdict",
    [
        (-0.001, -0.004, 0.002, WITHIN),
        (-0.020, -0.050, 0.010, NOT_EXCLUDED),  # chance may have it so
        (-0.020, -0.030, -0.010, REFUSED),
        (-0.004, -0.0045, -0.0035, WITHIN),  # certain, but small
    ],
)
@pytest.mark.parametrize("stratum", ["tone_group", "photograph_colour"])
def test_in_a_group_the_fall_must_be_more_than_chance(
    difference, low, high, verdict, stratum
):
    gate = check_gate([ALL_WELL, row(difference, low, high, stratum, "a")])
    assert gate["groups"][1]["verdict"] == verdict
    title = {
        "tone_group": "tone group",
        "photograph_colour": "colour of the photograph",
    }
    named = [f"{title[stratum]} a"]
    assert gate["refused"] == (named if verdict == REFUSED else [])


def test_few_images_refuse_nothing():
    few = row(-0.3, -0.5, -0.1, "tone_group", "dark", judged=False)
    unknown = row(None, None, None, "tone_group", "medium")
    no_interval = row(-0.3, float("nan"), float("nan"), "tone_group", "light")
    gate = check_gate([ALL_WELL, few, unknown, no_interval])
    assert [group["verdict"] for group in gate["groups"][1:]] == [TOO_FEW] * 3
    assert not gate["refused"]


@pytest.mark.parametrize("high, verdict", [(0.001, TOO_FEW), (-0.001, REFUSED)])
def test_a_small_test_set_refuses_what_is_more_than_chance(high, verdict):
    gate = check_gate([row(-0.3, -0.5, high, judged=False)])
    assert gate["groups"][0]["verdict"] == verdict


def test_margins_can_differ():
    scores = [
        row(-0.006, -0.008, -0.004),
        row(-0.006, -0.008, -0.004, "tone_group", "light"),
    ]
    assert check_gate(scores, margin=0.01)["refused"] == []
    assert check_gate(scores, 0.01, 0.002)["refused"] == ["tone group light"]


def test_other_metrics_and_axes_say_nothing():
    others = [
        row(-0.2, -0.3, -0.1) | {"metric": "accuracy"},
        row(-0.2, -0.3, -0.1, "sex", "female"),
        row(-0.2, -0.3, -0.1, "tone_group", "unknown"),
    ]
    assert len(check_gate([ALL_WELL, *others])["groups"]) == 1


@pytest.mark.parametrize(
    "scores, margin", [([], 0.005), ([ALL_WELL], -1), ([ALL_WELL], float("nan"))]
)
def test_wrong_arguments_are_refused(scores, margin):
    with pytest.raises(ValueError, match="Received:"):
        check_gate(scores, margin)
