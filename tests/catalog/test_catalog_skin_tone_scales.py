"""Labels of people: their scales, and the groups that follow from them."""

import pandas as pd
import pytest

from keras_derm.catalog import (
    SKIN_TONE_SCALES,
    TONE_GROUPS,
    Catalog,
    CatalogError,
    darkness,
)


def test_every_scale_goes_from_light_to_dark_through_all_groups():
    for words in SKIN_TONE_SCALES.values():
        ranks = [TONE_GROUPS.index(group) for group in words.values()]
        assert ranks == sorted(ranks)
        assert set(words.values()) == set(TONE_GROUPS)


@pytest.mark.parametrize(
    ("scale", "label", "group"),
    [
        ("fitzpatrick", "II", "light"),
        ("fitzpatrick", "III", "medium"),
        ("fitzpatrick", "VI", "dark"),
        ("fitzpatrick_pairs", "56", "dark"),
        ("monk", "3", "light"),
        ("monk", "10", "dark"),
        ("milk10k", "5", "light"),
        ("milk10k", "2", "medium"),
        ("milk10k", "0", "dark"),
    ],
)
def test_a_label_gives_the_group_and_its_source(make_catalog, scale, label, group):
    catalog = make_catalog(2, skin_tone_label=[label, None], skin_tone_scale=scale)
    assert catalog.table["tone_group"].tolist() == [group, pd.NA]
    assert catalog.table["tone_source"].tolist() == ["label", pd.NA]


def test_milk10k_runs_the_other_way_round_than_fitzpatrick():
    assert darkness(["5", "0"], "milk10k") == darkness(["I", "VI"], "fitzpatrick")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"skin_tone_label": "II"}, "has no `skin_tone_scale`"),
        ({"skin_tone_label": "7", "skin_tone_scale": "milk10k"}, "5, 4, 3, 2, 1, 0"),
        ({"skin_tone_label": "3", "skin_tone_scale": "fair"}, "must be one of fitz"),
        (
            {
                "skin_tone_label": "VI",
                "skin_tone_scale": "fitzpatrick",
                "tone_group": "light",
            },
            "another group than that of the person's label",
        ),
        ({"image_type": "dermoscopy"}, "must be one of dermoscopic"),
    ],
)
def test_what_cannot_be_is_refused(make_catalog, columns, message):
    with pytest.raises(CatalogError, match=message):
        make_catalog(1, **columns)


def test_an_estimate_stands_where_nobody_labelled(make_catalog):
    catalog = make_catalog(
        2,
        skin_tone_label=["V", None],
        skin_tone_scale=["fitzpatrick", None],
        tone_group=[None, "light"],
        tone_source=[None, "network"],
    )
    assert catalog.table["tone_group"].tolist() == ["dark", "light"]
    assert catalog.table["tone_source"].tolist() == ["label", "network"]


def test_a_fitzpatrick_type_of_the_isic_archive_is_a_label(tmp_path):
    (tmp_path / "a.jpg").touch()
    row = {
        "isic_id": ["a"],
        "path": ["a.jpg"],
        "diagnosis": ["NV"],
        "fitzpatrick_skin_type": ["IV"],
        "ita_tone": ["II"],
    }
    table = Catalog(pd.DataFrame(row), tmp_path).table
    assert table["skin_tone_label"][0] == "IV"
    assert table["skin_tone_scale"][0] == "fitzpatrick"
    assert table["tone_group"][0] == "medium"
    assert table["ita_type"][0] == "II"
    assert "fitzpatrick_skin_type" not in table
