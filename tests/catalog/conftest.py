import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog


@pytest.fixture
def write_image():
    """Write a small photograph-like image, making its folder."""

    def write(path, size=(24, 18), seed=0):
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3))
        Image.fromarray(noise.astype(np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def make_catalog(tmp_path, write_image):
    """Make a catalog of `n` rows that share one image file, with given columns."""

    def make(n=4, **columns):
        write_image(tmp_path / "shared.jpg")
        table = pd.DataFrame(
            {
                "isic_id": [f"ISIC_{i:07d}" for i in range(n)],
                "path": "shared.jpg",
                "diagnosis": "NV",
                **columns,
            }
        )
        return Catalog(table, tmp_path)

    return make
