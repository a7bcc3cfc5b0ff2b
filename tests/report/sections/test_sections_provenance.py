import pytest
from fake_run import change_arm, undo

from keras_derm.catalog import Catalog
from keras_derm.files import write_json
from keras_derm.report.sections import provenance


@pytest.fixture
def described(run):
    environment = {"platform": "Linux", "processors": 2}
    environment["packages"] = {"keras": "3.15.1", "numpy": "2.4.6"}
    write_json(run / "environment.json", environment)
    return run


def test_facts_name_data_seeds_versions_and_licence(described):
    facts = provenance.facts(described)
    assert facts["data"] == "ham10000:/data/HAM10000"
    assert facts["licence of the images"] == "CC-BY-NC"
    assert facts["seed of the split"] == 3
    assert facts["seed of the generator"] == 5
    assert facts["seed of training"] == 7
    assert facts["versions"] == "keras 3.15.1, numpy 2.4.6"
    assert facts["machine"] == "Linux, 2 processors"
    seconds = facts["seconds by stage"]
    assert seconds.startswith("audit_skin_tone 12, prepare_dataset 1,")
    assert "train_classifier.baseline 1" in seconds


def test_arms_of_other_seeds_are_told_apart(described):
    change_arm(described, "augmented", seed=8)
    facts = provenance.facts(described)
    assert facts["seed of training"] == "baseline 7, augmented 8"


def test_what_was_not_trained_here_has_no_seed(described):
    arms = [f"train_classifier.{arm}" for arm in described.arms]
    undo(described, "train_generator", *arms)
    assert not [name for name in provenance.facts(described) if "training" in name]


def test_split_is_told_by_what_is_in_its_parts(described):
    name = "split (SHA-256 of image ids and parts)"
    first = provenance.facts(described)[name]
    table = described.catalog.table
    Catalog(table.iloc[::-1].reset_index(drop=True)).save(described / "catalog.csv")
    assert provenance.facts(described)[name] == first
    Catalog(table.assign(split="train")).save(described / "catalog.csv")
    assert provenance.facts(described)[name] != first


def test_archive_without_licence_is_said_to_have_none(described):
    table = described.catalog.table.assign(copyright_license=None)
    Catalog(table).save(described / "catalog.csv")
    facts = provenance.facts(described)
    assert facts["licence of the images"] == "not stated by the archive"
