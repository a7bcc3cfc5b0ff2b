"""Hair removal against the truth: ours, the published one in OpenCV, and none.

On phantom photographs with hair: Dice of the mask; PSNR and SSIM against the twin
without hair; per Fitzpatrick type. On those without hair: share of the picture that
is taken for hair. With --data also on the photographs of an archive: share taken for
hair, and a sheet of those with the most, before, ours, OpenCV.

Usage: python benchmarks/hair_removal_quality.py [--data ham10000:PATH]
"""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_derm.catalog import FITZPATRICK_TYPES, read_image
from keras_derm.layers import HairRemoval
from keras_derm.phantom import render
from keras_derm.readers import read_data_source
from keras_derm.report import figures

KERNEL, THRESHOLD, TELEA_RADIUS = 17, 10, 1
BATCH_SIZE = 16
N_ON_SHEET = 8


def opencv(image):
    """Black-hat 17 x 17 cross, threshold 10, Telea: mask and result."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (KERNEL, KERNEL))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mask = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross) > THRESHOLD
    return mask, cv2.inpaint(
        image, mask.astype("uint8"), TELEA_RADIUS, cv2.INPAINT_TELEA
    )


def ours(images):
    """Masks and results of `HairRemoval()`."""
    layer, masks, results = HairRemoval(), [], []
    for start in range(0, len(images), BATCH_SIZE):
        stages = layer.stages(images[start : start + BATCH_SIZE])
        masks.append(np.array(stages["mask"])[..., 0])
        results.append(np.round(np.array(stages["result"])).astype("uint8"))
    return np.concatenate(masks), np.concatenate(results)


def phantom(n, size, seed):
    """Photographs, true masks, twins without hair and types of a hairy phantom."""
    catalog = render(
        n, seed, size, tone_frequencies="balanced", diagnosis_frequencies="balanced",
        hair=1.6,
    )  # fmt: skip
    table, root = catalog.table, Path(catalog.paths[0]).parents[1]

    def read(column):
        return np.stack([read_image(root / path) for path in table[column]])

    masks = read("hair_mask_path")[..., 0] > 0
    return (
        read("path"),
        masks,
        read("hair_free_path"),
        table["skin_tone_label"].to_numpy(),
    )


def dice(mask, truth):
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


def main(
    n: int = 240,
    size: int = 224,
    seed: int = 12,
    data: str | None = None,
    sheet: str = "runs/hair.png",
) -> None:
    """Print the comparison.

    Args:
        n: Number of phantom images.
        size: Side in pixels.
        seed: Of the phantom; the thresholds of the layer were chosen on 11.
        data: Data source of real photographs, or none.
        sheet: Picture to write of the hairiest real photographs.
    """
    images, truth, twins, types = phantom(n, size, seed)
    found = {
        "none": (np.zeros_like(truth), images),
        "OpenCV": tuple(
            map(np.stack, zip(*(opencv(image) for image in images), strict=True))
        ),
        "ours": ours(images),
    }
    hairy = truth.any(axis=(1, 2))
    rows = []
    for tone in (*FITZPATRICK_TYPES, "all"):
        chosen = np.flatnonzero(hairy & ((types == tone) | (tone == "all")))
        for name, (masks, results) in found.items():
            rows.append(
                {
                    "type": tone,
                    "n": len(chosen),
                    "method": name,
                    "Dice": np.mean([dice(masks[i], truth[i]) for i in chosen]),
                    "PSNR": np.mean(
                        [peak_signal_noise_ratio(twins[i], results[i]) for i in chosen]
                    ),
                    "SSIM": np.mean(
                        [
                            structural_similarity(twins[i], results[i], channel_axis=-1)
                            for i in chosen
                        ]
                    ),
                }
            )
    table = pd.DataFrame(rows).set_index(["type", "n", "method"]).unstack("method")
    print(table.round(3).reindex([*FITZPATRICK_TYPES, "all"], level=0).to_string())
    for name, (masks, _) in found.items():
        share = masks[~hairy].mean()
        print(f"{name:8s} hairless phantoms ({(~hairy).sum()}): {share:.2%} masked")
    if data:
        real(data, size, sheet)


def real(data, size, sheet, n=400):
    """Masked share on real photographs, and a sheet of the hairiest."""
    catalog = read_data_source(data)
    rows = np.random.default_rng(0).permutation(len(catalog))[:n]
    paths = list(catalog.paths)
    images = np.stack([cv2.resize(read_image(paths[i]), (size, size)) for i in rows])
    masks, results = ours(images)
    theirs = [opencv(image) for image in images]
    shares = masks.mean(axis=(1, 2))
    published = np.array([mask.mean() for mask, _ in theirs])
    for name, share in (("ours", shares), ("OpenCV", published)):
        quantiles = np.percentile(share, [25, 50, 75, 95])
        print(f"{name:8s} real photographs ({n}), share masked, quartiles and 95th "
              f"percentile: {' '.join(f'{q:.1%}' for q in quantiles)}")  # fmt: skip
    hairiest = np.argsort(-shares)[:N_ON_SHEET]
    barest = np.argsort(-(published - shares))[:N_ON_SHEET]
    shown, captions = [], []
    for i in (*hairiest, *barest):
        shown += [images[i], results[i], theirs[i][1]]
        captions += [
            "original",
            f"ours, {shares[i]:.1%}",
            f"OpenCV, {published[i]:.1%}",
        ]
    Path(sheet).parent.mkdir(parents=True, exist_ok=True)
    figures.contact_sheet(shown, captions, 6).savefig(sheet, dpi=110)
    print(f"hairiest by ours, then those on which OpenCV masks most more: {sheet}")


if __name__ == "__main__":
    auto_cli(main)
