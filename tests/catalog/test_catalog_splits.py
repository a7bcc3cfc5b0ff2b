import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import (
    Catalog,
    CatalogError,
    apply_split_file,
    find_leaks,
    group_ids,
    keep_test_set,
    split_catalog,
)
from keras_derm.readers import READERS


def test_groups_chain_through_patient_lesion_and_duplicate(make_catalog):
    catalog = make_catalog(
        6,
        patient_id=["P1", "P1", None, None, None, None],
        lesion_id=[None, "L1", "L1", "L2", None, None],
        duplicate_group=[None, None, "D1", None, "D1", None],
    )
    assert group_ids(catalog).tolist() == [0, 0, 0, 1, 0, 2]


def test_words_for_an_unknown_patient_join_no_images(make_catalog):
    catalog = make_catalog(
        6,
        patient_id=["unknown", "Unknown", "nan", "NA", " ", ""],
        lesion_id=["L1", "L1 ", "none", "None", None, "n/a"],
    )
    assert group_ids(catalog).tolist() == [0, 0, 1, 2, 3, 4]


def test_patient_of_a_fifth_of_all_images_is_warned_of(make_catalog):
    catalog = make_catalog(60, patient_id=["-1"] * 20 + [f"P{i}" for i in range(40)])
    with pytest.warns(UserWarning, match=r"20 of 60 images.*patient_id '-1' in 20"):
        split_catalog(catalog)


def test_test_set_of_an_archive_is_kept_and_val_is_taken_from_its_training_images(
    make_catalog,
):
    splits = ["train"] * 60 + ["test"] * 30 + [None] * 10
    lesions = [f"L{i // 3}" for i in range(60)] + [None] * 40
    catalog = make_catalog(100, split=splits, split_name="isic2016", lesion_id=lesions)
    found = keep_test_set(catalog, 0.2, seed=1)
    table = found.table
    assert table["isic_id"].tolist() == catalog.table["isic_id"][:90].tolist()
    assert table["split"].value_counts().to_dict() == {
        "train": 48,
        "test": 30,
        "val": 12,
    }
    assert (table["split"][60:] == "test").all()
    assert set(table["split_name"]) == {"isic2016"}
    assert table.groupby("lesion_id")["split"].nunique().max() == 1
    again = keep_test_set(catalog, 0.2, seed=1).table["split"]
    assert again.equals(table["split"])


def test_val_of_an_archive_is_kept_and_what_leaks_is_told(make_catalog):
    catalog = make_catalog(
        4,
        split=["train", "val", "test", "test"],
        split_name="isic2017",
        lesion_id=["L1", "L2", "L1", "L3"],
    )
    with pytest.warns(UserWarning, match="leaks: 1 test images"):
        found = keep_test_set(catalog, 0.5)
    assert found.table["split"].tolist() == ["train", "val", "test", "test"]


def test_archive_without_a_test_set_has_none_to_keep(make_catalog):
    with pytest.raises(CatalogError, match="split anew.*Received: no test"):
        keep_test_set(make_catalog(4, split=["train"] * 4, split_name="one"))


@pytest.fixture
def large_catalog(make_catalog):
    generator = np.random.default_rng(3)
    n = 33_126
    diagnoses = ["NV", "MEL", "BKL", "DF"]
    return make_catalog(
        n,
        diagnosis=generator.choice(diagnoses, n, p=[0.9, 0.05, 0.04, 0.01]),
        patient_id=[f"P{i}" for i in generator.zipf(1.5, n) % 2056],
    )


def test_split_of_a_large_archive_keeps_patients_together(large_catalog):
    result = split_catalog(large_catalog, seed=1)
    assert find_leaks(result).empty
    table = result.table
    assert table.groupby("patient_id")["split"].nunique().max() == 1


def test_fractions_of_each_diagnosis(make_catalog):
    generator = np.random.default_rng(0)
    catalog = make_catalog(
        3000,
        diagnosis=generator.choice(["NV", "MEL", "DF"], 3000, p=[0.85, 0.1, 0.05]),
        lesion_id=[f"L{i}" for i in generator.integers(0, 1500, 3000)],
    )
    table = split_catalog(catalog, (0.6, 0.1, 0.3)).table
    shares = pd.crosstab(table["diagnosis"], table["split"], normalize="index")
    wanted = pd.DataFrame({"train": 0.6, "val": 0.1, "test": 0.3}, index=shares.index)
    assert (shares - wanted).abs().to_numpy().max() < 0.02


def test_large_groups_are_dealt_to_every_split(make_catalog):
    lesions = [f"L{i // 2}" for i in range(400)] + [f"S{i}" for i in range(600)]
    table = split_catalog(make_catalog(1000, lesion_id=lesions)).table
    pairs = table[table["lesion_id"].str.startswith("L")]
    assert abs((pairs["split"] == "test").mean() - 0.15) < 0.02


def test_seed_decides(make_catalog):
    catalog = make_catalog(200)
    first, again, other = (split_catalog(catalog, seed=s).table for s in (5, 5, 6))
    assert first["split"].equals(again["split"])
    assert not first["split"].equals(other["split"])


def test_synthetic_images_and_their_groups_go_to_train(make_catalog):
    parents = [None] * 40 + [f"ISIC_{i:07d}" for i in range(10)]
    catalog = make_catalog(50, synthetic=[False] * 40 + [True] * 10, parent_id=parents)
    table = split_catalog(catalog).table
    assert (table["split"][40:] == "train").all() and (
        table["split"][:10] == "train"
    ).all()
    with pytest.raises(CatalogError, match="train only"):
        split_catalog(catalog, (0, 0.5, 0.5))


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_must_be_shares(make_catalog, fractions):
    with pytest.raises(CatalogError, match="Received"):
        split_catalog(make_catalog(), fractions)


def test_a_part_may_be_left_out(make_catalog):
    table = split_catalog(make_catalog(100), (0.8, 0, 0.2)).table
    assert table["split"].value_counts().to_dict() == {"train": 80, "test": 20}


def test_split_file_warns_of_leaks_and_doubles(make_catalog, tmp_path):
    catalog = make_catalog(4, lesion_id=["L1", "L1", "L2", None])
    csv = tmp_path / "published.csv"
    csv.write_text(
        "image_id,split\nISIC_0000000,train\nISIC_0000001,test\n"
        "ISIC_0000002,validation\nISIC_0000002,test\nISIC_9999999,test\n"
    )
    with pytest.warns(UserWarning) as caught:
        result = apply_split_file(catalog, csv)
    messages = " ".join(str(warning.message) for warning in caught)
    assert "2 of 3 lesions" in messages
    assert (
        "1 id(s) appear more than once" in messages and "ISIC_0000002 val" in messages
    )
    assert "not listed and get no split: ISIC_0000003" in messages
    assert "1 listed image(s) are not in the catalog" in messages
    assert result.table["split"].fillna("").tolist() == ["train", "test", "val", ""]
    assert (result.table["split_name"] == "published").all()
    assert find_leaks(result)["lesion_id"].tolist() == ["L1"]


def test_split_file_with_names_of_files_and_blanks_is_read(make_catalog, tmp_path):
    csv = tmp_path / "split.csv"
    csv.write_text("image_id,split\nISIC_0000000.jpg,train\n  ISIC_0000001 ,test\n")
    assert apply_split_file(make_catalog(2), csv).table["split"].tolist() == [
        "train",
        "test",
    ]


def test_faulty_split_file(make_catalog, tmp_path):
    csv = tmp_path / "split.csv"
    csv.write_text("image_id,split\nISIC_0000000,holdout\n")
    with pytest.raises(CatalogError, match="row 2: 'holdout'"):
        apply_split_file(make_catalog(), csv)
    csv.write_text("name,split\nISIC_0000000,test\n")
    with pytest.raises(CatalogError, match="id column"):
        apply_split_file(make_catalog(), csv)
    csv.write_text("image_id,split\nelse,test\n")
    with pytest.raises(CatalogError, match="none of the catalog's 4"):
        apply_split_file(make_catalog(), csv)


@pytest.mark.real_data
def test_ham10000_splits(shared_data):
    folder = shared_data / "ham10000"
    table = READERS["ham10000"](folder, with_images=False).table
    files = "HAM10000_images/" + table["isic_id"] + ".jpg"
    catalog = Catalog(table.assign(path=files), folder)  # whose images nobody decodes
    table = split_catalog(catalog).table
    assert table.groupby("lesion_id")["split"].nunique().max() == 1
    shares = pd.crosstab(table["diagnosis"], table["split"], normalize="index")
    assert (shares[["val", "test"]] - 0.15).abs().to_numpy().max() < 0.005
    with pytest.warns(UserWarning) as caught:
        result = apply_split_file(catalog, folder / "dermamnist_split.csv")
    assert any("1006 of 7470 lesions" in str(warning.message) for warning in caught)
    assert result.table["split"].isna().sum() == 4


def test_equal_files_stay_together_without_being_listed(make_catalog):
    catalog = make_catalog(
        6, content_hash=["x", "y", "x", None, None, "y"], patient_id=["P"] + [None] * 5
    )
    assert group_ids(catalog).tolist() == [0, 1, 0, 2, 3, 1]
    with pytest.raises(CatalogError, match="or file is in more than one split"):
        catalog.with_columns(split=["train"] * 2 + ["test"] * 4)
    split = split_catalog(catalog, fractions=(0.5, 0, 0.5))
    assert len(find_leaks(split)) == 0
