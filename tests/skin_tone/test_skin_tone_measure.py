import cv2
import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.readers import READERS
from keras_derm.skin_tone import (
    colour_table,
    measure,
    measure_by_rules,
    rule_disagreement,
)


@pytest.fixture
def catalog(tmp_path):
    colours = {"light": (236, 200, 180), "dark": (96, 62, 44), "pink": (205, 150, 175)}
    for name, colour in colours.items():
        image = np.full((60, 80, 3), colour[::-1], "uint8")
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    table = pd.DataFrame(
        {
            "isic_id": list(colours),
            "path": [f"{name}.png" for name in colours],
            "diagnosis": ["MEL", "NV", "NV"],
            "fitzpatrick_skin_type": [None, "V", None],
        }
    )
    return Catalog(table, root=tmp_path)


def test_table_is_aligned_with_the_catalog(catalog):
    frame = measure(catalog)
    assert frame.index.equals(catalog.table.index)
    assert list(frame["ita_type"]) == ["I", "VI", "I"]
    assert frame["contrast"].isna().all()


def test_a_persons_label_is_no_measurement(catalog):
    assert catalog.table["skin_tone_label"][1] == "V"
    assert list(measure(catalog)["ita_reason"]) == ["", "", ""]


def test_audit_counts_diagnoses_by_type(catalog):
    types = measure(catalog)["ita_type"]
    table = colour_table(catalog.with_columns(ita_type=types))
    assert list(table.index) == ["MEL", "NV", "total"]
    assert table.loc["NV", "VI"] == 1 and table.loc["MEL", "I"] == 1
    assert table.loc["total", "total"] == 3
    unmeasured = colour_table(catalog)
    assert unmeasured.loc["total", "undetermined"] == 3


def test_disagreement_counts_bright_skin_called_dark(catalog):
    table, counts = rule_disagreement(measure(catalog), measure(catalog, "published"))
    assert counts["published_dark_but_bright"] == 1
    assert counts["disagree"] >= 1 and counts["default_dark"] == 1
    assert table.to_numpy().sum() == counts["images"] == 3


@pytest.mark.real_data
def test_ham10000_holds_no_bright_skin_called_dark(part_of_ham10000):
    sample = READERS["ham10000"](part_of_ham10000(lambda ids: ids[::167]))
    default = measure(sample, n_workers=1)
    _, counts = rule_disagreement(default, measure(sample, "published", n_workers=1))
    assert counts["published_dark_but_bright"] > 5
    assert counts["default_dark"] <= 1
    dark = default["ita_type"].isin(["V", "VI"])
    assert not (dark & (default["lightness"] > 50) & (default["b"] < 0)).any()


def test_rules_measured_together_are_the_rules_measured_alone(catalog):
    together = measure_by_rules(catalog)
    for rule in ("quadrant", "published"):
        pd.testing.assert_frame_equal(together[rule], measure(catalog, rule))
