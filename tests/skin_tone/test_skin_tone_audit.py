import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.skin_tone import colour_table, rule_disagreement, tone_table


@pytest.fixture
def catalog(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    table = pd.DataFrame(
        {
            "isic_id": list("abcd"),
            "path": "a.png",
            "diagnosis": ["MEL", "NV", "NV", "NV"],
            "skin_tone_label": ["0", "5", None, None],
            "skin_tone_scale": ["milk10k", "milk10k", None, None],
            "ita_type": ["I", "VI", "VI", None],
        }
    )
    return Catalog(table, root=tmp_path)


def test_people_are_counted_by_label_and_photographs_by_colour(catalog):
    people = tone_table(catalog)
    assert list(people) == ["light", "medium", "dark", "unknown", "total"]
    assert people.loc["NV"].tolist() == [1, 0, 0, 2, 3]
    assert people.loc["MEL", "dark"] == 1
    colours = colour_table(catalog)
    assert colours.loc["NV", ["VI", "undetermined"]].tolist() == [2, 1]
    assert colours.loc["MEL", "I"] == 1  # a bright photograph of a dark person


def test_rules_are_compared_on_the_same_images():
    frame = pd.DataFrame({"ita_type": ["I"], "lightness": [60.0], "b": [-3.0]})
    with pytest.raises(ValueError, match="Received"):
        rule_disagreement(frame, frame.rename(index={0: 1}))
