import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import (
    SNGAN,
    cell_deficits,
    condition_indices,
    condition_names,
    plan_synthesis,
    write_synthetic,
)
from keras_derm.settings import SNGANSettings


@pytest.fixture
def catalog_of(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")

    def make(counts, split="train"):
        rows = [cell for cell, n in counts.items() for _ in range(n)]
        return Catalog(
            pd.DataFrame(
                {
                    "isic_id": [f"i{i}" for i in range(len(rows))],
                    "path": "a.png",
                    "diagnosis": [diagnosis for diagnosis, _ in rows],
                    "tone_group": [tone for _, tone in rows],
                    "split": split,
                }
            ),
            root=tmp_path,
        )

    return make


COUNTS = {
    ("NV", "light"): 60,
    ("NV", "dark"): 20,
    ("NV", "medium"): 2,
    ("DF", "light"): 10,
    ("DF", None): 4,
}


def test_the_rarest_tones_of_a_rare_diagnosis_are_filled_first(catalog_of):
    plan = plan_synthesis(catalog_of(COUNTS), target_per_diagnosis=30)
    make = plan.table.set_index(["diagnosis", "tone_group"])["make"]
    # 16 images are short: 13 bring the dark (0) level with the light (10).
    assert make["DF"].to_dict() == dict(light=3, medium=0, dark=13, unknown=0)
    assert make["NV"].sum() == 0
    assert plan.wanted["known_by"].tolist() == [
        "training images",
        "diagnosis and tone apart",  # no DF on dark skin, but NV on it
    ]
    conditions = np.repeat(plan.cells, plan.counts, axis=0)
    assert conditions.shape == (16, 2)
    assert set(condition_names(conditions)) == {("DF", "light"), ("DF", "dark")}


def test_where_nobody_labelled_the_images_of_unknown_tone_are_aimed_at(catalog_of):
    nobody = catalog_of({("NV", None): 60, ("DF", None): 14})
    make = cell_deficits(nobody, target=30).set_index(["diagnosis", "tone_group"])
    assert make.loc[("DF", "unknown"), "make"] == 16 == make["make"].sum()
    few = catalog_of({("NV", None): 60, ("DF", None): 14, ("DF", "dark"): 5})
    make = cell_deficits(few, target=30).set_index(["diagnosis", "tone_group"])
    assert make.loc[("DF", "unknown"), "make"] == 11 == make["make"].sum()
    hardly_any = plan_synthesis(catalog_of({("NV", None): 9}), 30)
    assert "no tone group has enough real training images" in hardly_any.none_because


def test_a_generator_that_makes_no_wanted_tone_makes_images_of_unknown_tone(catalog_of):
    only = SNGANSettings(conditional=False, diagnoses=("DF",))
    plan = plan_synthesis(catalog_of(COUNTS), 30, kind=SNGAN, options=only)
    assert condition_names(plan.cells) == [("DF", "unknown")]
    assert plan.counts.tolist() == [16]
    assert plan.wanted["known_by"].tolist() == ["training images"]


def test_no_more_than_the_ratio_is_made(catalog_of):
    plan = cell_deficits(catalog_of(COUNTS), target=1000, max_ratio=2)
    assert plan[plan["diagnosis"] == "DF"]["make"].sum() == 28


def test_held_out_rows_are_refused(catalog_of):
    with pytest.raises(CatalogError, match="held out"):
        cell_deficits(catalog_of({("NV", "light"): 3}, split="test"), target=10)


def test_a_row_without_a_tone_is_conditioned_as_unknown(catalog_of):
    catalog = catalog_of({("MEL", pd.NA): 1, ("VASC", "dark"): 1})
    assert condition_indices(catalog).tolist() == [[0, 3], [6, 2]]


def test_synthetic_images_become_training_rows(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    conditions = [[0, 1], [0, 1], [0, 3]]
    catalog = write_synthetic(images, conditions, 7, "sngan", tmp_path / "made")
    table = catalog.table
    assert list(table["isic_id"])[:2] == ["SYN_sngan_7_000000", "SYN_sngan_7_000001"]
    assert table["synthetic"].all() and (table["split"] == "train").all()
    assert (table["diagnosis"] == "MEL").all()
    assert table["tone_group"].fillna("").tolist() == ["medium", "medium", ""]
    assert table["tone_source"].fillna("").tolist() == [
        "asked of the generator"
    ] * 2 + [""]
    assert (table["generator"] == "sngan").all() and (table["seed"] == 7).all()
    np.testing.assert_array_equal(Image.open(catalog.paths[2]), images[2])
    saved = Catalog.load(tmp_path / "made" / "catalog.csv")
    assert saved.paths == catalog.paths
    with pytest.raises(CatalogError):
        catalog.require_real()


def test_a_translation_stays_with_its_photograph(tmp_path, catalog_of):
    images = np.zeros((1, 8, 8, 3), "uint8")
    settings = [[0, 1]], 7, "cyclegan", tmp_path / "made"
    real = catalog_of({("NV", "medium"): 1})
    made = write_synthetic(images, *settings, real.table["isic_id"])
    assert made.table["parent_id"].tolist() == real.table["isic_id"].tolist()
    with pytest.raises(CatalogError, match="more than one split"):
        real.with_columns(split="test").concat(made)
    with pytest.raises(ValueError, match="Received: 2 for 1 images"):
        write_synthetic(images, *settings, ["a", "b"])


def test_a_failed_writing_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def fail_at_second(self, path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail_at_second)
    images = np.zeros((3, 8, 8, 3), "uint8")
    with pytest.raises(OSError, match="No space"):
        write_synthetic(images, [[0, 1]] * 3, 7, "sngan", tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="thesis.txt"):
        write_synthetic(np.zeros((1, 8, 8, 3), "uint8"), [[0, 1]], 7, "g", tmp_path)
