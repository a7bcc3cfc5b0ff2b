import numpy as np
from layer_checks import photographs
from skimage.color import lab2rgb, rgb2lab

from keras_derm.layers.colour_spaces import lab_to_rgb, rgb_to_lab


def test_lab_is_that_of_scikit_image():
    images = photographs()
    images[0, :2] = 0
    images[0, 2:4] = 255
    images[0, 4:6] = 3
    np.testing.assert_allclose(
        rgb_to_lab(images.astype("float32")), rgb2lab(images), atol=0.02
    )


def test_the_way_back_is_exact():
    images = photographs().astype("float32")
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(images)), images, atol=0.02)


def test_colours_that_no_screen_shows_are_cut():
    lab = np.array([[[[50.0, 120.0, -120.0], [99.0, 0.0, 60.0]]]], "float32")
    expected = 255 * lab2rgb(lab)
    np.testing.assert_allclose(lab_to_rgb(lab), expected, atol=0.5)
