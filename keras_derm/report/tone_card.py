"""How good a tone network is: in a sentence, and as its card."""

import pandas as pd

from keras_derm.catalog import TONE_GROUPS
from keras_derm.report.model_card import write_model_card


def worth(scores, described):
    """Say in a sentence how good a tone network is."""
    told = {row["metric"]: row for row in scores.to_dict("records")}

    def figure(metric):
        row = told[metric]
        if pd.isna(row["value"]):
            return "not measured"
        return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"

    return (
        f"on {int(told['Spearman']['n']):,} {described['image_types'][0]} photographs "
        f"of {described['source']} that it had not seen, rank correlation with the "
        f"label {figure('Spearman')}, AUC of dark against the rest "
        f"{figure('AUC dark against the rest')}, kappa {figure('kappa')}, within one "
        f"label {figure('within one')}; it names a group in {figure('group known')}, "
        f"rightly in {figure('group right')} of these. The rater of the labels: "
        f"{described['rater']}. On other archives and devices it has not been measured."
    )


def write_tone_card(path, described, scores, table):
    """Write the model card of a tone network.

    Args:
        path: The .md to write.
        described: Content of its .json.
        scores: Frame of `tone_scores` on test.
        table: Table of the test photographs.
    """
    counts = table["tone_group"].value_counts().reindex(TONE_GROUPS, fill_value=0)
    kind, scale = described["image_types"][0], described["calibration"]["scale"]
    licences = ", ".join(table["copyright_license"].dropna().unique()) or "not stated"
    write_model_card(
        path,
        path.with_suffix(".tflite").name,
        model_details={
            "Input": f"RGB in [0, 255], {described['image_size']} by "
            f"{described['image_size']} pixels: the whole photograph, resized",
            "Output": "place of the label on its scale, counted from the lightest: "
            f"{', '.join(described['labels'])} on the scale {scale}; a calibration and "
            "limits between the labels are in the .json",
            "Network": f"MobileNetV2, {described['depth']}, float16, "
            f"{described['size_bytes'] / 1e6:.1f} MB",
            "Licence": f"that of the photographs it learned from: {licences}",
        },
        intended_use=(
            f"Research on archives of {kind} photographs: how many people of each tone "
            "group are in them, and whether a classifier serves them alike. Of one "
            "person it says little; where it is not sure it names no group. Not for "
            "other types of photographs, and not to infer descent."
        ),
        factors="Tone group, site, diagnosis, device and light.",
        metrics=(
            "Held against the labels of the archive on lesions that it had not seen; "
            "95 % intervals by bootstrap over lesions. Kappa has quadratic weights."
        ),
        evaluation_data=f"{len(table):,} photographs of {described['source']}: "
        + ", ".join(f"{n:,} {name}" for name, n in counts.items())
        + f". The rater of the labels: {described['rater']}.",
        training_data=f"{described['n_train']:,} photographs of {described['source']}; "
        f"the split is in {described['split_file']}.",
        quantitative_analyses=scores[["metric", "value", "low", "high", "n"]],
        ethical_considerations=(
            "An estimated tone may be wrong for the very people that an audit is for. "
            "Labels of people go before it, and a group too small to judge says so."
        ),
        caveats_and_recommendations=(
            "Measured on one archive alone. Hold it against labels of your own "
            "photographs before you rely on it (validate_skin_tone.py)."
        ),
    )
