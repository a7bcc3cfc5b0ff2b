import numpy as np
from layer_checks import check_image_layer, photographs
from sklearn.preprocessing import minmax_scale

from keras_derm.layers import MinMaxRescale


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(MinMaxRescale, tmp_path)


def test_each_image_is_stretched_on_its_own():
    images = photographs()
    expected = [
        255 * minmax_scale(image.astype("float64").ravel()).reshape(image.shape)
        for image in images
    ]
    np.testing.assert_allclose(MinMaxRescale()(images), expected, atol=1e-3)


def test_an_image_of_one_value_stays():
    grey = np.full((1, 8, 8, 3), 97, "uint8")
    np.testing.assert_array_equal(MinMaxRescale()(grey), grey)
