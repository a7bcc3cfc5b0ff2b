"""ITA measured on phantoms against the true one, by our rule and the published.

Prints for every true type how many images could be judged, the mean absolute error of
ITA, and how often the type is right or within one. Hair, casts, rulers and dark
corners as in archives.

Usage: python benchmarks/skin_tone_accuracy.py [--n 300] [--size 224]
"""

import numpy as np
import pandas as pd
from jsonargparse import auto_cli

from keras_derm.catalog import FITZPATRICK_TYPES
from keras_derm.phantom import render
from keras_derm.skin_tone import measure_by_rules
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


def main(n: int = 300, size: int = 224, seed: int = 7, masks: bool = True) -> None:
    """Render a phantom of all types and measure it by both rules.

    Args:
        n: Number of images.
        size: Their side in pixels.
        seed: Of the phantom.
        masks: Whether the true lesion masks are given.
    """
    catalog = render(n, seed, size, tone_frequencies="balanced")
    if not masks:
        catalog = catalog.with_columns(mask_path=None)
    table = catalog.table
    true_ita = table["true_ita"].astype(float)
    for rule, measured in measure_by_rules(catalog).items():
        figures = accuracy(table["skin_tone_label"], true_ita, measured)
        print(f"\nrule {rule}")
        print(figures.round(2).to_string(index=False))


if __name__ == "__main__":
    auto_cli(main)
