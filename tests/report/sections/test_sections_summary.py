import json

import pytest
from fake_run import change_arm, words

from keras_derm.catalog import Catalog
from keras_derm.files import write_json
from keras_derm.report.html import Section
from keras_derm.report.sections import summary


def said(run):
    return words(Section("Summary", "", summary.blocks(run)))


def test_verdict_and_archive_come_first(run):
    first = summary.blocks(run)[0]
    assert first.kind == "finding"
    assert first.text.startswith("No measurable difference.")
    assert (
        "The archive holds 8 photographs. Tone of the skin: light: 5 by people's "
        "labels; medium: none; dark: 2 by people's labels; unknown: 1."
    ) in said(run)


def test_reference_is_told_with_its_intervals(run):
    assert (
        "The baseline model finds 80% (95 % interval 75% to 85%) of the melanomas "
        "(sensitivity) and clears 80% (95 % interval 75% to 85%) of the other lesions"
    ) in said(run)
    metrics = json.loads((run / "metrics.json").read_text())
    found = metrics["arms"]["baseline"]["strata"][0]["metrics"]
    found["sensitivity"] = {"value": None, "low": None, "reason": "no MEL images"}
    found["specificity"] = {"value": 1.0, "low": None, "high": None}
    write_json(run / "metrics.json", metrics)
    assert "finds an unknown share (no MEL images)" in said(run)
    assert "clears 100% of the other" in said(run)


def test_each_arm_says_what_it_learned_from(four_arms):
    assert (
        "The baseline model (ResNet50 and MobileNetV2, averaged) learned from 4 real "
        "images; augmented from the same and 12 synthetic images; balanced from the "
        "same; copies_5x from the same and 20 altered copies of them, with the same "
        "number of training steps. Every arm was judged on the same 200 real test "
        "images."
    ) in said(four_arms)


def test_arms_of_other_settings_are_not_said_to_have_taken_the_same_steps(run):
    change_arm(run, "augmented", batch_size=8)
    assert "same number of training steps" not in said(run)


def test_predictions_made_elsewhere_are_called_so(make_run):
    run = make_run(predictions={"baseline": "a.csv", "augmented": "b.csv"})
    assert (
        "Predictions made elsewhere were judged on the same 200 real test images: "
        "baseline from a.csv, augmented from b.csv."
    ) in said(run)


def test_test_images_of_patients_that_were_trained_on_are_counted(run):
    assert "None of their lesions or patients was trained on." in said(run)
    table = run.catalog.table.assign(split_name="published")
    table.loc[7, "patient_id"] = "P0"
    Catalog(table).save(run / "catalog.csv")
    assert "1 of these are of a lesion or patient that was trained on." in said(run)
    table.loc[7, "patient_id"] = None
    Catalog(table).save(run / "catalog.csv")
    assert "For 1 the archive names neither patient nor lesion" in said(run)


def test_run_that_was_not_evaluated_names_the_app(run):
    (run / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="run apps/evaluate.py first"):
        summary.blocks(run)
