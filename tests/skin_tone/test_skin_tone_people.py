"""A person's tone: the label, the clinical photograph, the estimate, or unknown."""

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.skin_tone import of_clinical_twin, tone_of_people

DERM, CLOSE = "dermoscopic", "clinical: close-up"


@pytest.fixture
def pairs(tmp_path):
    """Catalog of (lesion, patient, type, Fitzpatrick label)."""

    def make(*rows):
        table = pd.DataFrame(
            rows, columns=["lesion_id", "patient_id", "image_type", "skin_tone_label"]
        )
        table["isic_id"] = [f"p{i}" for i in range(len(table))]
        table["path"] = table["isic_id"] + ".jpg"
        for path in table["path"]:
            (tmp_path / path).touch()
        scale = table["skin_tone_label"].map(lambda label: label and "fitzpatrick")
        return Catalog(table.assign(diagnosis="NV", skin_tone_scale=scale), tmp_path)

    return make


def estimated(*groups, name="network"):
    return pd.DataFrame({"group": groups, "estimator": name})


def tones(catalog):
    table = catalog.table[["tone_group", "tone_source"]].astype(object)
    return [tuple(row) for row in table.where(table.notna(), None).to_numpy()]


def test_a_label_goes_before_everything(pairs):
    catalog = pairs(("a", None, DERM, "VI"), ("a", None, CLOSE, None))
    found = tone_of_people(catalog, estimated("light", "light"))
    assert tones(found) == [("dark", "label"), ("light", "network")]


def test_the_close_up_of_the_lesion_goes_before_the_dermoscopic_estimate(pairs):
    catalog = pairs(("a", None, DERM, None), ("a", None, CLOSE, None))
    found = tone_of_people(catalog, estimated("light", "dark"))
    assert tones(found) == [
        ("dark", "network, clinical photograph of the lesion"),
        ("dark", "network"),
    ]


def test_the_close_up_of_another_lesion_of_the_patient_counts_too(pairs):
    catalog = pairs(("a", "P", DERM, None), ("b", "P", CLOSE, None))
    found = tone_of_people(catalog, estimated(None, "medium"))
    assert tones(found)[0] == ("medium", "network, clinical photograph of the patient")


def test_close_ups_that_disagree_say_nothing(pairs):
    catalog = pairs(
        ("a", None, DERM, None), ("a", None, CLOSE, None), ("a", None, CLOSE, None)
    )
    found = tone_of_people(catalog, estimated("medium", "dark", "light"))
    assert tones(found)[0] == ("medium", "network")


def test_nothing_known_is_unknown(pairs):
    catalog = pairs(("a", None, DERM, None), ("b", None, DERM, None))
    assert tones(tone_of_people(catalog)) == [(None, None)] * 2
    found = tone_of_people(catalog, estimated(None, None))
    assert tones(found) == [(None, None)] * 2


def test_an_earlier_estimate_is_forgotten(pairs):
    catalog = pairs(("a", None, DERM, None))
    catalog = tone_of_people(catalog, estimated("light"))
    assert tones(tone_of_people(catalog)) == [(None, None)]


def test_the_twin_hands_on_its_whole_estimate(pairs):
    catalog = pairs(
        ("a", None, DERM, None),
        ("a", None, CLOSE, None),
        ("b", None, DERM, None),
        (None, None, DERM, None),
    )
    frame = pd.DataFrame(
        {
            "value": [1.0, 4.0, 2.0, 3.0],
            "label": ["4", "1", "3", "2"],
            "group": ["light", "dark", "medium", "medium"],
            "scale": "milk10k",
        }
    )
    found = of_clinical_twin(catalog, frame)
    assert found["value"].tolist()[0] == 4.0
    assert np.isnan(found["value"].tolist()[1:]).all()
    assert found["label"][0] == "1"
    assert found["label"].isna().tolist() == [False, True, True, True]
