import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_derm.catalog import Catalog, get_task
from keras_derm.export import check_gate, quantisation_scores, spread_over_cells


@pytest.fixture
def catalog(tmp_path):
    generator = np.random.default_rng(0)
    n = 200
    (tmp_path / "image.jpg").write_bytes(b"image")
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(n)],
            "path": "image.jpg",
            "diagnosis": generator.choice(["MEL", "NV"], n, p=[0.3, 0.7]),
            "lesion_id": [f"l{i}" for i in range(n)],
            "tone_group": generator.choice(
                ["light", "dark", None], n, p=[0.5, 0.4, 0.1]
            ),
            "ita": generator.choice([60.0, 45.0, 0.0], n, p=[0.5, 0.4, 0.1]),
            "ita_type": "I",
        }
    )
    return Catalog(table, root=tmp_path)


def scores_of(catalog, noise):
    task = get_task("diagnosis8").present_in(catalog)
    generator = np.random.default_rng(1)
    is_melanoma = task.targets(catalog) == 0
    logit = is_melanoma * 2 - 1 + generator.normal(size=len(catalog))
    changed = logit + noise * generator.normal(size=len(catalog))
    y_float, y_quantised = (
        np.stack([score, 1 - score], axis=1)
        for score in (1 / (1 + np.exp(-one)) for one in (logit, changed))
    )
    rows = quantisation_scores(catalog, task, y_float, y_quantised, n_replicates=100)
    return is_melanoma, y_float, y_quantised, pd.DataFrame(rows)


def test_scores_are_of_float_and_quantised_on_the_same_images(catalog):
    is_melanoma, y_float, y_quantised, rows = scores_of(catalog, 1.0)
    tones, ita = catalog.table["tone_group"], catalog.table["ita"].to_numpy()
    for stratum, value, of in (
        ("all", "all", np.ones(len(catalog), bool)),
        ("tone_group", "dark", tones.eq("dark").fillna(False).to_numpy(bool)),
        ("photograph_colour", "ITA 41° and over", ita > 41),
    ):
        chosen = rows[
            (rows["stratum"] == stratum) & (rows["value_of_stratum"] == value)
        ]
        row = chosen.set_index("metric").loc["macro_auc"]
        areas = [
            roc_auc_score(is_melanoma[of], y_prob[of, 0])
            for y_prob in (y_float, y_quantised)
        ]
        assert [row["reference"], row["value"]] == pytest.approx(areas)
        assert row["difference"] == pytest.approx(areas[1] - areas[0])
        same = (y_float.argmax(axis=1) == y_quantised.argmax(axis=1))[of].mean()
        assert row["agreement"] == pytest.approx(same)
        assert row["agreement_low"] <= same <= row["agreement_high"]


def test_the_gate_reads_the_scores_as_they_are(catalog):
    *_, rows = scores_of(catalog, 3.0)
    gate = check_gate(rows.to_dict("records"))
    assert "all" in gate["refused"]
    (whole,) = [group for group in gate["groups"] if group["group"] == "all"]
    assert whole["value"] < whole["reference"] - gate["margin"]
    names = [group["group"] for group in gate["groups"]]
    assert {"tone group medium", "colour of the photograph ITA under 10°"} <= set(names)
    assert "tone group unknown" not in names  # of whom nothing is known


def test_chosen_rows_are_of_all_cells_in_turn(catalog):
    table = catalog.table
    cells = table["diagnosis"].astype(str) + (table["ita"] > 41).astype(str)
    n_cells = cells.nunique()
    rows = spread_over_cells(catalog, n_cells, seed=0)
    assert cells.iloc[rows].nunique() == n_cells
    every = spread_over_cells(catalog, 1000, seed=0)
    assert sorted(every) == list(range(len(catalog)))
    assert (rows == every[:n_cells]).all()
