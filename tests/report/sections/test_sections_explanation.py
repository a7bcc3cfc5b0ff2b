from typing import get_args

import pandas as pd
import pytest
from fake_run import finish, table, undo, words

from keras_derm.files import write_csv, write_json
from keras_derm.report.html import Callout
from keras_derm.report.sections import explanation
from keras_derm.settings import ExplainSettings


@pytest.fixture
def explained(run):
    cases = pd.DataFrame({"isic_id": ["a", "a", "b"], "lesion_share": [0.2, 0.2, None]})
    cases = cases.assign(attention_in_lesion=[0.6, 0.6, None])
    write_csv(run / "explanations.csv", cases)
    write_checks(run)
    return run


def write_checks(run, depends=True, p_value=0.01, regions=(14, 14)):
    write_json(
        run / "explanations.json",
        {
            "arm": "augmented",
            "n_images": 12,
            "regions": {"resnet50_224": regions, "vgg16_256": [16, 16]},
            "sanity_check": {
                "verdict": "The maps depend on what was learned.",
                "depends_on_learning": depends,
                "stages": {
                    "all layers": {"rank_correlation": 0.1, "ssim": 0.2},
                    "another image": {"rank_correlation": 0.5, "ssim": 0.6},
                },
            },
            "deletion": {
                "area_attention": 0.4,
                "area_random": 0.6,
                "n_sooner_than_random": 10,
                "sign_test_p": p_value,
            },
        },
    )


def test_section_says_whose_maps_they_are_and_where_they_lie(explained):
    section = explanation.section(explained)
    assert section.title == "What the model looked at"
    assert section.lead.startswith("LayerCAM of the augmented ensemble")
    said = words(section)
    assert "60% of the attention lies in the lesion, which covers 20%" in said


def test_resolution_of_the_maps_is_told(explained, draw):
    draw("attention_correct")
    sizes = "14 by 14 (resnet50_224) and 16 by 16 (vgg16_256) regions"
    section = explanation.section(explained)
    assert f"reads: {sizes}" in words(section)
    assert "No layer" not in words(section)
    captions = [getattr(block, "caption", "") for block in section.blocks]
    assert f"Correct decisions. Yellow: most attention; a map has {sizes}." in captions
    write_checks(explained, regions=(8, 8))
    said = words(explanation.section(explained))
    assert "No layer of resnet50_224 is as fine as 12 by 12." in said
    write_checks(explained, regions=(16, 16))
    assert "reads: 16 by 16 regions" in words(explanation.section(explained))


def test_any_arm_that_was_judged_can_be_explained(explained):
    finish(explained, ExplainSettings(arm="baseline", method="smooth_grad"))
    section = explanation.section(explained)
    assert section.lead.startswith("SmoothGrad of the baseline ensemble")
    assert "no finer than the features" not in words(section)
    finish(explained, ExplainSettings(arm="copies"))
    with pytest.raises(ValueError, match="an arm that was judged.*Received: 'copies'"):
        explanation.section(explained)


def test_checks_say_whether_the_maps_can_be_believed(explained):
    section = explanation.section(explained)
    stages = table(section, "How much the maps stay like")
    assert stages.index.tolist() == ["all layers random", "another image"]
    assert "On 10 of 12 images it falls sooner" in words(section)
    assert "better than chance does" in words(section)
    write_checks(explained, depends=False, p_value=0.4)
    section = explanation.section(explained)
    assert "do not read single maps" in words(section)
    (callout,) = [block for block in section.blocks if isinstance(block, Callout)]
    assert callout.kind == "caution"


def test_cases_are_shown_without_masks_and_checks(explained, draw):
    (explained / "explanations.json").unlink()
    cases = pd.read_csv(explained / "explanations.csv")
    write_csv(explained / "explanations.csv", cases.assign(attention_in_lesion=None))
    draw("attention_missed_melanoma")
    (only,) = explanation.section(explained).blocks
    assert only.caption == "Missed melanomas. Yellow: most attention."


def test_of_predictions_made_elsewhere_there_are_cases_alone(make_run):
    run = make_run(predictions={"baseline": "a.csv", "augmented": "b.csv"})
    section = explanation.section(run)
    assert section.title == "Cases to look at"
    assert "the augmented predictions" in section.lead


def test_no_section_before_the_explanation(explained):
    undo(explained, "explain")
    assert explanation.section(explained) is None


def test_every_method_has_a_name():
    known = get_args(ExplainSettings.__dataclass_fields__["method"].type)
    assert set(explanation.METHODS) == set(known)
