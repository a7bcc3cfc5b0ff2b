import copy

import pytest
from fake_run import table, undo, words

from keras_derm.files import write_json
from keras_derm.report.sections import export


def score(value, stratum, n, judged, metric="macro_auc"):
    row = {"arm": "quantised", "stratum": stratum, "value_of_stratum": value, "n": n}
    row |= {"judged": judged, "metric": metric, "label": metric.replace("_", " ")}
    row |= {"reason": "" if judged else "too few to judge: 1 patient; no interval"}
    for quantity, middle in (
        ("reference", 0.9),
        ("value", 0.88),
        ("difference", -0.02),
        ("agreement", 0.95),
    ):
        row |= {quantity: middle, f"{quantity}_low": None, f"{quantity}_high": None}
    return row


def times(median):
    return {"median_ms": median, "p95_ms": 2 * median}


COST = {
    "arm": "copies_5x",
    "mode": "int8",
    "members": [{"name": "resnet50_224", "weight": 1.0, "mode": "int8"}],
    "n_images": 1500,
    "argmax_agreement": 0.987,
    "scores": [
        score("all", "all", 1500, True),
        score("all", "all", 1500, True, "sensitivity"),
        score("II", "skin_tone", 900, True),
        score("VI", "skin_tone", 4, False),
        score("undetermined", "skin_tone", 0, False),
    ],
    "float_size_bytes": 40e6,
    "size_bytes": 10e6,
    "latency": {
        "1": {"float": times(20.0), "quantised": times(5.0)},
        "8": {"float": times(80.0), "quantised": times(40.0)},
    },
    "memory": {"float": {"peak_mb": 900.0}, "quantised": {"peak_mb": 60.0}},
    "gate": {
        "on": True,
        "groups": [
            {"group": "all", "n": 1500, "difference": -0.02, "margin": 0.005}
            | {"difference_low": -0.03, "difference_high": -0.01}
            | {"verdict": "refused"},
            {"group": "skin tone undetermined", "n": 0},
        ],
    },
    "refusal": "",
}


@pytest.fixture
def cost(run):
    write_json(run / "export/cost.json", COST)
    return copy.deepcopy(COST)


def test_section_says_what_quantisation_gained_and_cost(run, cost):
    section = export.section(run)
    assert section.lead == (
        "The copies_5x ensemble in int8 names the class it names in float on 98.7% of "
        "1,500 real test images. It is 4.0 times smaller and answers 4.0 times as fast "
        "on this machine."
    )
    costs = table(section, "What quantisation cost, on real test images")
    assert costs["tone"].tolist() == ["all", "all", "II"]
    assert costs.loc[0, ["float", "quantised", "difference"]].tolist() == [
        "0.900",
        "0.880",
        "-0.020",
    ]


def test_agreement_says_why_a_tone_is_not_judged(run, cost):
    agreement = table(export.section(run), "Same class, by tone")
    assert agreement["metrics"].tolist() == [
        "judged",
        "judged",
        "too few to judge: 1 patient",
    ]
    assert agreement["same class"].tolist() == ["0.950"] * 3


def test_speed_is_told_with_memory_where_it_was_measured(run, cost):
    shown = table(export.section(run), "Size, speed, memory")
    assert shown[""].tolist()[-2:] == [
        "95th percentile, ms, batch of 8",
        "peak memory of the process, MB",
    ]
    assert shown["ratio"].tolist()[:2] == [4.0, 4.0]
    write_json(
        run / "export/cost.json", cost | {"memory": dict.fromkeys(cost["memory"])}
    )
    assert "peak memory" not in words(export.section(run))


def test_gate_and_refusal_are_told(run, cost):
    gate = table(export.section(run), "Does quantisation cost more")
    assert gate["verdict"].tolist() == ["refused"]
    assert gate["change of macro AUC"].tolist() == ["-0.0200 (-0.0300 to -0.0100)"]
    cost["gate"]["on"], cost["refusal"] = False, "the export is refused: too much."
    write_json(run / "export/cost.json", cost)
    said = words(export.section(run))
    assert "The export is refused: too much." in said and "the gate was off" in said


def test_no_section_before_the_export(run, cost):
    undo(run, "export_tflite")
    assert export.section(run) is None
