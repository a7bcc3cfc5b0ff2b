import json

import numpy as np
import pandas as pd
import pytest

from keras_derm.evaluation import (
    describe_tone_sources,
    evaluate,
    stratum_title,
    tone_group_strata,
)
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
    tone = np.repeat(["light", "medium", None], [580, 12, 8])
    y_true[580:592] = 1
    y_true[592:] = 0
    return evaluate(
        y_true,
        y_prob,
        CLASSES,
        strata={"tone_group": tone},
        n_replicates=200,
        **options,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["light", "dark", None, "light"], (2, 0, 1, 1)),
        (["light", "medium", "dark", "dark"], (1, 1, 2, 0)),
        ([None] * 4, (0, 0, 0, 4)),
    ],
)
def test_every_tone_group_and_the_unknown_are_strata_also_without_images(
    given, expected
):
    strata = build_strata({"tone_group": np.array(given, object)}, 4)
    counts = {(one.name, one.value): int(one.mask.sum()) for one in strata}
    names = [("tone_group", tone) for tone in ("light", "medium", "dark", "unknown")]
    assert counts == {("all", "all"): 4} | dict(zip(names, expected, strict=True))


def test_each_group_is_told_with_who_says_so():
    table = pd.DataFrame(
        {
            "tone_group": ["light", "light", "dark", None],
            "tone_source": ["label", "probe of MILK10k", "label", None],
        }
    )
    assert describe_tone_sources(table) == (
        "Tone of the skin: light: 1 by people's labels, 1 by probe of MILK10k; medium: "
        "none; dark: 1 by people's labels; unknown: 1."
    )
    assert "colour of photographs" not in describe_tone_sources(table)
    by_ita = table.replace("probe of MILK10k", "published ITA of the photograph")
    assert describe_tone_sources(by_ita).endswith(
        "read nothing about people from them."
    )
    nobody = describe_tone_sources(table.assign(tone_group=None))
    assert nobody.startswith("The tone of the skin is unknown for all 4: nobody")


def test_variables_are_called_by_what_they_are():
    assert stratum_title("photograph_colour") == "colour of the photograph"
    assert stratum_title("tone_group x sex") == "tone group x sex"
    assert stratum_title("anatom_site_general") == "site"


def test_missing_values_are_a_stratum_of_their_own():
    strata = build_strata({"sex": np.array(["male", None, "female"], object)}, 3)
    assert [one.value for one in strata] == ["all", "female", "male", "unknown"]
    with pytest.raises(ValueError, match=r"`sex` must have shape \(4,\)"):
        build_strata({"sex": np.array(["male"])}, 4)


def test_a_type_by_ita_is_no_tone_group():
    with pytest.raises(ValueError, match="'VI'"):
        tone_group_strata(["light", "VI"])


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
    assert table.loc[("tone_group", "light"), "judged"].all()
    few = table.loc[("tone_group", "medium")].set_index("metric")
    assert not few["judged"].any()
    assert np.isnan(few.loc["sensitivity", "value"])
    assert "no MEL images" in few.loc["sensitivity", "reason"]
    assert few["reason"].str.startswith("too few to judge: MEL images").all()
    empty = table.loc[("tone_group", "dark")]
    assert empty["value"].isna().all()
    assert empty["reason"].str.endswith("no images").all()
    unknown = table.loc[("tone_group", "unknown")].set_index("metric")
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
    assert found["strata"][3]["metrics"]["accuracy"]["value"] is None


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
