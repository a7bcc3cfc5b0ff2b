import pandas as pd
import pytest
from fake_run import finish, undo, words

from keras_derm.files import write_csv, write_json
from keras_derm.report.html import Callout
from keras_derm.report.sections import feature_map
from keras_derm.settings import ExplainSettings

NO_SYNTHETIC = {
    "same_class": None,
    "same_class_real": 0.7,
    "same_class_chance": None,
    "two_sample_accuracy": None,
    "n_compared": 0,
}
FOUND = NO_SYNTHETIC | {
    "same_class": 0.4,
    "same_class_chance": 0.2,
    "two_sample_accuracy": 0.9,
    "n_compared": 60,
}


@pytest.fixture
def mapped(run):
    write_csv(run / "feature_map.csv", pd.DataFrame({"isic_id": ["a", "b"]}))
    write_json(run / "explanations.json", {"arm": "copies_5x", "features": FOUND})
    return run


def test_section_says_how_real_and_synthetic_images_mix(mapped, draw):
    draw("feature_map")
    section = feature_map.section(mapped)
    assert section.lead == (
        "40% of the synthetic images have a real image of the diagnosis they were made "
        "for as nearest real neighbour; among real images 70% have, by chance 20% "
        "would."
    )
    said = words(section)
    assert "in 90% of the cases" in said and "60 real and as many synthetic" in said
    assert "UMAP of the features of the copies_5x ensemble." in said


@pytest.mark.parametrize("accuracy, kind", [(0.9, "caution"), (0.5, "finding")])
def test_told_apart_too_well_is_a_caution(mapped, accuracy, kind):
    found = FOUND | {"two_sample_accuracy": accuracy}
    write_json(mapped / "explanations.json", {"arm": "baseline", "features": found})
    blocks = feature_map.section(mapped).blocks
    assert [each.kind for each in blocks if isinstance(each, Callout)] == [kind]


def test_map_of_real_images_alone_claims_nothing(mapped):
    content = {"arm": "baseline", "features": NO_SYNTHETIC}
    write_json(mapped / "explanations.json", content)
    section = feature_map.section(mapped)
    assert section.lead.startswith("No synthetic image was kept")
    assert not [each for each in section.blocks if isinstance(each, Callout)]


def test_no_section_without_a_map(mapped):
    undo(mapped, "explain")
    assert feature_map.section(mapped) is None
    finish(mapped, ExplainSettings())
    assert feature_map.section(mapped) is not None
    (mapped / "feature_map.csv").unlink()
    assert feature_map.section(mapped) is None
