"""How well copies of photographs are found, on HAM10000 or any archive with lesions.

Made copies (resized, compressed anew, mirrored, turned, cropped by a few pixels, of
other light) are looked for among the photographs that they were made of: how many are
found, and how many other pairs are. Then the archive is searched as it is: of how many
pairs of photographs of one lesion, and of different lesions, is it said that they are
one. The closest pairs of different lesions are drawn: look whether they are.

Usage: python benchmarks/duplicates.py ham10000:/data/HAM10000
"""

import io
import itertools
import time

import cv2
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from PIL import Image
from rich.console import Console

from keras_derm.catalog import copy_groups, read_image
from keras_derm.pipeline import find_copies
from keras_derm.pipeline.near_copies import ALIKE, near_copies, thumbnail
from keras_derm.readers import read_data_source
from keras_derm.report import figures

N_DRAWN = 24
COPIES = {
    "half the size": lambda image, draw: _resized(image, 0.5),
    "twice the size": lambda image, draw: _resized(image, 2),
    "a square of 128": lambda image, draw: _to(image, 128, 128),
    "JPEG, quality 50": lambda image, draw: _jpeg(image, 50),
    "JPEG, quality 70": lambda image, draw: _jpeg(image, 70),
    "JPEG, quality 90": lambda image, draw: _jpeg(image, 90),
    "mirrored": lambda image, draw: image[:, ::-1],
    "turned": lambda image, draw: np.rot90(image, draw.integers(1, 4)),
    "cropped, to 1 % a side": lambda image, draw: _cropped(image, draw, 0.01),
    "cropped, to 3 % a side": lambda image, draw: _cropped(image, draw, 0.03),
    "cropped, to 5 % a side": lambda image, draw: _cropped(image, draw, 0.05),
    "light -15 to +15 %": lambda image, draw: _light(image, draw.uniform(0.85, 1.15)),
    "all at once": lambda image, draw: _all(image, draw),
}


def main(
    data: str = "phantom:n=300,seed=1,size=160",
    n: int = 500,
    seed: int = 0,
    pairs: str = "closest_pairs.png",
):
    """Print recall and precision of made copies, and what is found in the archive.

    Args:
        data: Data source READER:PATH with lesion ids.
        n: Photographs that copies are made of, drawn at random.
        seed: Seed of what is drawn.
        pairs: Where the closest pairs of different lesions are drawn.
    """
    catalog = read_data_source(data)
    table = catalog.table
    paths = np.array(catalog.paths, object)
    rows = np.sort(np.random.default_rng(seed).permutation(len(catalog))[:n])
    images = [read_image(path) for path in paths[rows]]
    lesions = table["lesion_id"].fillna(table["isic_id"])
    own = lesions.to_numpy()[rows]
    found = {name: _of_copies(images, own, name, seed) for name in COPIES}
    frame = pd.DataFrame.from_dict(found, orient="index")
    print(f"{len(rows)} photographs and a copy of each; copies: similarity >= {ALIKE}")
    Console(width=200).print(frame.to_string())
    start = time.perf_counter()
    all_pairs = find_copies(catalog)
    seconds = time.perf_counter() - start
    print(f"\n{len(catalog):,} photographs searched in {seconds:.0f} s")
    _of_archive(all_pairs, table.assign(lesion=lesions), catalog)
    _draw(all_pairs, lesions, table, paths, pairs)


def _of_copies(images, lesions, name, seed):
    """What of the copies of one kind is found, and what else."""
    draw = np.random.default_rng(seed)
    copies = [np.ascontiguousarray(COPIES[name](image, draw)) for image in images]
    n = len(images)
    found = near_copies(np.stack([thumbnail(one) for one in (*images, *copies)]))
    found = found[found["similarity"] >= ALIKE]
    first, second = found["first"] % n, found["second"] % n
    right = int((first == second).sum())
    related = lesions[first] == lesions[second]
    wrong = int((~related).sum())
    return {
        "recall": f"{right / n:.1%}",
        "precision": f"{right / max(right + wrong, 1):.1%}",
        "pairs of one lesion": int((related & (first != second)).sum()),
        "pairs of different lesions": wrong,
    }


def _of_archive(pairs, table, catalog):
    """Print how many pairs of one lesion, and of different ones, are called copies."""
    lesion = table.set_index("isic_id")["lesion"]
    same = lesion[pairs["first"]].to_numpy() == lesion[pairs["second"]].to_numpy()
    sizes = table["lesion"].value_counts()
    of_one = int((sizes * (sizes - 1) // 2).sum())
    of_others = len(table) * (len(table) - 1) // 2 - of_one
    copies = pairs["is_copy"].to_numpy(bool)
    for words, ours, of in (
        ("one lesion", same, of_one),
        ("different lesions", ~same, of_others),
    ):
        called, doubtful = int((copies & ours).sum()), int((~copies & ours).sum())
        print(
            f"pairs of photographs of {words}: {of:,}; called copies {called} "
            f"({called / max(of, 1):.2g}), doubtful {doubtful}"
        )
    groups = copy_groups(catalog, pairs)
    print(f"{groups.notna().sum()} photographs in {groups.nunique()} groups of copies")
    print(f"kinds: {pairs.loc[copies, 'kind'].value_counts().to_dict()}")


def _draw(pairs, lesions, table, paths, file):
    """Draw the most alike pairs of different lesions."""
    lesion = dict(zip(table["isic_id"], lesions, strict=True))
    path = dict(zip(table["isic_id"], paths, strict=True))
    other = [
        lesion[first] != lesion[second]
        for first, second in zip(pairs["first"], pairs["second"], strict=True)
    ]
    shown = pairs[other].head(N_DRAWN)
    if not len(shown):
        return
    ids = list(itertools.chain(*zip(shown["first"], shown["second"], strict=True)))
    alike = [f"\n{one:.3f}" for one in shown["similarity"].repeat(2)]
    captions = [name + words for name, words in zip(ids, alike, strict=True)]
    sheet = figures.contact_sheet([read_image(path[i]) for i in ids], captions, 8)
    sheet.savefig(file, dpi=110)
    print(f"the {len(shown)} closest pairs of different lesions: {file}")


def _to(image, width, height):
    shrinks = width < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


def _resized(image, factor):
    height, width = image.shape[:2]
    return _to(image, round(width * factor), round(height * factor))


def _jpeg(image, quality):
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written))


def _cropped(image, draw, share):
    height, width = image.shape[:2]
    most = round(share * width)
    top, bottom, left, right = draw.integers(0, most + 1, 4)
    return image[top : height - bottom, left : width - right]


def _light(image, factor):
    return np.clip(image * factor, 0, 255).astype(np.uint8)


def _all(image, draw):
    image = _resized(_cropped(image, draw, 0.02), 0.75)
    image = np.rot90(image, draw.integers(0, 4))[:, ::-1]
    return _jpeg(_light(image, draw.uniform(0.9, 1.1)), 70)


if __name__ == "__main__":
    auto_cli(main)
