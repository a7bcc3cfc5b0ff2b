import pandas as pd
import pytest

from keras_derm.report.model_card import SECTIONS, write_model_card


def test_card_has_the_sections_of_mitchell_and_shows_gaps(tmp_path):
    path = tmp_path / "model_card.md"
    table = pd.DataFrame({"n": [1502], "sensitivity": [0.6127]}, index=["All"])
    table.index.name = "stratum"
    write_model_card(
        path,
        "ensemble",
        model_details={"licence": "Apache-2.0"},
        quantitative_analyses=["On real test images:", table],
    )
    text = path.read_text()
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert tuple(headings) == SECTIONS
    assert "Not a medical device" in text
    assert "- **licence**: Apache-2.0" in text
    assert "| stratum | n | sensitivity |\n| --- | ---: | ---: |" in text
    assert "| All | 1,502 | 0.613 |" in text
    assert "## Training data\n\nNot stated." in text


def test_card_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(TypeError, match="'Metrics'.*Received: int"):
        write_model_card(tmp_path / "card.md", "ensemble", metrics=3)
    assert not list(tmp_path.iterdir())
