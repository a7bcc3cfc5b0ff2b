import pandas as pd
from fake_run import table, undo, words

from keras_derm.files import write_csv, write_json
from keras_derm.report.sections import subgroups

COUNTS = ["tone", "n", "melanomas", "classes", "metric"]


def test_tones_that_can_be_judged_have_every_arm(four_arms):
    shown = table(subgroups.section(four_arms), "By tone of the person's skin")
    assert shown["tone"].unique().tolist() == ["light", "unknown"]
    shown = shown[shown["tone"] == "light"]
    assert shown.columns.tolist()[:6] == [*COUNTS, "arm"]
    assert shown["arm"].tolist() == [*four_arms.arms] * 4
    assert shown["metric"].unique().tolist() == [
        "balanced accuracy",
        "macro AUC",
        "MEL sensitivity",
        "MEL specificity",
    ]


def test_two_arms_stand_beside_each_other(run):
    shown = table(subgroups.section(run), "By tone of the person's skin")
    assert shown.columns.tolist() == [*COUNTS, *run.arms, "difference"]
    assert len(shown) == 8


def test_tones_that_cannot_be_judged_are_named_once_with_the_reason(run):
    few = table(subgroups.section(run), "Tones of which nothing can be said")
    assert few[["tone", "n", "why"]].to_numpy().tolist() == [
        ["medium", 0, "no images"],
        ["dark", 4, "too few to judge: 1 patient"],
    ]


def test_where_nobody_labelled_all_tones_are_without_images_and_no_more(run):
    metrics = pd.read_csv(run / "metrics.csv")
    tones = metrics["stratum"] == "tone_group"
    metrics.loc[tones, ["n", "judged"]] = 0, False
    nobody = tones & (metrics["value_of_stratum"] == "unknown")
    metrics.loc[nobody, ["n", "judged"]] = 200, True
    write_csv(run / "metrics.csv", metrics)
    section = subgroups.section(run)
    assert "By tone of the person's skin" not in words(section)
    few = table(section, "Tones of which nothing can be said")
    assert few["tone"].tolist() == ["light", "medium", "dark"]
    assert (few["why"] == "no images").all()


def test_who_says_what_tone_it_is_stands_beside_the_groups(run):
    said = words(subgroups.section(run))
    assert "test images: Tone of the skin: light: 120 by people's labels." in said


def test_colour_of_the_photograph_is_said_to_be_no_group_of_people(run):
    section = subgroups.section(run)
    shown = table(section, "By colour of the photograph (ITA)")
    assert shown["colour of the photograph"].unique().tolist() == ["ITA 41° and over"]
    assert words(section).count("no groups of people") == 1


def test_prediction_sets_are_told_with_the_share_they_were_fitted_for(run):
    assert "abstention" not in words(subgroups.section(run))
    numbers = {
        f"{name}{end}": [0.9]
        for name in ("coverage", "decided", "accuracy")
        for end in ("", "_low", "_high")
    }
    whose = {"by": ["all", "group", "class"], "group": ["all", "ITA under 10°", "MEL"]}
    numbers = {name: value * 3 for name, value in numbers.items()}
    found = pd.DataFrame(whose | {"arm": "baseline", "n": 200} | numbers)
    write_csv(run / "selective.csv", found.assign(reason=None))
    write_json(run / "conformal/baseline.json", {"alpha": 0.1})
    section = subgroups.section(run)
    assert "so that 90% hold the truth" in words(section)
    shown = table(section, "Prediction sets and abstention")
    expected = ["all", "colour: ITA under 10°", "diagnosis: MEL"]
    assert shown["photographs"].tolist() == expected
    assert "remark" not in shown


def test_forests_say_what_the_arms_are_compared_with(run, draw):
    draw("forest")
    said = words(subgroups.section(run))
    assert "Difference in balanced accuracy to baseline, per tone group." in said


def test_no_section_before_the_evaluation(run):
    undo(run, "evaluate")
    assert subgroups.section(run) is None
