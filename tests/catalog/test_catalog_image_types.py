import pytest

from keras_derm.catalog import CatalogError, lesion_pairs, of_types

CLOSE_UP, OVERVIEW = "clinical: close-up", "clinical: overview"


def test_by_default_dermoscopy_and_what_is_not_known(make_catalog):
    catalog = make_catalog(4, image_type=["dermoscopic", CLOSE_UP, None, OVERVIEW])
    kept, told = of_types(catalog)
    assert kept.table["isic_id"].tolist() == catalog.table["isic_id"][[0, 2]].tolist()
    assert "2 of 4 photographs are not dermoscopic" in told
    assert f"1 {CLOSE_UP}" in told and f"1 {OVERVIEW}" in told
    assert "--image_types" in told


def test_where_nothing_is_dermoscopic_all_is_taken_and_told(make_catalog):
    catalog = make_catalog(3, image_type=[CLOSE_UP, OVERVIEW, CLOSE_UP])
    kept, told = of_types(catalog)
    assert len(kept) == 3 and f"all are taken: 2 {CLOSE_UP}, 1 {OVERVIEW}" in told
    assert of_types(make_catalog(3))[1] == ""
    assert of_types(make_catalog(3, image_type="dermoscopic"))[1] == ""


def test_types_that_are_asked_for(make_catalog):
    catalog = make_catalog(
        3, image_type=["dermoscopic", CLOSE_UP, OVERVIEW], source=["a", "a", "b"]
    )
    kept, told = of_types(catalog, ["dermoscopic", CLOSE_UP])
    assert len(kept) == 2 and f"1 {OVERVIEW} of b" in told
    with pytest.raises(CatalogError, match="Received: close-up"):
        of_types(catalog, ["close-up"])
    with pytest.raises(CatalogError, match="No photograph is RCM: tile; there are 1"):
        of_types(catalog, ["RCM: tile"])


def test_pairs_of_a_lesion(make_catalog):
    catalog = make_catalog(
        6,
        lesion_id=["A", "A", "B", "B", "C", None],
        image_type=[
            CLOSE_UP,
            "dermoscopic",
            "dermoscopic",
            CLOSE_UP,
            CLOSE_UP,
            CLOSE_UP,
        ],
    )
    ids = catalog.table["isic_id"]
    pairs = lesion_pairs(catalog)
    assert pairs["lesion_id"].tolist() == ["A", "B"]
    assert pairs["first_row"].tolist() == [1, 2]
    assert pairs["second_row"].tolist() == [0, 3]
    assert pairs["second_id"].tolist() == ids[[0, 3]].tolist()
    assert lesion_pairs(catalog, CLOSE_UP, "dermoscopic")["first_row"].tolist() == [
        0,
        3,
    ]
    with pytest.raises(CatalogError, match="`second`.*Received: 'close-up'"):
        lesion_pairs(catalog, second="close-up")
