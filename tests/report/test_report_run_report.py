import re

import pytest
from fake_run import finish, undo, write_audit

from keras_derm.files import write_json
from keras_derm.report.run_report import write_report
from keras_derm.report.sections import SECTIONS
from keras_derm.settings import AuditSkinToneSettings


@pytest.fixture
def reportable(make_run):
    """An evaluated run in which nothing was synthesised, explained or exported."""

    def make(*args, **kwargs):
        run = make_run(*args, **kwargs)
        undo(run, "train_generator", "synthesize", "image_quality", "explain")
        undo(run, "export_tflite")
        write_audit(run)
        environment = {"platform": "Linux", "processors": 2, "packages": {}}
        write_json(run / "environment.json", environment)
        return run

    return make


def test_report_holds_the_sections_of_what_was_done(reportable):
    html = write_report(reportable()).read_text()
    for words in (
        "Archive: HAM10000",
        "Whose skin is in the archive",
        "Preparation and split",
        "Judgement on real test images",
        "For whom",
        "Research use only",
        "seed of the split",
    ):
        assert words in html
    for words in ("Synthetic images", "What the model looked at", "The quantised"):
        assert words not in html


FORBIDDEN = (
    r"apparent (skin )?tone",
    r"skin tones? (I|II|III|IV|V|VI)\b",
    r"tones? (I|II|III|IV|V|VI)\b",
    r"skin types? (I|II|III|IV|V|VI)\b",
    r"skin tone by",
    r"Fitzpatrick",
    "no tone that could be",
    "dark skin",
)


def test_report_of_an_unlabelled_archive_calls_no_colour_a_tone_of_people(reportable):
    run = reportable()
    nobody = dict.fromkeys(
        ("skin_tone_label", "skin_tone_scale", "tone_group", "tone_source")
    )
    run.catalog.with_columns(**nobody).save(run / "catalog.csv")
    write_audit(run)
    html = write_report(run).read_text()
    said = re.sub(r"<style>.*?</style>|data:[^\"]*", "", html, flags=re.S)
    found = [words for words in FORBIDDEN if re.search(words, said, re.I)]
    assert not found
    assert "The tone of the skin is unknown for all 8" in said


def test_report_of_any_number_of_arms_names_each(reportable):
    arms = ("baseline", "augmented", "balanced", "copies_5x")
    html = write_report(reportable(arms)).read_text()
    assert all(f"<td>{arm}</td>" in html for arm in arms)
    assert "difference from baseline" in html


def test_report_of_predictions_made_elsewhere_has_no_training(reportable):
    predictions = {"baseline": "a.csv", "augmented": "b.csv"}
    html = write_report(reportable(predictions=predictions)).read_text()
    assert "made elsewhere" in html and "<h2>Training</h2>" not in html


def test_archive_of_a_phantom_is_named_whole(reportable):
    run = reportable()
    finish(run, AuditSkinToneSettings("phantom:n=60,seed=3"))
    assert "Archive: phantom:n=60,seed=3" in write_report(run).read_text()


def test_sections_have_an_order_and_stand_once():
    names = [section.__module__.rpartition(".")[2] for section in SECTIONS]
    assert names[:2] == ["audit", "preparation"] and names[-1] == "export"
    assert len(set(names)) == len(names) == 16
