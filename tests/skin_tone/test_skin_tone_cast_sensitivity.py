import numpy as np
import pytest

from keras_derm import phantom
from keras_derm.skin_tone import cast_sensitivity
from keras_derm.skin_tone.cast_sensitivity import CASTS


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return phantom.render(12, 4, 96, directory=folder, workers=1, artefacts=0.0)


def test_every_cast_is_measured_on_the_same_images(catalog):
    table = cast_sensitivity(catalog, n=10, seed=1)
    assert list(table["cast"]) == list(CASTS)
    assert (table["images"] <= 10).all() and (table["images"] > 3).all()
    assert table["share_of_type_changed"].between(0, 1).all()


def test_light_moves_the_angle_up_and_shade_down(catalog):
    change = cast_sensitivity(catalog, n=12).set_index("cast")["median_change"]
    assert change["brighter"] > 0 > change["darker"]
    assert change["warmer"] < 0 < change["cooler"]  # more yellow, a smaller angle


def test_an_archive_that_cannot_be_measured_says_so(tmp_path):
    import cv2

    from keras_derm.readers import read_data_source

    (tmp_path / "nevus").mkdir()
    black = np.zeros((40, 40, 3), "uint8")
    cv2.imwrite(str(tmp_path / "nevus/a.png"), black)
    cv2.imwrite(str(tmp_path / "nevus/b.png"), black + 1)
    table = cast_sensitivity(read_data_source(f"folder:{tmp_path}"))
    assert (table["images"] == 0).all()
    assert table["median_change"].isna().all()
