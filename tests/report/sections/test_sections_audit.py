import pandas as pd
import pytest
from fake_run import table, undo, words, write_audit

from keras_derm.files import write_csv, write_json
from keras_derm.report.sections import audit


@pytest.fixture
def audited(run):
    write_audit(run)
    return run


def test_section_says_who_is_in_the_archive(audited):
    said = words(audit.section(audited))
    assert "1 of 8 images have no ITA that could be determined." in said
    assert "disagree on 300 of the 1,000 images" in said
    assert "40 images V or VI; 39 of these are bright skin" in said


def test_reasons_are_counted_without_their_figures(audited):
    reasons = table(audit.section(audited), "Why ITA was not determined")
    assert reasons.to_dict("records") == [{"reason": "no skin", "images": 1}]


def test_casts_labels_and_bad_images_are_told_where_there_are_any(audited):
    for caption in ("What a small colour cast", "People's labels", "images left out"):
        assert caption not in words(audit.section(audited))
    casts = pd.DataFrame(
        {
            "cast": ["warmer", "dimmer"],
            "images": [60, 0],
            "median_change": [-1.6, None],
            "p95_absolute_change": [7.4, None],
            "share_of_type_changed": [0.12, None],
            "became_undetermined": [0.0, None],
        }
    )
    write_csv(audited / "audit/cast_sensitivity.csv", casts)
    agreement = {"labelled": 90, "both": 80, "exact": 0.5, "within_one": 0.75}
    write_json(audited / "audit/label_agreement.json", agreement)
    cross = pd.DataFrame({"I": [40], "II": [40]}, index=["I"])
    write_csv(audited / "audit/label_agreement.csv", cross, index=True)
    bad = pd.DataFrame({"path": ["x.jpg"], "cause": ["truncated"]})
    write_csv(audited / "bad_images.csv", bad)
    section = audit.section(audited)
    shown = table(section, "What a small colour cast")
    assert shown["median change of ITA"].tolist() == ["-2°", "–"]
    said = words(section)
    assert "Of the 80 that could be measured, ITA gives the same type in 50%" in said
    assert "1 images left out as unreadable" in said


def test_no_section_before_the_audit(audited):
    undo(audited, "audit_skin_tone")
    assert audit.section(audited) is None
