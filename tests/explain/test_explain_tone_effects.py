"""Flips are counted as by hand, with intervals by lesion."""

import numpy as np
import pandas as pd
import pytest

from keras_derm.explain import tone_effects, truth_agreement, zero_control
from keras_derm.explain.counterfactual_tone import CANDIDATES

CLASSES = ("MEL", "NV")
N = 24
DRAW = {"n_replicates": 200, "seed": 0}


def rows(change, step, melanoma, largest=0, model="ensemble"):
    """Predictions of one change of all photographs."""
    return pd.DataFrame(
        {
            "isic_id": [f"I{i:02d}" for i in range(N)],
            "change": change,
            "step": step,
            "largest": largest,
            "model": model,
            "MEL": melanoma,
            "NV": 1 - np.asarray(melanoma),
        }
    )


@pytest.fixture
def before():
    return np.linspace(0.05, 0.97, N)


@pytest.fixture
def predictions(before):
    """Melanin adds 0.3 to the first half, brightness takes 0.1 from all."""
    more = before + 0.3 * (np.arange(N) < N // 2)
    less = np.maximum(before - 0.1, 0)
    parts = [
        rows("photograph", 0.0, before),
        rows("melanin", 0.0, before),
        rows("equal brightness", 0.0, before),
        rows("melanin", -30.0, more),
        rows("equal brightness", -30.0, less),
    ]
    return pd.concat(parts)


@pytest.fixture
def people():
    """Two photographs of each lesion."""
    ids = [f"I{i:02d}" for i in range(N)]
    diagnosis = pd.Categorical(["NV"] * 20 + ["MEL"] * 4, ["MEL", "NV", "BCC"])
    frame = pd.DataFrame({"group": np.arange(N) // 2, "diagnosis": diagnosis}, ids)
    return frame


def row_of(effects, change, effect, step=-30.0, value="all", model="ensemble"):
    (found,) = effects[
        (effects["change"] == change)
        & (effects["effect"] == effect)
        & (effects["step"] == step)
        & (effects["value_of_stratum"] == value)
        & (effects["model"] == model)
    ].to_dict("records")
    return found


def test_flips_are_counted_each_way(predictions, people, before):
    effects = tone_effects(predictions, people, CLASSES, "MEL", 0.3, **DRAW)
    more = before + 0.3 * (np.arange(N) < N // 2)
    less = np.maximum(before - 0.1, 0)
    expected = {
        ("melanin", "renamed"): (more >= 0.5) != (before >= 0.5),
        ("melanin", "gained"): (more >= 0.3) & (before < 0.3),
        ("melanin", "lost"): np.zeros(N),
        ("melanin", "probability"): more - before,
        ("equal brightness", "gained"): np.zeros(N),
        ("equal brightness", "lost"): (less < 0.3) & (before >= 0.3),
        ("equal brightness", "net"): -1.0 * ((less < 0.3) & (before >= 0.3)),
        ("melanin minus equal brightness", "probability"): more - less,
    }
    for (change, effect), values in expected.items():
        found = row_of(effects, change, effect)
        assert found["value"] == pytest.approx(np.mean(values)), (change, effect)
        assert (found["n"], found["n_groups"]) == (N, N // 2)
        if found["value"]:
            assert found["low"] < found["value"] < found["high"]


def test_nothing_changes_at_no_step(predictions, people):
    effects = tone_effects(predictions, people, CLASSES, "MEL", 0.3, **DRAW)
    assert (effects.loc[effects["step"] == 0, "value"].dropna() == 0).all()


def test_groups_too_small_to_judge_have_no_interval(predictions, people):
    effects = tone_effects(predictions, people, CLASSES, "MEL", 0.3, **DRAW)
    rare = row_of(effects, "melanin", "probability", value="MEL")
    assert (rare["n"], rare["value"]) == (4, 0)
    assert rare["reason"] == "too few to judge: images from 2 patients or lesions"
    assert np.isnan([rare["low"], rare["high"]]).all()
    absent = row_of(effects, "melanin", "probability", value="BCC")
    assert absent["n"] == 0 and np.isnan(absent["value"])


def test_without_a_class_to_find_names_alone_are_told(predictions, people):
    effects = tone_effects(predictions, people, CLASSES, **DRAW)
    assert set(effects["effect"]) == {"renamed"}
    effects = tone_effects(predictions, people, CLASSES, "MEL", **DRAW)
    assert set(effects["effect"]) == {"renamed", "probability"}


def test_members_are_told_over_all_and_the_first_model_by_group(predictions, people):
    both = pd.concat([predictions, predictions.assign(model="member")])
    effects = tone_effects(both, people, CLASSES, "MEL", 0.3, **DRAW)
    of_member = effects[effects["model"] == "member"]
    assert set(of_member["value_of_stratum"]) == {"all"}
    assert row_of(effects, "melanin", "net", model="member")["value"] == pytest.approx(
        row_of(effects, "melanin", "net")["value"]
    )


def test_photographs_without_skin_are_left_out(predictions, people):
    unchanged = predictions["isic_id"].eq("I00") & predictions["change"].ne(
        "photograph"
    )
    effects = tone_effects(predictions[~unchanged], people, CLASSES, "MEL", **DRAW)
    assert row_of(effects, "melanin", "renamed")["n"] == N - 1


def test_control_of_no_change_names_what_it_changed(predictions, before):
    found = zero_control(predictions, CLASSES)
    assert found == {
        "n": N, "n_renamed": 0, "largest": 0, "probability": 0, "isic_ids": [],
    }  # fmt: skip
    cast = rows("melanin", 0.0, 1 - before, largest=255)  # floats taken for bytes
    kept = predictions[
        ~((predictions["change"] == "melanin") & (predictions["step"] == 0))
    ]
    found = zero_control(pd.concat([kept, cast]), CLASSES)
    assert found["n_renamed"] == N
    assert found["largest"] == 255
    assert found["probability"] == pytest.approx(0.94)


def test_agreement_is_held_against_doing_nothing(people, before):
    truth = np.clip(before + 0.2, 0, 1)
    parts = [
        rows("photograph", 0.0, before),
        rows("melanin", -30.0, truth - 0.05),
        rows("melanin, tone known", -30.0, truth),
        rows("equal brightness", -30.0, before),
        rows("true, camera held", -30.0, truth),
    ]
    errors = dict(zip(CANDIDATES, (9.0, 4.0, 1.0, 6.0), strict=True))
    colours = pd.concat(
        rows(None, -30.0, before)[["isic_id", "step"]].assign(
            truth="true, camera held", candidate=candidate, delta_e_skin=error,
            delta_e_lesion=error, ita_error=np.nan,
        )
        for candidate, error in errors.items()
    )  # fmt: skip
    found = truth_agreement(
        pd.concat(parts), colours, people, CLASSES, "MEL", 0.5, **DRAW
    ).set_index(["candidate", "measure"])
    assert found.loc[("melanin", "delta_e_skin"), "value"] == 4
    assert found.loc[("melanin", "delta_e_skin"), "difference"] == -5
    assert found.loc[("melanin", "probability_error"), "value"] == pytest.approx(0.05)
    same = ((before >= 0.5) == (truth >= 0.5)).mean()
    for candidate in ("photograph", "equal brightness"):
        assert found.loc[(candidate, "same_call"), "value"] == pytest.approx(same)
    known = found.loc[("melanin, tone known", "same_diagnosis")]
    assert known["value"] == 1
    assert known["difference"] == pytest.approx(1 - same)
    low, high = known["difference_low"], known["difference_high"]
    assert 0 <= low < known["difference"] < high
    assert np.isnan(found.loc[("melanin", "ita_error"), "value"])
