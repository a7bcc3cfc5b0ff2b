"""Rules on pairs of photographs that are one; no pixel is looked at."""

import pandas as pd
import pytest

from keras_derm.catalog import CatalogError, copy_groups, group_ids, identical_files
from keras_derm.catalog.duplicates import (
    identical_pairs,
    joined_in_spite,
    read_decisions,
    tell_identical,
    with_decisions,
)


def found(*pairs):
    """Pairs of row numbers as ids, with whether they are copies."""
    names = [(f"ISIC_{i:07d}", f"ISIC_{j:07d}", copy) for i, j, copy in pairs]
    return pd.DataFrame(names, columns=["first", "second", "is_copy"])


@pytest.fixture
def decisions(tmp_path):
    """Write a csv of decisions; pairs are row numbers, or ids."""

    def write(*rows):
        lines = ["pair,first,second,decision"]
        for i, (first, second, word) in enumerate(rows):
            ids = (
                n if isinstance(n, str) else f"ISIC_{n:07d}" for n in (first, second)
            )
            lines.append(f"{i},{','.join(ids)},{word}")
        (tmp_path / "decided.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "decided.csv"

    return write


def test_copies_of_copies_are_one_group_with_listed_duplicates(make_catalog):
    catalog = make_catalog(7, duplicate_group=[None, None, "D", "D", None, None, None])
    pairs = found((0, 1, True), (1, 2, True), (4, 5, False))
    groups = copy_groups(catalog, pairs)
    assert groups[:4].tolist() == ["ISIC_0000000"] * 4
    assert groups[4:].isna().all()
    grouped = catalog.with_columns(duplicate_group=groups)
    assert group_ids(grouped).tolist() == [0, 0, 0, 0, 1, 2, 3]


def test_catalog_without_pairs_keeps_its_duplicates(make_catalog):
    catalog = make_catalog(3, duplicate_group=["D", None, "D"])
    groups = copy_groups(catalog, found())
    assert groups[[0, 2]].tolist() == ["ISIC_0000000"] * 2 and pd.isna(groups[1])


def test_equal_files_are_counted_with_what_contradicts(make_catalog):
    catalog = make_catalog(
        6,
        content_hash=["x", "y", "x", "x", None, "y"],
        diagnosis=["NV", "BCC", "NV", "MEL", "NV", "BCC"],
        lesion_id=["L", None, "L", None, None, None],
    )
    files = identical_files(catalog)
    assert files["n_images"].tolist() == [3, 2]
    assert files["n_groups"].tolist() == [2, 2]
    assert files["diagnoses"].tolist() == ["NV MEL", "BCC"]
    told = tell_identical(files)
    assert told.startswith("3 photograph(s) are copies, byte for byte, of 2 others")
    assert "1 of these files have several diagnoses" in told
    pairs, rows = identical_pairs(catalog)
    assert pairs["first"].tolist() == [f"ISIC_000000{i}" for i in (0, 0, 1)]
    assert pairs["second"].tolist() == [f"ISIC_000000{i}" for i in (2, 3, 5)]
    assert rows.tolist() == [0, 1, 4]
    assert tell_identical(identical_files(make_catalog(3))) == ""


def test_a_person_has_the_last_word(make_catalog, decisions):
    catalog = make_catalog(8)
    pairs = found((0, 1, True), (2, 3, False), (4, 5, True))
    file = decisions((1, 0, "No"), (2, 3, " YES "), (4, 5, ""), (6, 7, "y"))
    decided = with_decisions(pairs, read_decisions(file, catalog))
    assert decided["is_copy"].tolist() == [False, True, True, True]
    assert decided["decision"].fillna("").tolist() == ["no", "yes", "", "yes"]
    assert decided.loc[3, ["first", "second"]].tolist() == [
        "ISIC_0000006",
        "ISIC_0000007",
    ]
    undecided = with_decisions(pairs, None)
    assert undecided["is_copy"].tolist() == [True, False, True]
    assert undecided["decision"].isna().all()


def test_decision_that_third_images_overrule_is_told(make_catalog, decisions):
    catalog = make_catalog(3)
    pairs = found((0, 1, True), (0, 2, True), (1, 2, True))
    decided = with_decisions(pairs, read_decisions(decisions((0, 1, "no")), catalog))
    told = joined_in_spite(catalog, decided)
    assert told[["first", "second"]].to_numpy().tolist() == [
        ["ISIC_0000000", "ISIC_0000001"]
    ]
    assert not len(joined_in_spite(catalog, decided.assign(is_copy=False)))


def test_wrong_decisions_are_told_at_once_with_their_rows(make_catalog, decisions):
    catalog = make_catalog(6, content_hash=["x", "x", None, None, None, None])
    file = decisions(
        (0, 1, "no"),
        (2, 3, "perhaps"),
        ("nobody", 3, "yes"),
        (4, 4, "yes"),
        (4, 5, "yes"),
        (5, 4, "no"),
        ("nobody", "neither", ""),
    )
    with pytest.raises(CatalogError) as caught:
        read_decisions(file, catalog)
    faults = caught.value.faults
    told = {(fault.row, fault.column): fault.cause for fault in faults.itertuples()}
    assert "equal byte for byte" in told.pop((2, "decision"))
    assert "must be yes, no" in told.pop((3, "decision"))
    assert "no image of the catalog" in told.pop((4, "first"))
    assert "a pair is of two images" in told.pop((5, "second"))
    assert "the opposite" in told.pop((6, "decision"))
    assert "the opposite" in told.pop((7, "decision"))
    assert told == {}
    assert "decided.csv, row 3, column 'decision'" in str(caught.value)
    assert "'perhaps'" in str(caught.value)


def test_file_of_another_form_is_refused(make_catalog, tmp_path):
    (tmp_path / "a.csv").write_text("first,second\nISIC_0000000,ISIC_0000001\n")
    with pytest.raises(CatalogError, match=r"lacks decision.*Received: \['first'"):
        read_decisions(tmp_path / "a.csv", make_catalog(2))
