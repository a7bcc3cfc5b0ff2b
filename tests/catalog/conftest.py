import pandas as pd
import pytest

from keras_derm.catalog import Catalog


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
