"""Colour of the skin in the phantom's photographs, beside that of MILK10k's.

Prints the median and the standard deviation of L*, a* and b* (CIELAB) of the skin by
tone: of the phantom with the dermatoscope and without, and, where the archive is given,
of MILK10k's dermoscopic photographs and clinical close-ups. The phantom's dermatoscope
(`keras_derm.phantom.dermatoscope`) is fitted to these.

Usage: python benchmarks/dermatoscope_colour.py [--milk10k DIR] [--n 300]
"""

from pathlib import Path

import cv2
import pandas as pd
from jsonargparse import auto_cli

from keras_derm.catalog import FITZPATRICK_TYPES, read_image
from keras_derm.phantom import photograph, population
from keras_derm.skin_tone import IndividualTypologyAngle

COLOURS = ["lightness", "a", "b"]


def phantom_colours(n, seed, size, dermatoscope):
    """Return one row per photograph of a phantom of all types: `tone` and colour."""
    rule, rows = IndividualTypologyAngle(), []
    table = population(n, seed, "balanced", "balanced").to_dict("records")
    for index, row in enumerate(table):
        shot = photograph(row, index, seed, size, dermatoscope=dermatoscope)
        measured = rule.measure(shot.image, shot.lesion_mask)
        rows.append({"tone": row["fitzpatrick_skin_type"], **measured})
    table = pd.DataFrame(rows)
    return table.assign(tone=pd.Categorical(table["tone"], FITZPATRICK_TYPES[::-1]))


def milk10k_colours(folder, n_each, seed):
    """Return one row per photograph: `tone` (0, very dark, to 5), `image_type`, colour.

    Args:
        folder: Of MILK10k_Training_Metadata.csv and MILK10k_Training_Input.
        n_each: Lesions of each class, all where there are fewer.
        seed: Of the draw of lesions.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "MILK10k_Training_Metadata.csv")
    table = table.dropna(subset=["skin_tone_class"])
    lesions = table.drop_duplicates("lesion_id").groupby("skin_tone_class")
    drawn = pd.concat(
        group.sample(min(n_each, len(group)), random_state=seed)["lesion_id"]
        for _, group in lesions
    )
    rule, rows = IndividualTypologyAngle(), []
    for row in table[table["lesion_id"].isin(drawn)].itertuples():
        path = folder / "MILK10k_Training_Input" / row.lesion_id / f"{row.isic_id}.jpg"
        measured = rule.measure(read_image(path))
        rows.append(
            {"tone": int(row.skin_tone_class), "image_type": row.image_type, **measured}
        )
    return pd.DataFrame(rows)


def show(title, table):
    """Print median and standard deviation by tone, from the darkest."""
    groups = table.groupby("tone", observed=True)[COLOURS]
    figures = groups.median().join(groups.std().add_suffix(" sd")).round(1)
    figures.insert(0, "n", groups.size())
    print(f"\n{title}\n{figures.to_string()}")


def main(
    milk10k: str | None = None,
    n: int = 300,
    n_each: int = 60,
    size: int = 128,
    seed: int = 7,
) -> None:
    """Measure the skin of phantoms and of MILK10k.

    Args:
        milk10k: Folder of the archive; phantoms alone where it is not given.
        n: Phantom photographs, with the dermatoscope and without.
        n_each: Lesions of each of MILK10k's classes of tone.
        size: Side of the phantom photographs in pixels.
        seed: Of the phantom and of the draw of lesions.
    """
    cv2.setNumThreads(1)
    for name, device in (("with", True), ("without", False)):
        show(f"phantom {name} dermatoscope", phantom_colours(n, seed, size, device))
    if milk10k is not None:
        for name, table in milk10k_colours(milk10k, n_each, seed).groupby("image_type"):
            show(f"MILK10k, {name}", table)


if __name__ == "__main__":
    auto_cli(main)
