import pandas as pd
import pytest
from fake_run import table, undo, words

from keras_derm.files import write_csv, write_json
from keras_derm.report.sections import image_quality

SETS = ("real training images (floor)", "synthetic images")


def write_distances(run, ratio=0.6):
    rows = [
        {"cell": cell, "n": 50, "set": name, "metric": metric, "value": value}
        for cell in ("all", "MEL")
        for metric, value in (("kernel distance", 1.0), ("coverage", 0.5))
        for name in SETS
    ]
    rows.append({"cell": "DF", "metric": "too few images"})
    write_csv(run / "image_quality.csv", pd.DataFrame(rows).assign(deviation=0.25))
    share = None if ratio is None else 0.031
    memory = {"memorisation_ratio": ratio, "copied_share": share}
    write_json(run / "memorisation.json", memory)


def write_probe(run, auc, low, high):
    probe = pd.DataFrame({"trace": ["value range", "pixel grid"], "n": 60})
    probe = probe.assign(auc=[0.5, auc], low=[0.4, low], high=[0.58, high])
    write_csv(run / "origin_probe.csv", probe)


def test_distances_stand_by_cell_and_set(run):
    write_distances(run)
    section = image_quality.section(run)
    cells = table(section, "kernel distance to real images")
    assert cells.columns.tolist() == ["cell", "n", *SETS]
    assert cells[SETS[1]].tolist() == ["1.00 ± 0.25"] * 2
    assert table(section, "Further measures, all diagnoses")["metric"].tolist() == [
        "coverage"
    ]


def test_section_says_how_much_was_learned_by_heart(run):
    write_distances(run)
    said = words(image_quality.section(run))
    assert "is 0.60 of that of real images" in said and "3.1% are nearer" in said
    assert "Too few images to judge one by one: DF." in said
    write_distances(run, ratio=None)
    assert "It cannot be said: no image of the same diagnoses" in words(
        image_quality.section(run)
    )


@pytest.mark.parametrize(
    "auc, low, high, verdict",
    [
        (0.9, 0.8, 0.97, "synthetic images from real ones by pixel grid alone"),
        (1.0, None, None, "synthetic images from real ones by pixel grid alone"),
        (0.5, 0.45, 0.55, "hardly tells"),
        (0.6, 0.4, 0.8, "cannot be said from so few"),
    ],
)
def test_traces_of_origin_are_judged_by_their_intervals(run, auc, low, high, verdict):
    write_probe(run, auc, low, high)
    section = image_quality.section(run)
    assert verdict in words(section)
    assert table(section, "Traces of origin").iloc[0, 2] == "0.50 (0.40 to 0.58)"


def test_no_section_where_nothing_was_measured(run):
    assert image_quality.section(run) is None
    write_probe(run, 0.5, 0.45, 0.55)
    undo(run, "image_quality")
    assert image_quality.section(run) is None
