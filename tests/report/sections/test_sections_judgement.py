import json

import pandas as pd
import pytest
from fake_run import table, undo, words

from keras_derm.files import write_json
from keras_derm.report.sections import judgement


def change_metrics(run, **changes):
    metrics = json.loads((run / "metrics.json").read_text())
    write_json(run / "metrics.json", metrics | changes)


def test_two_arms_stand_beside_each_other_with_their_difference(run):
    section = judgement.section(run)
    assert section.lead.startswith("No measurable difference.")
    shown = table(section, "Called the class of highest probability")
    assert shown.columns.tolist() == ["metric", "baseline", "augmented", "difference"]
    assert shown.iloc[0].tolist() == [
        "balanced accuracy",
        "0.800 (0.750 to 0.850)",
        "0.820 (0.770 to 0.870)",
        "+0.020 (-0.030 to +0.070)",
    ]
    assert not shown["metric"].str.contains("threshold").any()


def test_each_of_four_arms_has_its_rows_its_tests_and_its_verdict(four_arms):
    section = judgement.section(four_arms)
    shown = table(section, "Called the class of highest probability")
    assert shown["arm"].tolist() == [*four_arms.arms] * 4
    assert shown["metric"].tolist()[3:5] == ["balanced accuracy", "macro AUC"]
    assert shown.iloc[[0, 3]].to_numpy().tolist() == [
        ["balanced accuracy", "baseline", "0.800 (0.750 to 0.850)", "–"],
        [
            "balanced accuracy",
            "copies_5x",
            "0.860 (0.810 to 0.910)",
            "+0.060 (+0.010 to +0.110)",
        ],
    ]
    assert shown.columns[-1] == "difference from baseline"
    assert "- copies_5x: No change by copies_5x." in words(section)
    tests = table(section, "Tests of each arm against baseline")
    assert tests["arm"].tolist() == ["augmented", "balanced", "copies_5x"]


def test_what_is_found_and_missed_is_drawn_for_every_arm(four_arms):
    table = pd.read_csv(four_arms / "metrics.csv")
    missed = table[table["metric"] == "sensitivity"].assign(metric="false_negatives")
    missed = missed.assign(label="missed MEL", value=[9, 8, 7, 6] * 8)
    pd.concat([table, missed]).to_csv(four_arms / "metrics.csv", index=False)
    (bars,) = [b for b in judgement.section(four_arms).blocks if b.form == "figure"]
    found, lost = bars.figure.axes  # of all images, no part of them
    assert [bar.get_width() for bar in found.patches] == pytest.approx(
        [0.8, 0.82, 0.84, 0.86]
    )
    assert len(lost.patches) == 4
    names = [text.get_text() for text in found.get_yticklabels()]
    assert names == list(four_arms.arms)


def test_each_member_has_a_line(four_arms):
    members = table(judgement.section(four_arms), "Each member on its own")
    assert members["model"].tolist() == ["ensemble", "resnet50_224"] * 4
    assert members["macro AUC"].tolist()[:2] == [
        "0.800 (0.750 to 0.850)",
        "0.700 (0.650 to 0.750)",
    ]


def test_paired_tests_are_told(run):
    (row,) = table(judgement.section(run), "Tests of each").to_dict("records")
    assert row == {
        "arm": "augmented",
        "this arm alone is right": 9,
        "baseline alone is right": 4,
        "McNemar's p": "0.27",
        "difference in melanoma AUC": "+0.020 (-0.010 to +0.050)",
        "DeLong's p": "0.19",
    }


@pytest.mark.parametrize("delong", [None, {"difference": 0.0, "low": None}])
def test_tests_that_could_not_be_made_are_left_out(run, delong):
    mcnemar = {"only_reference": 0, "only_arm": 0, "p_value": 1.0}
    change_metrics(run, tests={"augmented": {"mcnemar": mcnemar, "delong": delong}})
    assert "DeLong's p" not in table(judgement.section(run), "Tests of each")
    change_metrics(run, tests={"augmented": {"mcnemar": None, "delong": None}})
    assert "Tests of each arm" not in words(judgement.section(run))


def test_one_arm_alone_is_judged_without_a_comparison(make_run):
    section = judgement.section(make_run(arms=("baseline",)))
    shown = table(section, "Called the class of highest probability")
    assert shown.columns.tolist() == ["metric", "baseline"]


def test_figures_say_which_arms_they_show(run, draw):
    draw("roc")
    said = words(judgement.section(run))
    assert "ROC curves of baseline and augmented with 95 % bands." in said


def test_no_section_before_the_evaluation(run):
    undo(run, "evaluate")
    assert judgement.section(run) is None
