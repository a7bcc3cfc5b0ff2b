import numpy as np
import pandas as pd
import pytest
from fake_run import finish, table, words

from keras_derm.explain.tone_effects import AGREEMENT, EFFECTS
from keras_derm.files import write_csv, write_json
from keras_derm.report.html import Callout
from keras_derm.report.sections import counterfactual_tone
from keras_derm.settings import CounterfactualToneSettings

CHANGES = ("melanin", "equal brightness", "melanin minus equal brightness")
STRATA = (("all", "all", 40), ("diagnosis", "MEL", 8), ("tone_group", "dark", 0))


def effect_rows(model="ensemble", strata=STRATA):
    rows = []
    for step in (-30.0, 0.0, 15.0):
        for stratum, value, n in strata:
            for change in CHANGES:
                for effect in EFFECTS:
                    row = {"model": model, "stratum": stratum, "step": step, "n": n}
                    row |= {"value_of_stratum": value, "n_groups": n, "reason": ""}
                    row |= {"change": change, "effect": effect}
                    shift = abs(step) / 100 if n else np.nan
                    judged = n >= 10 and step
                    row |= {"value": shift, "low": shift - 0.1 if judged else None}
                    rows.append({**row, "high": shift + 0.1 if judged else None})
    return rows


@pytest.fixture
def asked(run):
    """A run whose chosen ensemble and one of its members were asked."""
    finish(run, CounterfactualToneSettings())
    rows = effect_rows() + effect_rows("resnet50_224", STRATA[:1])
    write_csv(run / "counterfactual_tone/effects.csv", pd.DataFrame(rows))
    write_summary(run)
    return run


def write_summary(run, **others):
    zero = {"n": 40, "n_renamed": 0, "largest": 0, "probability": 0, "isic_ids": []}
    summary = {"model": "the augmented ensemble", "origin": "The test images."}
    summary |= {"positive": "MEL", "threshold": 0.25, "n": 41, "n_without_skin": 1}
    summary |= {"threshold_fitted_on": "the run's validation images", "zero": zero}
    summary |= {"tone_sources": "The tone of the skin is unknown."}
    moved = {"lightness_change": -11.0, "a_change": -2.0, "b_change": 12.8}
    summary["colours"] = [{"step": -30.0, "change": "melanin", **moved, "cut": 0.0}]
    write_json(run / "counterfactual_tone/summary.json", summary | others)


def test_section_says_what_it_is_and_what_it_is_not(asked):
    section = counterfactual_tone.section(asked)
    assert "shown to the augmented ensemble" in section.lead
    said = words(section)
    assert "not a statement about people" in said
    assert "41 photographs, of which 1 show no plain skin" in said
    assert "MEL is called from a probability of 0.250" in said
    assert "none of 40 photographs is named otherwise" in said


def test_every_step_has_melanin_its_control_and_their_difference(asked):
    frame = table(counterfactual_tone.section(asked), "What changes with each step")
    assert frame["step"].tolist() == ["−30°"] * 3 + ["0°"] * 3 + ["+15°"] * 3
    assert frame["change"].tolist() == list(CHANGES) * 3
    first = frame.iloc[0]
    assert first["another diagnosis named"] == "30.0 (20.0 to 40.0)"
    assert first["MEL probability, mean change"] == "+30.0 (+20.0 to +40.0)"
    assert frame.iloc[3]["MEL newly called"] == "0.0"


def test_groups_are_told_with_their_number_also_where_there_is_nobody(asked):
    section = counterfactual_tone.section(asked)
    by_diagnosis = table(section, "By diagnosis: another diagnosis")
    assert by_diagnosis.loc[0, ["diagnosis", "n", "−30°"]].tolist() == [
        "MEL", 8, "30.0",
    ]  # fmt: skip
    by_tone = table(section, "By tone group: another diagnosis named")
    assert by_diagnosis["change"].tolist() == ["melanin", "equal brightness"]
    assert by_tone.loc[0, ["tone group", "n", "+15°"]].tolist() == ["dark", 0, "–"]


def test_the_change_of_colour_is_told_beside_that_of_the_model(asked):
    section = counterfactual_tone.section(asked)
    colours = table(section, "How the skin of the photographs changes in colour")
    assert colours.loc[0, ["step", "L*", "b*"]].tolist() == ["−30°", -11.0, 12.8]
    (finding,) = [
        block.text
        for block in section.blocks
        if isinstance(block, Callout) and block.text.startswith("At −30°")
    ]
    assert "another diagnosis on 30.0 (20.0 to 40.0) percent" in finding
    assert "called MEL changes by +30.0 (+20.0 to +40.0) percentage points" in finding


def test_members_stand_beside_the_ensemble(asked):
    members = table(counterfactual_tone.section(asked), "By member")
    assert members.index.tolist() == ["ensemble", "resnet50_224"]


def test_a_control_that_changes_something_says_why(asked):
    zero = {"n": 40, "n_renamed": 3, "largest": 255, "probability": 0.5}
    write_summary(asked, zero=zero | {"isic_ids": ["a", "b", "c"]})
    callouts = [
        block
        for block in counterfactual_tone.section(asked).blocks
        if isinstance(block, Callout) and "Control of no change" in block.text
    ]
    (found,) = callouts
    assert found.kind == "caution"
    assert "3 of 40" in found.text and "arithmetic changes pixels" in found.text
    write_summary(asked, zero=zero | {"largest": 0, "isic_ids": ["a"]})
    assert "not repeatable" in words(counterfactual_tone.section(asked))


def test_of_phantoms_it_says_whether_it_is_nearer_the_truth_than_nothing(asked):
    rows = []
    for truth, gain in (("true, camera held", -2.0), ("true, camera metered", 3.0)):
        for candidate in counterfactual_tone.CANDIDATES:
            for measure in AGREEMENT:
                row = {"model": "ensemble", "truth": truth, "step": -30.0}
                row |= {"candidate": candidate, "measure": measure, "value": 0.5}
                row |= {"low": 0.4, "high": 0.6, "difference": gain, "n": 40}
                unsure = measure == "delta_e_lesion"
                row |= {"difference_low": -9 if unsure else gain - 1}
                rows.append({**row, "difference_high": 9 if unsure else gain + 1})
    write_csv(asked / "counterfactual_tone/agreement.csv", pd.DataFrame(rows))
    section = counterfactual_tone.section(asked)
    said = words(section)
    held = "Against true, camera held, at this step: colour error, skin better than"
    assert held in said
    assert "colour error, lesion no surely better than doing nothing" in said
    assert "camera metered, at this step: colour error, skin worse than" in said
    assert "same diagnosis named worse than doing nothing" in said
    frame = table(section, "How right the changed photographs are, at −30°")
    assert len(frame) == 2 * 4
    assert frame.loc[0, "candidate"] == "doing nothing"
    assert frame.loc[0, "same diagnosis named"] == "50.0 (40.0 to 60.0)"
    assert frame.loc[0, "colour error, skin"] == "0.5 (0.4 to 0.6)"


def test_without_a_threshold_nothing_is_said_of_calls(asked):
    write_summary(asked, threshold=None)
    assert "No threshold is known" in words(counterfactual_tone.section(asked))


def test_no_section_before_the_stage(run):
    assert counterfactual_tone.section(run) is None
