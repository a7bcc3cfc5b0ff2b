import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, ImageError
from keras_derm.cluster.work import FEW
from keras_derm.skin_tone import measure

N_IMAGES = FEW + 8


@pytest.fixture
def catalog(tmp_path):
    """More photographs than one process does alone, ever darker."""
    names = [f"image_{i:03d}" for i in range(N_IMAGES)]
    for i, name in enumerate(names):
        image = np.full(
            (40, 50, 3), (230 - i // 4, 200 - i // 4, 175 - i // 4), "uint8"
        )
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    paths = [f"{name}.png" for name in names]
    table = pd.DataFrame({"isic_id": names, "path": paths, "diagnosis": "NV"})
    return Catalog(table, root=tmp_path)


@pytest.mark.slow
def test_two_processes_measure_what_one_measures(catalog):
    one, two = (measure(catalog, n_workers=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert one["lightness"].is_monotonic_decreasing


def test_a_bad_photograph_is_named_also_by_other_processes(catalog):
    with open(catalog.paths[261], "wb") as file:
        file.write(b"no image")
    with pytest.raises(ImageError, match="image_261"):
        measure(catalog, n_workers=2)


def test_an_image_error_keeps_its_cause_on_the_way_between_processes():
    error = pickle.loads(pickle.dumps(ImageError("a.jpg", "file is missing")))
    assert error.cause == "file is missing" and "a.jpg" in str(error)
