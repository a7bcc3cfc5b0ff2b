"""Section: how far the synthetic images are from real ones."""

import pandas as pd

from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import read_csv, read_json

NOTABLE_AUC = 0.6


def section(run):
    """Distances to real images and traces of origin; None before image_quality."""
    blocks = [*_distances(run), *_mask_agreement(run), *_traces_of_origin(run)]
    if not run.done("image_quality") or not blocks:
        return None
    return Section(
        "Synthetic images beside real ones",
        "How far the images that were kept are from real ones, and whether anything "
        "but the lesion gives them away.",
        blocks,
    )


def _distances(run):
    if not (run / "image_quality.csv").is_file():
        return []
    table = read_csv(run / "image_quality.csv", "image_quality")
    memory = read_json(run / "memorisation.json", "image_quality")
    few = table.loc[table["metric"] == "too few images", "cell"]
    table = table[table["set"].notna()]
    blocks = _distance_tables(table) if len(table) else []
    if memory["memorisation_ratio"] is None:
        told = "no image of the same diagnoses was held out to compare with."
        return [*blocks, Text(f"Learned by heart? It cannot be said: {told}")]
    return [*blocks, Text(_learned_by_heart(memory, few))]


def _learned_by_heart(memory, few):
    """What the nearest training images say; `few` names cells with too few images."""
    said = (
        "Learned by heart? The median distance of a synthetic image to the nearest "
        f"training image, flips and rotations included, is "
        f"{memory['memorisation_ratio']:.2f} of that of real images of the same "
        "diagnoses that the generator did not see (1: nothing, 0: everything); "
        f"{memory['copied_share']:.1%} are nearer than all but 1 % of those."
    )
    if len(few):
        said += f" Too few images to judge one by one: {', '.join(few)}."
    return said


def _distance_tables(table):
    leading = table["metric"].iloc[0]
    distance = table[table["metric"] == leading]
    shown = table["value"].map("{:.2f}".format)
    spread = distance["deviation"].map(" ± {:.2f}".format)
    beside = {"columns": "set", "values": "shown"}
    by_cell = distance.assign(shown=shown[distance.index] + spread)
    by_cell = by_cell.pivot(index=["cell", "n"], **beside)
    pooled = table["cell"].unique()[0]
    others = (table["cell"] == pooled) & (table["metric"] != leading)
    others = table.assign(shown=shown)[others].pivot(index="metric", **beside)
    order = list(distance["set"].unique())
    return [
        Table(
            by_cell[order].reset_index(),
            f"{leading} to real images held out of training, ± deviation over subsets "
            "(the less the better; no set can be expected to pass the floor)",
        ),
        Table(
            others[order].reset_index(),
            f"Further measures, {pooled if pooled != 'all' else 'all diagnoses'}",
        ),
    ]


def _mask_agreement(run):
    """Whether lesions lie where masks by construction have them."""
    if not (run / "mask_agreement.csv").is_file():
        return []
    table = read_csv(run / "mask_agreement.csv", "image_quality")
    note = (
        "Dice of the outline that the finder of saved_models draws with the mask "
        "that the image was made with, and with the archive's mask of photographs held "
        "out, both at the size of the made images: the second is what can be expected."
    )
    return [Table(table, "Is the lesion where it was asked for?", note)]


def _traces_of_origin(run):
    if not (run / "origin_probe.csv").is_file():
        return []
    probe = read_csv(run / "origin_probe.csv", "image_quality")
    # Without an interval no image is on the wrong side.
    told = probe.loc[probe["low"].fillna(probe["auc"]) > NOTABLE_AUC, "trace"]
    if len(told):
        verdict = (
            "Warning: a linear probe tells synthetic images from real ones by "
            f"{' and '.join(told)} alone. A classifier can learn this instead of the "
            "disease."
        )
    elif (probe["high"] <= NOTABLE_AUC).all():
        verdict = (
            "A linear probe on value range, pixel grid or sharpness hardly tells "
            "synthetic images from real ones."
        )
    else:
        verdict = (
            "Whether a linear probe tells synthetic images from real ones by value "
            "range, pixel grid or sharpness cannot be said from so few."
        )
    rows = probe.rename(columns={"auc": "value"}).to_dict("records")
    areas = pd.DataFrame(
        {
            "trace": probe["trace"],
            "of each": probe["n"],
            "AUC, synthetic against real (0.5: no trace)": [
                interval_cell(row, decimals=2) for row in rows
            ],
        }
    )
    title = "Traces of origin in the images as classifiers are given them"
    return [Text(verdict), Table(areas, title)]
