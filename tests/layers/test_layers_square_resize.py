import pytest
from layer_checks import check_image_layer

from keras_derm.layers import SquareResize


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: SquareResize(32), tmp_path, (32, 32), compiles=False)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="`size`.*Received: 0"):
        SquareResize(0)
