import numpy as np
import pytest
from layer_checks import check_image_layer, photographs
from skimage.exposure import adjust_gamma

from keras_derm.layers import GammaCorrection


@pytest.mark.parametrize("gamma", [0.5, 2.2])
def test_keeps_the_contract_of_image_layers(tmp_path, gamma):
    check_image_layer(lambda: GammaCorrection(gamma), tmp_path)


@pytest.mark.parametrize("gamma", [0.4, 1.0, 1.8])
def test_is_that_of_scikit_image(gamma):
    images = photographs().astype("float32") / 255
    expected = 255 * adjust_gamma(images, gamma)
    result = GammaCorrection(gamma)(255 * images)
    np.testing.assert_allclose(result, expected, atol=1e-3)


def test_black_has_a_finite_gradient():
    import tensorflow as tf

    images = tf.zeros((1, 4, 4, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(GammaCorrection(0.5)(images))
    assert np.all(np.isfinite(tape.gradient(total, images)))


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Received"):
        GammaCorrection(0)
