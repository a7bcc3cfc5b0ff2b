import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError
from keras_derm.generative import (
    cell_deficits,
    condition_indices,
    condition_names,
    plan_synthesis,
    write_synthetic,
)


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
                    "skin_tone": [tone for _, tone in rows],
                    "split": split,
                }
            ),
            root=tmp_path,
        )

    return make


COUNTS = {
    ("NV", "I"): 60,
    ("NV", "V"): 20,
    ("NV", "VI"): 2,
    ("DF", "I"): 10,
    ("DF", "undetermined"): 4,
}


def test_the_rarest_tones_of_a_rare_diagnosis_are_filled_first(catalog_of):
    plan = plan_synthesis(catalog_of(COUNTS), target_per_diagnosis=30)
    make = plan.deficits.set_index(["diagnosis", "skin_tone"])["make"]
    # 16 images are short: 13 bring tone V (0) level with tone I (10).
    assert make["DF"].to_dict() == dict(I=3, II=0, III=0, IV=0, V=13, VI=0) | {
        "undetermined": 0
    }
    assert make["NV"].sum() == 0
    conditions = np.repeat(plan.cells, plan.counts, axis=0)
    assert conditions.shape == (16, 2)
    assert set(condition_names(conditions)) == {("DF", "I"), ("DF", "V")}


def test_no_more_than_the_ratio_is_made(catalog_of):
    plan = cell_deficits(catalog_of(COUNTS), target=1000, max_ratio=2)
    assert plan[plan["diagnosis"] == "DF"]["make"].sum() == 28


def test_held_out_rows_are_refused(catalog_of):
    with pytest.raises(CatalogError, match="held out"):
        cell_deficits(catalog_of({("NV", "I"): 3}, split="test"), target=10)


def test_a_row_without_a_tone_is_conditioned_as_undetermined(catalog_of):
    catalog = catalog_of({("MEL", pd.NA): 1, ("VASC", "VI"): 1})
    assert condition_indices(catalog).tolist() == [[0, 6], [6, 5]]


def test_synthetic_images_become_training_rows(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    catalog = write_synthetic(images, [[0, 1]] * 3, 7, "sngan", tmp_path / "made")
    table = catalog.table
    assert list(table["isic_id"])[:2] == ["SYN_sngan_7_000000", "SYN_sngan_7_000001"]
    assert table["synthetic"].all() and (table["split"] == "train").all()
    assert (table["diagnosis"] == "MEL").all() and (table["skin_tone"] == "II").all()
    assert (table["generator"] == "sngan").all() and (table["seed"] == 7).all()
    np.testing.assert_array_equal(Image.open(catalog.paths[2]), images[2])
    saved = Catalog.load(tmp_path / "made" / "catalog.csv")
    assert saved.paths == catalog.paths
    with pytest.raises(CatalogError):
        catalog.require_real()


def test_a_translation_stays_with_its_photograph(tmp_path, catalog_of):
    images = np.zeros((1, 8, 8, 3), "uint8")
    settings = [[0, 1]], 7, "cyclegan", tmp_path / "made"
    real = catalog_of({("NV", "II"): 1})
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
