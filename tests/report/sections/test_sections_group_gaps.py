import pandas as pd
from fake_run import SEX_GAP, table, undo, words

from keras_derm.evaluation import GAP_COLUMNS
from keras_derm.files import write_csv
from keras_derm.report.sections import group_gaps

CLAIMED = {
    "standardised": -0.09,
    "standardised_low": -0.15,
    "standardised_high": -0.03,
    "p_value": 0.001,
    "p_adjusted": 0.004,
}


def with_gaps(run, *gaps):
    """The section of a run that has these gaps, of one arm."""
    frame = pd.DataFrame(gaps, columns=GAP_COLUMNS)
    frame.insert(0, "arm", "baseline")
    write_csv(run / "gaps.csv", frame)
    return group_gaps.section(run)


def of_tone(**other):
    return (
        SEX_GAP | {"stratum": "tone_group", "group": "dark", "beside": "light"} | other
    )


def test_raw_and_standardised_gap_stand_beside_each_other_with_their_power(run):
    shown = table(group_gaps.section(run), "Between other groups, MEL AUC")
    assert shown["arm"].tolist() == list(run.arms)
    assert shown.iloc[0].tolist() == [
        "sex: male beside female",
        "baseline",
        "18 (12)",
        "-0.16",
        "-0.02 (-0.12 to +0.08)",
        "0.14",
        "160 each",
    ]


def test_a_raw_gap_alone_has_its_interval(run):
    gap = SEX_GAP | {"standardised_reason": "MEL: only 40% of the mix"}
    shown = table(with_gaps(run, gap), "Between other groups, MEL AUC")
    cells = shown.loc[0, ["raw gap", "with one mix"]].tolist()
    assert cells == ["-0.16 (-0.24 to -0.08)", "not given"]


def test_tones_too_few_to_judge_are_told_what_it_would_take(run):
    section = group_gaps.section(run)
    shown = table(section, "Between tones of skin")
    assert len(shown) == 2 * 2 * 3
    dark = shown[shown["tone"] == "dark"].iloc[0]
    assert dark["with one mix"] == "not given" and dark["raw gap"] == "–"
    assert dark["0.05 takes"] == "1,256 each"
    assert section.lead.startswith("Between tones of skin no gap can be given: too few")
    assert "nothing can be said of dark beside light (too few to judge" in words(
        section
    )


def test_the_sentence_goes_by_the_standardised_gap(run):
    section = with_gaps(run, of_tone())
    assert section.lead.startswith(
        "With one mix of diagnoses, sites and ages no gap in MEL AUC between tones"
    )
    assert (
        "MEL AUC is 0.70 in dark and 0.86 in light, a raw gap of -0.16 (95 % interval "
        "-0.24 to -0.08). With one mix of diagnosis, site and age band, without VASC, "
        "it is -0.02 (95 % interval -0.12 to +0.08): no gap can be told."
    ) in words(section)
    section = with_gaps(run, of_tone(**CLAIMED))
    assert section.lead == (
        "With one mix of diagnoses, sites and ages: dark skin is served worse than "
        "light by baseline (MEL AUC)."
    )


def test_gaps_that_are_more_than_chance_are_named_among_those_read(run):
    said = words(with_gaps(run, SEX_GAP))
    assert "1 gaps in MEL AUC were read" not in said
    assert "Between other groups 1 gap in MEL AUC was read, 1 with one mix." in said
    assert "none of these is more than chance" in said
    said = words(with_gaps(run, SEX_GAP | CLAIMED, SEX_GAP | {"stratum": "source"}))
    assert "more than chance: baseline, sex: male beside female (-0.09 (-0.15" in said


def test_where_no_group_can_be_judged_it_is_said(run):
    section = with_gaps(run)
    assert "Between no other groups can a gap be given." in words(section)
    assert len(section.blocks) == 1


def test_no_section_before_the_evaluation(run):
    undo(run, "evaluate")
    assert group_gaps.section(run) is None
