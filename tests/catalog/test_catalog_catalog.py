import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog, CatalogError


def test_import_loads_no_tensorflow():
    code = "import sys, keras_derm.catalog; print('tensorflow' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.stdout.strip() == "False", result.stderr


def test_save_and_load_keep_values_and_types(make_catalog, tmp_path):
    catalog = make_catalog(
        3,
        isic_id=["007", "NA", "1e5"],
        patient_id=["01", None, "None"],
        age_approx=[45.0, np.nan, 0.1],
        seed=pd.array([1, None, 2**53 + 1], dtype="Int64"),
        synthetic=[False, True, False],
        plain_rgb=[True, False, True],
        ita=[55.123456789012345, -3.0, np.nan],
        dx_type=["histo", None, "NA"],
    )
    catalog.save(tmp_path / "catalog.csv")
    loaded = Catalog.load(tmp_path / "catalog.csv")
    pd.testing.assert_frame_equal(loaded.table, catalog.table)
    assert loaded.table["isic_id"].tolist() == ["007", "NA", "1e5"]
    assert loaded.table["synthetic"].dtype == bool
    assert loaded.table["patient_id"].isna().tolist() == [False, True, True]
    assert loaded.table["seed"].tolist()[2] == 2**53 + 1


def test_empty_catalog_saves_and_loads(make_catalog, tmp_path):
    make_catalog().where(diagnosis="MEL").save(tmp_path / "empty.csv")
    assert len(Catalog.load(tmp_path / "empty.csv")) == 0


def test_every_fault_is_told_at_once(tmp_path):
    (tmp_path / "a.jpg").touch()
    table = pd.DataFrame(
        {
            "isic_id": ["a", "a", "c", None, "e"],
            "path": ["a.jpg", "a.jpg", "../a.jpg", "a.jpg", "gone.jpg"],
            "diagnosis": ["NV", "nevus", "NV", "NV", "NV"],
            "tone_group": ["light", "brown", None, None, None],
        }
    )
    with pytest.raises(CatalogError) as caught:
        Catalog(table, tmp_path)
    faults = caught.value.faults
    found = set(zip(faults["row"], faults["column"], strict=True))
    assert found == {
        (3, "isic_id"),
        (3, "diagnosis"),
        (3, "tone_group"),
        (4, "path"),
        (5, "isic_id"),
        (6, "path"),
    }
    message = str(caught.value)
    for part in (
        "row 3",
        "'nevus'",
        "'brown'",
        "'../a.jpg'",
        "leaves its root",
        "'gone",
    ):
        assert part in message


def test_missing_column_is_named(tmp_path):
    with pytest.raises(CatalogError, match="'diagnosis'.*Received"):
        Catalog(pd.DataFrame({"isic_id": ["a"], "path": ["a.jpg"]}), tmp_path)


@pytest.mark.parametrize("column", ["age_approx", "synthetic", "seed"])
def test_value_of_wrong_type_is_a_fault(make_catalog, column):
    with pytest.raises(CatalogError, match=f"{column}.*'many'"):
        make_catalog(2, **{column: [None, "many"]})


def test_loading_names_the_csv(make_catalog, tmp_path):
    csv = tmp_path / "catalog.csv"
    make_catalog().save(csv)
    csv.write_text(csv.read_text().replace(",NV,", ",nevus,", 1))
    with pytest.raises(CatalogError, match="catalog.csv, row 2, column 'diagnosis'"):
        Catalog.load(csv)


def test_absolute_path_is_refused(tmp_path, write_image):
    image = write_image(tmp_path / "a.jpg")
    table = pd.DataFrame({"isic_id": ["a"], "path": [str(image)], "diagnosis": ["NV"]})
    with pytest.raises(CatalogError, match="leaves its root"):
        Catalog(table, tmp_path / "elsewhere")


@pytest.mark.parametrize("split", ["val", "test"])
def test_synthetic_row_may_not_be_held_out(make_catalog, split):
    with pytest.raises(CatalogError, match="synthetic"):
        make_catalog(2, synthetic=[False, True], split=["train", split])


def test_group_may_not_straddle_splits(make_catalog):
    splits = {"split": ["train", "test", "train", "train"]}
    with pytest.raises(CatalogError, match="more than one split"):
        make_catalog(lesion_id=["L1", "L1", "L2", "L3"], **splits)
    with pytest.raises(CatalogError, match="more than one split"):
        make_catalog(duplicate_group=["D", "D", None, None], **splits)
    published = make_catalog(lesion_id="L1", split_name="published", **splits)
    assert len(published.split("test")) == 1


def test_made_image_may_not_come_from_a_held_out_one(make_catalog, tmp_path):
    real = make_catalog(2, split=["train", "test"])
    made = pd.DataFrame(
        {
            "isic_id": ["made"],
            "path": ["shared.jpg"],
            "diagnosis": ["MEL"],
            "synthetic": [True],
            "split": ["train"],
            "parent_id": ["ISIC_0000001"],
        }
    )
    with pytest.raises(CatalogError, match="more than one split"):
        real.concat(Catalog(made, tmp_path))
    assert len(real.concat(Catalog(made.assign(parent_id="ISIC_0000000"), tmp_path)))


def test_selecting_rows(make_catalog):
    catalog = make_catalog(
        4,
        diagnosis=["MEL", "NV", "NV", "DF"],
        synthetic=[True, False, False, False],
        split=["train", "train", "val", "test"],
    )
    assert len(catalog.where(diagnosis=["MEL", "DF"])) == 2
    assert len(catalog.where(catalog.table["diagnosis"] == "NV", split="val")) == 1
    assert len(catalog.real()) == 3 and len(catalog.synthetic()) == 1
    assert catalog.split("test").table["diagnosis"].tolist() == ["DF"]
    with pytest.raises(CatalogError, match="Received: 'dx'"):
        catalog.where(dx="nv")
    with pytest.raises(CatalogError, match="shape"):
        catalog.where(np.array([True]))


def test_table_is_a_copy(make_catalog):
    catalog = make_catalog()
    table = catalog.table
    table.loc[0, "diagnosis"] = "MEL"
    assert len(catalog.where(diagnosis="NV")) == 4


def test_guards_of_judgement_and_generation(make_catalog):
    mixed = make_catalog(
        3, synthetic=[True, False, False], split=["train"] * 2 + ["val"]
    )
    with pytest.raises(CatalogError, match="catalog.real()"):
        mixed.require_real()
    assert mixed.real().require_real()
    with pytest.raises(CatalogError, match="held out"):
        mixed.require_training_only()
    assert mixed.split("train").require_training_only()


def test_columns_are_checked_anew(make_catalog):
    catalog = make_catalog()
    assert catalog.with_columns(ita_type="II").table["ita_type"].eq("II").all()
    with pytest.raises(CatalogError, match="ita_type"):
        catalog.with_columns(ita_type=["I", "II", "III", "seven"])


def test_concat_refuses_double_ids(make_catalog):
    with pytest.raises(CatalogError, match="double id"):
        make_catalog().concat(make_catalog())
