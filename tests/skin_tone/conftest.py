import pandas as pd
import pytest

from keras_derm.catalog import Catalog


@pytest.fixture
def make_labelled(tmp_path):
    """Catalog of three dermoscopic photographs with the columns asked for."""

    def make(**columns):
        ids = [f"p{i}" for i in range(3)]
        for name in ids:
            (tmp_path / f"{name}.jpg").touch()
        table = pd.DataFrame(
            {
                "isic_id": ids,
                "path": [f"{name}.jpg" for name in ids],
                "diagnosis": "NV",
                "image_type": "dermoscopic",
                **columns,
            }
        )
        return Catalog(table, tmp_path)

    return make
