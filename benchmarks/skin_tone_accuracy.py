"""ITA measured on phantoms against the true one, by our rule and the published.

Prints, with the dermatoscope and without, for every true type how many images could be
judged, the mean absolute error of ITA, how often the type is right or within one, and
what each type was called; then the rank correlation of ITA with the truth and how far
the ITA of one person's photographs spreads. Then the same of our ITA calibrated to the
true one (isotonic, each photograph by a calibration of other people), and of a network
of train_skin_tone.py in the same way, where one is given. Hair, casts, rulers and dark
corners as in archives.

Usage: python benchmarks/skin_tone_accuracy.py [--n 300] [--size 224] [--network FILE]
"""

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from scipy.stats import spearmanr
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from keras_derm.catalog import FITZPATRICK_TYPES
from keras_derm.phantom import render
from keras_derm.skin_tone import (
    ToneNetwork,
    estimate,
    measure_by_rules,
    tone_of_angle,
)
from keras_derm.skin_tone.individual_typology_angle import angle_difference

ORDER = {tone: i for i, tone in enumerate(FITZPATRICK_TYPES)}


def accuracy(truth, true_ita, measured):
    """Return one row of figures for each true type and for all."""
    judged = measured["ita_type"].isin(FITZPATRICK_TYPES).to_numpy()
    error = np.abs(angle_difference(measured["ita"], true_ita))
    distance = np.abs(
        truth.map(ORDER) - measured["ita_type"].map(ORDER).astype(float)
    ).to_numpy()
    rows = []
    for name, chosen in [
        *((tone, (truth == tone).to_numpy()) for tone in FITZPATRICK_TYPES),
        ("all", np.ones(len(truth), bool)),
    ]:
        seen = chosen & judged
        rows.append(
            {
                "true type": name,
                "n": chosen.sum(),
                "judged": seen.sum(),
                "ITA error": error[seen].mean(),
                "exact": np.mean(distance[seen] == 0),
                "within one": np.mean(distance[seen] <= 1),
                "called V-VI": measured["ita_type"].isin(["V", "VI"])[seen].sum(),
            }
        )
    return pd.DataFrame(rows)


def confusion(truth, measured):
    """Return how many of each true type (rows) were called what (columns)."""
    called = measured["ita_type"].rename("called")
    return (
        pd.crosstab(truth.rename("true type"), called)
        .reindex(index=FITZPATRICK_TYPES, columns=[*FITZPATRICK_TYPES, "undetermined"])
        .fillna(0)
        .astype(int)
    )


def within_person(patients, ita):
    """Return the pooled standard deviation of ITA within one person's photographs."""
    groups = ita.groupby(patients.to_numpy())
    freedom = groups.size() - 1
    return float(np.sqrt((groups.var() * freedom).sum() / freedom.sum()))


def calibrated(values, true_ita, patients):
    """Return the ITA that a value stands for on other people's photographs.

    Args:
        values: What was measured, (n,), NaN where nothing was.
        true_ita: The truth in degrees, (n,).
        patients: (n,).

    Returns:
        `pandas.DataFrame` with `ita` and `ita_type`, as `measure` gives them.
    """
    values, true_ita = np.asarray(values, float), np.asarray(true_ita, float)
    known, found = np.isfinite(values), np.full(len(values), np.nan)
    for train, test in GroupKFold(5).split(values, groups=patients):
        train, test = train[known[train]], test[known[test]]
        regression = IsotonicRegression(increasing="auto", out_of_bounds="clip")
        regression.fit(values[train], true_ita[train])
        found[test] = regression.predict(values[test])
    return pd.DataFrame({"ita": found, "ita_type": tone_of_angle(found)})


def report(catalog, network=None):
    """Print the figures of all estimators on a phantom."""
    table = catalog.table
    truth, true_ita = table["skin_tone_label"], table["true_ita"].astype(float)
    by_rule = measure_by_rules(catalog)
    angles = by_rule["quadrant"]["ita"].where(
        by_rule["quadrant"]["ita_type"] != "undetermined"
    )
    named = {f"rule {rule}": measured for rule, measured in by_rule.items()}
    named["quadrant, calibrated"] = calibrated(angles, true_ita, table["patient_id"])
    if network is not None:
        values = estimate(catalog, [network])[network.name]["value"]
        named["network"] = calibrated(values, true_ita, table["patient_id"])
    for name, measured in named.items():
        print(f"\n{name}")
        figures = accuracy(truth, true_ita, measured)
        print(figures.round(2).to_string(index=False))
        print(confusion(truth, measured).to_string())
        rank = spearmanr(true_ita, measured["ita"], nan_policy="omit").statistic
        spread = within_person(table["patient_id"], measured["ita"])
        print(f"rank correlation {rank:.2f}, within one person {spread:.1f} degrees")
    colour = by_rule["quadrant"][["lightness", "a", "b"]]
    print("\nmedian colour of the skin (CIELAB)")
    print(colour.groupby(truth.to_numpy()).median().round(1).to_string())


def main(
    n: int = 300,
    size: int = 224,
    seed: int = 7,
    masks: bool = True,
    network: str | None = None,
) -> None:
    """Render phantoms of all types and measure them by both rules.

    Args:
        n: Number of images.
        size: Their side in pixels.
        seed: Of the phantom.
        masks: Whether the true lesion masks are given.
        network: A .tflite of train_skin_tone.py that learned from other phantoms.
    """
    for dermatoscope in (True, False):
        print(f"\n{'with' if dermatoscope else 'without'} the dermatoscope")
        catalog = render(
            n, seed, size, tone_frequencies="balanced", dermatoscope=dermatoscope
        )
        catalog = catalog if masks else catalog.with_columns(mask_path=None)
        report(catalog, None if network is None else ToneNetwork.load(network))


if __name__ == "__main__":
    auto_cli(main)
