"""A small archive of photographs of few sizes, some of them turned by EXIF data."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from keras_derm.catalog import Catalog, check_images

SIZES = [(24, 32), (24, 32), (40, 20), (24, 32), (32, 24), (40, 20), (50, 50)]


def archive(folder):
    """Seven photographs of four sizes; the fifth, upright, is of the first size."""
    root = Path(folder) / "archive"
    root.mkdir()
    generator, names = np.random.default_rng(0), []
    for i, (height, width) in enumerate(SIZES):
        image = Image.fromarray(generator.integers(0, 256, (height, width, 3), "uint8"))
        exif = image.getexif()
        if i == 4:
            exif[0x0112] = 6
        names.append(f"ISIC_{i}.png" if i < 2 else f"ISIC_{i}.jpg")
        image.save(root / names[-1], exif=exif)
    table = pd.DataFrame(
        {"isic_id": [n[:6] for n in names], "path": names, "diagnosis": "NV"}
    )
    return check_images(Catalog(table, root=root))[0]
