"""Section: the quantised ensemble, and what quantisation cost."""

from keras_derm.report import export_tables
from keras_derm.report.html import Callout, Section, Table
from keras_derm.report.run_files import read_json


def section(run):
    """What quantisation cost and what it gained; None before export_tflite."""
    if not run.done("export_tflite"):
        return None
    cost = read_json(run / "export/cost.json", "export_tflite")
    times = cost["latency"]["1"]
    speed = times["float"]["median_ms"] / times["quantised"]["median_ms"]
    size = cost["float_size_bytes"] / cost["size_bytes"]
    refusal = cost["refusal"]
    paragraphs = refusal.replace("\n", "\n\n")
    return Section(
        "The quantised ensemble",
        f"The {cost['arm']} ensemble in {cost['mode']} names the class it names in "
        f"float on {cost['argmax_agreement']:.1%} of {cost['n_images']:,} real test "
        f"images. It is {size:.1f} times smaller and answers {speed:.1f} times as fast "
        "on this machine.",
        [
            Callout("caution", f"T{paragraphs[1:]}") if refusal else None,
            Table(export_tables.speed_table(cost), "Size, speed, memory", digits=1),
            Table(
                export_tables.gate_table(cost),
                "Does quantisation cost more than is allowed?"
                + ("" if cost["gate"]["on"] else " (Shown only: the gate was off.)"),
                export_tables.GATE_NOTE,
            ),
            Table(
                export_tables.cost_table(cost),
                "What quantisation cost, on real test images",
                export_tables.COST_NOTE,
            ),
            Table(export_tables.agreement_table(cost), "Same class, by group"),
            Table(export_tables.members_table(cost), "What is averaged"),
        ],
    )
