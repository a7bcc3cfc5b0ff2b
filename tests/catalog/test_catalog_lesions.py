"""Lesions: which photographs are of one, and what is known of it."""

import numpy as np
import pytest

from keras_derm.catalog import CLOSE_UP, DERMOSCOPIC, CatalogError, Lesions


@pytest.fixture
def pairs(make_catalog):
    """Lesion a with both types, b with a close-up alone, c with three photographs."""
    return make_catalog(
        6,
        lesion_id=["a", "a", "b", "c", "c", "c"],
        image_type=[
            *(CLOSE_UP, DERMOSCOPIC, CLOSE_UP),
            *(DERMOSCOPIC, DERMOSCOPIC, CLOSE_UP),
        ],
        diagnosis=["MEL", "MEL", "NV", "BCC", "BCC", "BCC"],
        split=["train", "train", "val", "test", "test", "test"],
        age_approx=[40, 40, None, None, None, 70],
        MONET_hair=[0.1, 0.9, 0.3, 0.5, 0.6, 0.7],
    )


def test_each_lesion_has_one_photograph_of_a_type_at_most(pairs):
    lesions = Lesions.of(pairs)
    assert len(lesions) == 3
    assert lesions.rows[DERMOSCOPIC].tolist() == [1, -1, 3]
    assert lesions.rows[CLOSE_UP].tolist() == [0, 2, 5]
    table = lesions.catalog.table
    assert table["lesion_id"].tolist() == ["a", "b", "c"]
    assert table["image_type"].tolist() == [DERMOSCOPIC, CLOSE_UP, DERMOSCOPIC]
    assert table["diagnosis"].tolist() == ["MEL", "NV", "BCC"]


def test_what_is_known_comes_from_the_photograph_that_says_it(pairs):
    lesions = Lesions.of(pairs)
    age = lesions.values("age_approx").to_numpy()
    np.testing.assert_array_equal(age, [40, np.nan, 70])
    hair = lesions.values("MONET_hair", DERMOSCOPIC).to_numpy()
    np.testing.assert_array_equal(hair, [0.9, np.nan, 0.5])
    hair = lesions.values("MONET_hair", CLOSE_UP).to_numpy()
    np.testing.assert_array_equal(hair, [0.1, 0.3, 0.7])


def test_a_split_holds_whole_lesions(pairs):
    lesions = Lesions.of(pairs)
    sizes = {name: len(lesions.split(name)) for name in ("train", "val", "test")}
    assert sizes == {"train": 1, "val": 1, "test": 1}
    assert lesions.split("test").catalog.table["lesion_id"].tolist() == ["c"]


def test_a_photograph_without_a_lesion_is_of_a_lesion_of_its_own(make_catalog):
    lesions = Lesions.of(make_catalog(3, image_type=DERMOSCOPIC))
    assert len(lesions) == 3


def test_what_cannot_be_is_refused(pairs, make_catalog):
    with pytest.raises(CatalogError, match="no photograph is dermoscopic or.*not know"):
        Lesions.of(make_catalog(2))
    with pytest.raises(CatalogError, match="must be among.*Received: clinical$"):
        Lesions.of(pairs, ["clinical"])
    several = pairs.with_columns(diagnosis=["MEL", "NV", "NV", "BCC", "BCC", "BCC"])
    with pytest.raises(CatalogError, match="row 3, column 'diagnosis'.*Received: 'NV'"):
        Lesions.of(several)
    with pytest.raises(CatalogError, match="synthetic"):
        Lesions.of(
            pairs.with_columns(synthetic=[True] * 2 + [False] * 4, split="train")
        )
