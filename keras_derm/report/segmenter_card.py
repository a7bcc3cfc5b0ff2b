"""The card of a lesion segmenter."""

from keras_derm.evaluation import OVERLAP_METRICS
from keras_derm.report.arm_tables import overlap_cells
from keras_derm.report.model_card import write_model_card


def write_segmenter_card(file, described, summary, n, licence, milliseconds):
    """Write the model card of a segmenter.

    Args:
        file: Its .tflite; the card is the .md beside it.
        described: Content of its .json.
        summary: Rows of the summary of `evaluate_segmenter` for this file.
        n: Number of test photographs.
        licence: Licences of the photographs.
        milliseconds: Median time of one photograph.
    """
    side, sizes = described["image_size"], described["n_train"]
    dice = ", ".join(f"{k} {v:.3f}" for k, v in described["dice_on_val"].items())
    calibrated, preset = described["calibration"], described.get("preset")
    prepared = f", prepared by the preset {preset}" if preset else ""
    write_model_card(
        file.with_suffix(".md"),
        file.name,
        model_details={
            "Input": f"RGB in [0, 255], {side} by {side} pixels: the whole photograph, "
            f"stretched{prepared}",
            "Output": "probability of lesion of every pixel; the largest area above "
            "one half, holes filled, is the lesion",
            "Network": f"{described['network']}, {described['mode']}, "
            f"{described['size_bytes'] / 1e6:.1f} MB, {milliseconds:.0f} ms a "
            "photograph on one thread of the machine that judged it",
            "Dice on val": dice,
            "Licence": f"that of the photographs it learned from: "
            f"{licence or 'not stated'}"
            + ("; research and non-commercial use alone" if "NC" in licence else ""),
        },
        intended_use=(
            "Outlines of lesions in dermoscopy where an archive has no masks: plain "
            "skin around the lesion, contrast, crops, where a classifier looks. Not to "
            "measure growth, and no diagnosis."
        ),
        factors="Diagnosis, tone group, contrast of lesion and skin, hair, device.",
        metrics=(
            "Means over photographs at their own size, with 95 % intervals by "
            "bootstrap over lesions. Nothing found counts as Dice 0 and as a Hausdorff "
            "distance of the whole diagonal."
        ),
        evaluation_data=f"{n:,} photographs of {described['source']} that it had not "
        "seen, with the masks of the archive.",
        training_data=f"{sizes['real']:,} photographs of {described['source']} with "
        f"their masks, and {sizes['train'] - sizes['real']:,} made images with masks; "
        f"the split is in {described['split_file']}.",
        quantitative_analyses=overlap_cells(summary, OVERLAP_METRICS),
        ethical_considerations=(
            "Masks of darker skin are rare in archives. Where the outline is unsure, "
            "that is told: entropy along the border from "
            f"{_number(described['unsure_from'])} bits on."
        ),
        caveats_and_recommendations=(
            "Probabilities of unsure pixels were calibrated on val (expected "
            f"calibration error {_number(calibrated['before'])} before, "
            f"{_number(calibrated['after'])} after). Made for dermoscopy of one "
            "lesion; of two it takes the larger."
        ),
    )


def _number(value):
    return "not known" if value is None else f"{value:.3f}"
