"""How good a tone network is: in a sentence, and as its card."""

import pandas as pd

from keras_derm.catalog import TONE_GROUPS
from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.model_card import write_model_card

REFITTED = (
    "The figures are those of a network that had not seen them; this one was then "
    "trained once more, on them too."
)


def worth(described):
    """Say in a sentence how good a tone network is, by the scores in its .json."""
    told = {row["metric"]: row for row in described["scores"]}

    def figure(metric):
        cell = interval_cell(told[metric], decimals=2)
        return "not measured" if cell == "–" else cell

    return (
        f"on {int(told['Spearman']['n']):,} {described['image_types'][0]} photographs "
        f"of {described['source']} that it had not seen, rank correlation with the "
        f"label {figure('Spearman')}, AUC of dark against the rest "
        f"{figure('AUC dark against the rest')}, kappa {figure('kappa')}, within one "
        f"label {figure('within one')}; it names a group in {figure('group known')}, "
        f"rightly in {figure('group right')} of these. The rater of the labels: "
        f"{described['rater']}. On other archives and devices it has not been measured."
    )


def write_tone_card(path, described, test):
    """Write the model card of a tone network.

    Args:
        path: The .md to write.
        described: Content of its .json.
        test: Dict of the test photographs: `n`, `groups`, their counts by tone group,
            and `licence`.
    """
    counts = {name: test["groups"].get(name, 0) for name in TONE_GROUPS}
    kind, scale = described["image_types"][0], described["calibration"]["scale"]
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
            "Licence": _licence(test["licence"]),
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
        evaluation_data=f"{test['n']:,} photographs of {described['source']}: "
        + ", ".join(f"{n:,} {name}" for name, n in counts.items())
        + f". The rater of the labels: {described['rater']}."
        + (f" {REFITTED}" if described.get("refit") else ""),
        training_data=f"{described['n_train']:,} photographs of {described['source']}; "
        f"the split is in {described['split_file']}.",
        quantitative_analyses=pd.DataFrame(described["scores"]),
        ethical_considerations=(
            "An estimated tone may be wrong for the very people that an audit is for. "
            "Labels of people go before it, and a group too small to judge says so."
        ),
        caveats_and_recommendations=(
            "Measured on one archive alone. Hold it against labels of your own "
            "photographs before you rely on it (validate_skin_tone.py)."
        ),
    )


def _licence(of_images):
    told = f"that of the photographs it learned from: {of_images or 'not stated'}"
    return told + ("; research and non-commercial use alone" if "NC" in told else "")
