import copy

import pytest
from fake_cost import COST
from fake_run import table, undo, words

from keras_derm.files import write_json
from keras_derm.report.sections import export


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
    assert costs["group"].tolist() == ["all", "all", "tone group light"]
    assert costs.loc[0, ["float", "quantised", "difference"]].tolist() == [
        "0.900",
        "0.880",
        "-0.020",
    ]


def test_agreement_says_why_a_group_is_not_judged(run, cost):
    agreement = table(export.section(run), "Same class, by group")
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
