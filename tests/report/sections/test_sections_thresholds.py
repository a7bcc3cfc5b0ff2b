import pandas as pd
from fake_run import table, undo, words

from keras_derm.files import write_csv
from keras_derm.report.sections import thresholds


def test_every_arm_has_its_thresholds_and_its_temperature(four_arms):
    fixed = table(thresholds.section(four_arms), "Fixed on validation images")
    assert fixed["arm"].tolist() == list(four_arms.arms)
    assert fixed.iloc[0].tolist() == ["baseline", 0.25, 0.125, "1.50", 0.08, 0.03]
    assert fixed.columns.tolist()[1:3] == ["threshold for 90%", "threshold for 95%"]


def test_metrics_at_the_thresholds_are_told_and_counts_without_decimals(run):
    found = table(thresholds.section(run), "At these thresholds")
    assert found["metric"].tolist() == [
        "MEL sensitivity at the threshold for 90 %",
        "missed MEL at the threshold for 90 %",
    ]
    assert found["baseline"].tolist() == ["0.800 (0.750 to 0.850)", "1 (1 to 1)"]


def test_figures_say_which_arms_they_show(run, draw):
    draw("net_benefit")
    said = words(thresholds.section(run))
    assert "Net benefit of baseline and augmented against acting on all" in said
    assert "called melanoma" in said


def test_no_section_without_thresholds_or_before_the_evaluation(run):
    table = pd.read_csv(run / "metrics.csv")
    write_csv(run / "metrics.csv", table[~table["metric"].str.contains("_at_")])
    assert thresholds.section(run) is None
    write_csv(run / "metrics.csv", table)
    undo(run, "evaluate")
    assert thresholds.section(run) is None
