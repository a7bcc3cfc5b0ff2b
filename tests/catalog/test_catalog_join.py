import pytest

from keras_derm.catalog import CatalogError, group_ids, join_catalogs


def test_patients_lesions_and_groups_of_archives_are_no_relations(make_catalog):
    first = make_catalog(2, lesion_id=["L", "M"], patient_id="P")
    second = make_catalog(
        2, isic_id=["x", "y"], lesion_id=["L", "M"], duplicate_group="D"
    )
    joined = join_catalogs({"one": first, "two": second})
    table = joined.table
    assert table["lesion_id"].tolist() == ["one:L", "one:M", "two:L", "two:M"]
    assert table["isic_id"].is_unique
    assert group_ids(joined).tolist() == [0, 0, 1, 1]


def test_listed_duplicates_and_shared_photographs_are_one_group(make_catalog):
    first = make_catalog(3, isic_id=["ISIC_1", "ISIC_2", "ISIC_3"])
    second = make_catalog(
        3, isic_id=["ISIC_2", "ISIC_9", "x"], duplicate_group=["D", "D", None]
    )
    joined = join_catalogs({"one": first, "two": second})
    assert group_ids(joined).tolist() == [0, 1, 2, 1, 1, 3]
    groups = joined.table["duplicate_group"]
    assert groups.tolist()[1] == groups.tolist()[4] == "one:ISIC_2"


def test_name_that_is_no_isic_id_is_another_photograph(make_catalog):
    one, two = make_catalog(1, isic_id=["001"]), make_catalog(1, isic_id=["001"])
    joined = join_catalogs({"one": one, "two": two})
    assert joined.table["duplicate_group"].isna().all()


def test_shared_photograph_in_two_splits_is_refused(make_catalog):
    one = make_catalog(1, isic_id=["ISIC_1"], split="train")
    two = make_catalog(1, isic_id=["ISIC_1"], split="test")
    with pytest.raises(CatalogError, match="in more than one split"):
        join_catalogs({"one": one, "two": two})
