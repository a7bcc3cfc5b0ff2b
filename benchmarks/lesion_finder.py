"""The lesion finder behind ITA against true masks, and what it does to the tone.

Of a fixed sample of lesions, one photograph each, both halves are shown: on
HAM10000 the finder's numbers were chosen on the first, so the second is its figure.

Usage: python benchmarks/lesion_finder.py --data ham10000:PATH
"""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.progress import track

from keras_derm.catalog import group_ids, read_image, read_mask
from keras_derm.colour import cielab
from keras_derm.readers import read_data_source
from keras_derm.report import figures
from keras_derm.skin_tone.individual_typology_angle import (
    IndividualTypologyAngle,
    SkinView,
)
from keras_derm.skin_tone.thresholds import UNDETERMINED

N_ON_SHEET = 10


def sample_of_lesions(catalog, n, seed):
    """Return the rows of one photograph of each of n lesions, in random order."""
    rows = np.random.default_rng(seed).permutation(len(catalog))
    _, first = np.unique(group_ids(catalog)[rows], return_index=True)
    return rows[np.sort(first)[:n]]


def overlap(found, true):
    """Return Dice; 0 where nothing was found."""
    return (
        0.0 if found is None else 2 * (found & true).sum() / (found.sum() + true.sum())
    )


def plain_otsu(image):
    """Return the darker class of Otsu's threshold on blurred L*."""
    lightness = cielab(image)[..., 0] * 2.55
    blurred = cv2.GaussianBlur(lightness, (0, 0), max(image.shape) / 64)
    levels = blurred.clip(0, 255).astype("uint8")
    return levels <= cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0]


def judge(path, mask_path):
    """Measure one photograph with its true lesion and with the one found."""
    image, true = read_image(path), read_mask(mask_path)
    given, alone = SkinView(image, true), SkinView(image)
    true = cv2.resize(
        true.astype("uint8"), given.skin.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    true, estimator = true > 0, IndividualTypologyAngle()
    with_mask, without = (estimator.measure_view(view) for view in (given, alone))
    return {
        "finder": overlap(alone.lesion, true),
        "otsu": overlap(plain_otsu(given.image), true),
        "found": alone.lesion is not None,
        "left_out": np.mean(~given.lesion[true]),
        "tone": with_mask["ita_type"],
        "tone_found": without["ita_type"],
        "contrast_bias": without["contrast"] - with_mask["contrast"],
    }


def summary(judged):
    """Return the figures of a number of photographs."""
    judgeable = judged["tone"] != UNDETERMINED
    judged_alone = judged["tone_found"] != UNDETERMINED
    changed = judged["tone"] != judged["tone_found"]
    return {
        "photographs": len(judged),
        "Dice, finder, mean": judged["finder"].mean(),
        "Dice, finder, median": judged["finder"].median(),
        "Dice, plain Otsu, mean": judged["otsu"].mean(),
        "Dice, plain Otsu, median": judged["otsu"].median(),
        "no lesion found": (~judged["found"]).sum(),
        "share of true lesions left out as hair": judged["left_out"].mean(),
        "undetermined with the mask": (~judgeable).sum(),
        "of these, called a type without": (~judgeable & judged_alone).sum(),
        "of these, called type I": (~judgeable & (judged["tone_found"] == "I")).sum(),
        "undetermined only without": (judgeable & ~judged_alone).sum(),
        "type differs": changed.mean(),
        "type differs, both determined": (changed & judgeable & judged_alone).sum(),
        "contrast, found less true lesion, mean": judged["contrast_bias"].mean(),
    }


def outlined(path, mask_path):
    """Return the photograph with the true outline in green, the found in blue."""
    view = SkinView(read_image(path), read_mask(mask_path))
    picture = view.image.copy()
    for lesion, colour in (
        (view.lesion, (0, 255, 0)),
        (SkinView(view.image).lesion, (0, 60, 255)),
    ):
        if lesion is not None:
            outlines, _ = cv2.findContours(
                lesion.astype("uint8"), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, outlines, -1, colour, 1)
    return picture


def write_sheet(files, dice, sheet):
    """Write the ten worst and the ten best of a half as one picture."""
    order = np.argsort(dice)
    shown = np.concatenate([order[:N_ON_SHEET], order[-N_ON_SHEET:]])
    captions = [f"Dice {dice[i]:.2f}" for i in shown]
    images = [outlined(*files[i]) for i in shown]
    Path(sheet).parent.mkdir(parents=True, exist_ok=True)
    figures.contact_sheet(images, captions, 5).savefig(sheet, dpi=110)
    print(f"worst and best: {Path(sheet).absolute()}")


def main(
    data: str = "phantom:n=200,seed=7,size=224,tones=balanced",
    n: int = 600,
    seed: int = 7,
    sheet: str = "runs/lesion_finder.png",
) -> None:
    """Find the lesions of a sample of photographs that have true masks.

    Args:
        data: Data source READER:PATH.
        n: Number of lesions.
        seed: Of the sample.
        sheet: Picture to write: of the second half the ten worst and the ten best,
            the true outline in green, the found one in blue.
    """
    catalog = read_data_source(data)
    catalog = catalog.where(catalog.table["mask_path"].notna().to_numpy(dtype=bool))
    files = list(zip(catalog.paths, catalog.mask_paths, strict=True))
    files = [files[row] for row in sample_of_lesions(catalog, n, seed)]
    judged = pd.DataFrame([judge(*pair) for pair in track(files, transient=True)])
    halves = {"first half": judged[0::2], "second half": judged[1::2]}
    table = pd.DataFrame({name: summary(half) for name, half in halves.items()})
    print(table.map("{:.3g}".format).to_string())
    second = halves["second half"]["finder"].to_numpy()
    write_sheet(files[1::2], second, sheet)


if __name__ == "__main__":
    auto_cli(main)
