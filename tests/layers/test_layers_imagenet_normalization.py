import keras
import numpy as np
from layer_checks import check_image_layer, photographs

from keras_derm.layers import ImageNetNormalization


def test_keeps_the_contract_but_for_the_range(tmp_path):
    check_image_layer(ImageNetNormalization, tmp_path, photographic=False)


def test_is_that_of_keras_applications():
    images = photographs().astype("float32")
    expected = keras.applications.imagenet_utils.preprocess_input(
        images.copy(), data_format="channels_last", mode="torch"
    )
    np.testing.assert_allclose(ImageNetNormalization()(images), expected, atol=1e-5)
