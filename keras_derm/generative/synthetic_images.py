"""Made images as files and catalog rows."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from rich.progress import track

from keras_derm.catalog import Catalog
from keras_derm.evaluation import UNKNOWN
from keras_derm.files import atomic_path
from keras_derm.generative.conditions import condition_names

ASKED = "asked of the generator"
"""The `tone_source` of a made image: nobody has seen a person of that tone in it."""


def write_synthetic(
    images,
    conditions,
    seed,
    generator_name,
    directory,
    parent_ids=None,
    first=0,
    further=None,
    masks=None,
):
    """Write made images as PNG and a catalog of them, whole or not at all.

    Args:
        images: uint8 (n, side, side, 3), RGB.
        conditions: Integers (n, 2): diagnosis and tone-group index.
        seed: Seed that the images were sampled with.
        generator_name: Name of the generator, letters, digits, "-" and "_".
        directory: New directory for the images and `catalog.csv`; one that is there
            is replaced, unless it holds anything else than an earlier result.
        parent_ids: `isic_id` of the photograph that each image was made of, where
            there is one. The catalog then keeps both in one part of a split.
        first: Number of the first image in its id.
        further: `pandas.DataFrame` of further columns of the catalog, one row an image,
            such as the site that was asked for; None for none.
        masks: Where the lesion of each was asked for, bool (n, side, side); written
            beside the images, as `mask_path` of the catalog.

    Returns:
        `Catalog` with `synthetic` True, `split` "train", `generator`, `seed`,
        `parent_id`, `diagnosis`, `tone_group` (with the `tone_source` "asked of the
        generator"), and ids such as "SYN_sngan_7_000000".

    Raises:
        ValueError: If images, conditions and parents disagree, or the name is not
            plain.
        FileExistsError: If the directory holds files of another kind.
    """
    images = np.asarray(images)
    names = condition_names(np.reshape(conditions, (-1, 2)))
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != len(names):
        raise ValueError(
            "`images` must be uint8 of shape (n, side, side, 3) with one condition "
            f"each. Received: {images.dtype} {images.shape}, {len(names)} conditions"
        )
    if parent_ids is not None and len(parent_ids) != len(images):
        raise ValueError(
            "`parent_ids` must name one photograph an image. "
            f"Received: {len(parent_ids)} for {len(images)} images"
        )
    if not generator_name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(
            "`generator_name` must hold letters, digits, '-' and '_' only. "
            f"Received: generator_name={generator_name!r}"
        )
    directory = Path(directory).absolute()
    _refuse_foreign_files(directory)
    table = _synthetic_table(names, seed, generator_name, first)
    if parent_ids is not None:
        table["parent_id"] = list(parent_ids)
    for name in [] if further is None else further:
        table[name] = further[name].to_numpy(object)
    with atomic_path(directory) as temporary:
        temporary.mkdir()
        for image, name in track(
            zip(images, table["path"], strict=True), "Writing images", len(images)
        ):
            Image.fromarray(image).save(temporary / name)
        if masks is not None:
            table["mask_path"] = [
                f"{name}_segmentation.png" for name in table["isic_id"]
            ]
            for mask, name in zip(masks, table["mask_path"], strict=True):
                Image.fromarray(mask.astype("uint8") * 255).save(temporary / name)
        table.assign(root=str(directory)).to_csv(temporary / "catalog.csv", index=False)
    return Catalog(table, root=directory)


def _synthetic_table(names, seed, generator_name, first):
    tones = [tone for _, tone in names]
    numbers = range(first, first + len(names))
    ids = [f"SYN_{generator_name}_{seed}_{i:06d}" for i in numbers]
    return pd.DataFrame(
        {
            "isic_id": ids,
            "path": [f"{isic_id}.png" for isic_id in ids],
            "diagnosis": [diagnosis for diagnosis, _ in names],
            "tone_group": [None if tone == UNKNOWN else tone for tone in tones],
            "tone_source": [None if tone == UNKNOWN else ASKED for tone in tones],
            "split": "train",
            "plain_rgb": True,
            "synthetic": True,
            "generator": generator_name,
            "seed": seed,
        }
    )


def _refuse_foreign_files(directory):
    if directory.is_dir():
        foreign = [
            path.name
            for path in directory.iterdir()
            if path.name != "catalog.csv" and not path.name.startswith("SYN_")
        ]
        if foreign:
            raise FileExistsError(
                f"{directory} holds files that are not made images; give a new "
                f"directory. Received: {sorted(foreign)[:3]}"
            )
