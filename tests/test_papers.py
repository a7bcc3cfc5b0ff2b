"""The papers beside our figures: what is corrected, and stand-ins of archives."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_derm.readers import read_data_source

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    """The benchmarks are scripts: they find each other in their own folder."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def test_sensitivity_behind_the_printed_npv():
    from paper_figures import melanet

    found = [melanet.corrected(npv, fn) for _, _, npv, fn in melanet.ARMS.values()]
    sensitivity, specificity = np.transpose(found)
    np.testing.assert_allclose(sensitivity, [20 / 75, 24 / 75, 28 / 75, 53 / 75])
    np.testing.assert_allclose(specificity[-1], 0.806, atol=5e-4)
    for (_, _, npv, fn), right in zip(
        melanet.ARMS.values(), specificity * 304, strict=True
    ):
        assert abs(right / (right + fn) - npv) < 5e-4  # the printed figure follows


def test_f_scores_are_those_of_the_paper_for_its_counts():
    """77 of 727 benign images called malignant, all 10 made ones called so (3.1)."""
    from paper_figures import melanet

    benign, made = np.repeat([1, 0], [77, 650]), np.ones(10, int)
    found = melanet.f_scores(benign, made)
    assert round(found["benign"]["sensitivity"], 2) == 0.89
    assert round(found["benign"]["F-score"], 2) == 0.94
    assert round(found["made"]["sensitivity"], 2) == 1.0
    assert round(found["made"]["F-score"], 2) == 0.21


@pytest.fixture
def ham10000(tmp_path, write_image):
    """40 melanomas, 80 nevi, 6 of each other diagnosis; every lesion twice."""
    counts = {"mel": 40, "nv": 80} | dict.fromkeys(
        ("bkl", "df", "vasc", "bcc", "akiec"), 6
    )
    dx = np.repeat(list(counts), list(counts.values()))
    folder = tmp_path / "ham"
    names = [f"ISIC_{i:07d}" for i in range(len(dx))]
    for name in names:
        write_image(folder / f"images/{name}.jpg")
    pd.DataFrame(
        {
            "lesion_id": [f"HAM_{i // 2}" for i in range(len(dx))],
            "image_id": names,
            "dx": dx,
            "dx_type": "histo",
            "age": 50.0,
            "sex": "male",
            "localization": "back",
        }
    ).to_csv(folder / "HAM10000_metadata.csv", index=False)
    return folder


def test_ham10000_stands_in_for_isic_2016(ham10000, tmp_path, monkeypatch):
    from paper_figures import stand_ins

    counts = {"train": {"benign": 20, "malignant": 8}}
    counts |= {"test": {"benign": 10, "malignant": 4}}
    monkeypatch.setattr(stand_ins, "ISIC_2016", counts)
    source = stand_ins.lay_out("melanet", ham10000, tmp_path / "archive")
    table = read_data_source(source).table
    found = table.groupby(["split", "benign_malignant"]).size().to_dict()
    assert found == {
        (split, name): n for split, part in counts.items() for name, n in part.items()
    }
    lesions = pd.read_csv(ham10000 / "HAM10000_metadata.csv", index_col="image_id")
    assert not lesions.loc[table["isic_id"], "lesion_id"].duplicated().any()
    assert "HAM10000 as isic2016: 28 training" in stand_ins.told(source)
    assert stand_ins.lay_out("melanet", ham10000, tmp_path / "archive") == source


def test_ham10000_stands_in_for_isic_2019_and_2020(ham10000, tmp_path, monkeypatch):
    from paper_figures import stand_ins

    source = stand_ins.lay_out("sn_gan_ensemble", ham10000, tmp_path / "2019")
    counts = read_data_source(source).table["diagnosis"].value_counts().to_dict()
    assert counts == {"NV": 80, "MEL": 40} | dict.fromkeys(
        ("BKL", "DF", "VASC", "BCC", "AK"), 6
    )
    monkeypatch.setattr(stand_ins, "MELANOMAS_OF_ISIC_2020", 0.1)
    source = stand_ins.lay_out("cwgan_gp", ham10000, tmp_path / "2020")
    with pytest.warns(UserWarning, match="duplicate photographs"):
        table = read_data_source(source).table
    malignant = table["benign_malignant"] == "malignant"
    assert (len(table) - malignant.sum(), malignant.sum()) == (98, 11)
    assert set(table.loc[malignant, "diagnosis"]) == {"MEL"}
    assert stand_ins.lay_out("lora_diffusion", ham10000, "none").startswith("ham10000:")
