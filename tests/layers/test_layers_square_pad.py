import cv2
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_image_layer, photographs

from keras_derm.layers import SquarePad


@pytest.mark.parametrize("fill", ["reflect", "black"])
def test_keeps_the_contract_of_image_layers(tmp_path, fill):
    if fill == "reflect":
        # XLA has no antialiased resizing.
        check_image_layer(
            lambda: SquarePad(32, fill=fill), tmp_path, (32, 32), compiles=False
        )
    assert SquarePad(32, fill=fill)(photographs()).shape == (2, 32, 32, 3)


def test_reflection_is_that_of_numpy():
    images = photographs(1, 20, 60)
    expected = np.pad(images, [(0, 0), (20, 20), (0, 0), (0, 0)], "symmetric")
    np.testing.assert_allclose(SquarePad(60)(images), expected, atol=1e-3)


def test_reflection_reaches_further_than_the_image():
    images = photographs(1, 3, 64)
    expected = np.pad(images, [(0, 0), (30, 31), (0, 0), (0, 0)], "symmetric")
    np.testing.assert_allclose(SquarePad(64)(images), expected, atol=1e-3)


def test_black_pads_are_black_and_the_picture_is_centred():
    images = photographs(1, 60, 20)
    result = np.array(SquarePad(60, fill="black")(images))
    assert not result[:, :, :20].any() and not result[:, :, 40:].any()
    np.testing.assert_allclose(result[:, :, 20:40], images, atol=1e-3)


def test_shrinking_is_antialiased():
    stripes = np.zeros((1, 64, 64, 3), "uint8")
    stripes[:, :, ::2] = 255
    result = np.array(SquarePad(16)(stripes))[:, 2:-2, 2:-2]
    np.testing.assert_allclose(result, 127.5, atol=2)


@pytest.mark.parametrize("shape", [(75, 100), (100, 75), (90, 90)])
def test_padding_small_is_padding_large(shape):
    smooth = cv2.GaussianBlur(photographs(1, *shape)[0], None, 4)
    side, (height, width) = max(shape), shape
    above, left = (side - height) // 2, (side - width) // 2
    margins = (above, side - height - above), (left, side - width - left)
    padded = np.pad(smooth, [*margins, (0, 0)], "symmetric")
    expected = tf.image.resize(padded, (48, 48), antialias=True)
    # A side of 75 becomes 36 pixels, whole: at most half a pixel is stretched.
    np.testing.assert_allclose(SquarePad(48)(smooth[None])[0], expected, atol=12)


def test_sizes_that_are_not_known_beforehand_give_the_same():
    images = photographs(2, 75, 100).astype("float32")
    layer = SquarePad(48)
    unknown = tf.function(
        lambda batch: layer(batch),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    np.testing.assert_allclose(unknown(images), layer(images), atol=1e-4)


@pytest.mark.parametrize("arguments", [{"size": 0}, {"size": 8, "fill": "white"}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        SquarePad(**arguments)
