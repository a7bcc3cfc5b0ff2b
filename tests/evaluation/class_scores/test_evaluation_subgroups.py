import json

import numpy as np
import pytest

from keras_derm.evaluation import evaluate, skin_tone_strata
from keras_derm.evaluation.class_scores.subgroups import build_strata

CLASSES = ("MEL", "NV", "BCC")


def example(n=600, seed=0):
    generator = np.random.default_rng(seed)
    y_true = generator.choice(3, n, p=[0.3, 0.5, 0.2])
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), y_true] += 1
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, y_prob


def evaluate_by_tone(**options):
    y_true, y_prob = example()
    tone = np.repeat(["I", "II", "V", None], [300, 280, 12, 8])
    y_true[580:592] = 1
    y_true[592:] = 0
    return evaluate(
        y_true, y_prob, CLASSES, strata={"skin_tone": tone}, n_replicates=200, **options
    )


def test_each_type_the_pairs_and_undetermined_are_strata():
    strata = build_strata({"skin_tone": np.array(["I", "VI", None, "II"])}, 4)
    counts = {(one.name, one.value): int(one.mask.sum()) for one in strata}
    assert counts == {
        ("all", "all"): 4,
        ("skin_tone", "I"): 1,
        ("skin_tone", "II"): 1,
        ("skin_tone", "III"): 0,
        ("skin_tone", "IV"): 0,
        ("skin_tone", "V"): 0,
        ("skin_tone", "VI"): 1,
        ("skin_tone", "undetermined"): 1,
        ("skin_tone_pooled", "I-II"): 2,
        ("skin_tone_pooled", "III-IV"): 0,
        ("skin_tone_pooled", "V-VI"): 1,
        ("skin_tone_pooled", "undetermined"): 1,
    }


def test_missing_values_are_a_stratum_of_their_own():
    strata = build_strata({"sex": np.array(["male", None, "female"], object)}, 3)
    assert [one.value for one in strata] == ["all", "female", "male", "unknown"]
    with pytest.raises(ValueError, match=r"`sex` must have shape \(4,\)"):
        build_strata({"sex": np.array(["male"])}, 4)


def test_unknown_skin_tone_is_refused():
    with pytest.raises(ValueError, match="VII"):
        skin_tone_strata(["I", "VII"])


def test_a_stratum_has_the_metrics_of_its_images_alone():
    y_true, y_prob = example()
    sex = np.repeat(["female", "male"], 300)
    found = evaluate(y_true, y_prob, CLASSES, strata={"sex": sex}, n_replicates=50)
    alone = evaluate(y_true[300:], y_prob[300:], CLASSES, n_replicates=50)
    for name, expected in alone.overall.items():
        value = found.strata[2]["metrics"][name]["value"]
        assert value == pytest.approx(expected["value"])


def test_few_positives_are_marked_and_nan_has_a_reason():
    table = evaluate_by_tone().table().set_index(["stratum", "value_of_stratum"])
    assert table.loc[("skin_tone", "I"), "judged"].all()
    dark = table.loc[("skin_tone", "V")].set_index("metric")
    assert not dark["judged"].any()
    assert np.isnan(dark.loc["sensitivity", "value"])
    assert "no MEL images" in dark.loc["sensitivity", "reason"]
    assert dark["reason"].str.startswith("too few to judge: MEL images").all()
    empty = table.loc[("skin_tone", "VI")]
    assert empty["value"].isna().all()
    assert empty["reason"].str.endswith("no images").all()
    unknown = table.loc[("skin_tone", "undetermined")].set_index("metric")
    assert "only MEL images" in unknown.loc["specificity", "reason"]
    missing = table["value"].isna() | table["low"].isna()
    assert (table.loc[missing, "reason"] != "").all()


def test_ten_photographs_of_one_lesion_are_one_observation():
    y_true, y_prob = example()
    lesion = np.where(y_true == 0, 0, np.arange(len(y_true)))
    found = evaluate(y_true, y_prob, CLASSES, groups=lesion, n_replicates=50)
    assert found.strata[0]["n_positive"] > 100
    assert not found.strata[0]["judged"]
    assert "MEL images from 1 patients or lesions" in found.strata[0]["mark"]


def test_an_interval_without_width_is_not_shown():
    y_true = np.repeat([0, 1], 20)
    found = evaluate(y_true, np.eye(2)[y_true], ("MEL", "NV"), n_replicates=100)
    assert found.overall["sensitivity"]["value"] == 1
    assert np.isnan(found.overall["sensitivity"]["low"])
    assert "every resample" in found.overall["sensitivity"]["reason"]


def test_intervals_hold_the_estimate_and_repeat_with_the_seed():
    first, again = evaluate_by_tone(seed=4), evaluate_by_tone(seed=4)
    assert first.to_dict() == again.to_dict()
    assert first.to_dict() != evaluate_by_tone(seed=5).to_dict()
    for name, found in first.overall.items():
        if name == "expected_calibration_error":
            assert np.isnan(found["low"]) and "adds to this error" in found["reason"]
        else:
            assert found["low"] < found["value"] < found["high"]


def test_to_dict_is_json_without_nan():
    found = json.loads(json.dumps(evaluate_by_tone().to_dict(), allow_nan=False))
    assert found["strata"][0]["n"] == 600
    assert np.sum(found["confusion_matrix"]) == 600
    assert found["per_class"]["BCC"]["sensitivity"]["low"] is not None
    assert found["strata"][6]["metrics"]["accuracy"]["value"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positive": "SCC"}, "positive='SCC'"),
        ({"classes": ("MEL", "NV")}, "class indices from 0 to 1"),
        ({"y_true": np.zeros(9)}, r"shape \(9, 3\)"),
        ({"level": 95}, "level=95"),
        ({"n_replicates": 0}, "n_replicates=0"),
        ({"y_prob": np.full((600, 3), 0.5)}, "600 of 600 rows do not"),
        ({"y_prob": np.full((600, 3), np.nan)}, "sum to 1"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    y_true, y_prob = example()
    arguments = {"y_true": y_true, "y_prob": y_prob, "classes": CLASSES} | change
    with pytest.raises(ValueError, match=message):
        evaluate(**arguments)
