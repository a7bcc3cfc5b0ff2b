import pandas as pd
import pytest
from fake_run import table, undo, words, write_audit

from keras_derm.files import write_csv
from keras_derm.report.sections import audit


@pytest.fixture
def audited(run):
    write_audit(run)
    return run


def test_section_says_whose_skin_is_in_the_archive_and_who_says_so(audited):
    section = audit.section(audited)
    people = table(section, "Photographs by diagnosis and tone group of the person")
    assert people.loc["total", ["light", "medium", "dark"]].tolist() == [5, 0, 2]
    sources = table(section, "Where the tone group comes from")
    assert "label on the scale fitzpatrick" in sources["source"][0]
    said = words(section)
    assert "The skin tone of the person is unknown in 1 of 8 photographs." in said
    assert said.count("This is no table of people.") == 1
    assert "disagree on 300 of the 1,000 images" in said
    assert "40 images V or VI; 39 of these are bright skin" in said


def test_reasons_are_counted_without_their_figures(audited):
    reasons = table(audit.section(audited), "Why an ITA type was not determined")
    assert reasons.to_dict("records") == [{"reason": "no skin", "images": 1}]


def test_casts_and_bad_images_are_told_where_there_are_any(audited):
    for caption in ("What a small colour cast", "images were left out"):
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
    bad = pd.DataFrame({"path": ["x.jpg"], "cause": ["truncated"]})
    write_csv(audited / "bad_images.csv", bad)
    section = audit.section(audited)
    shown = table(section, "What a small colour cast")
    assert shown["median change of ITA"].tolist() == ["-2°", "–"]
    said = words(section)
    assert "1 fault(s): their images were left out" in said


def test_no_section_before_the_audit(audited):
    undo(audited, "audit_skin_tone")
    assert audit.section(audited) is None
