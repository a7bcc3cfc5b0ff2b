import cv2
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import photographs
from skimage.morphology import opening

from keras_derm.layers.morphology import longest_line_opening, square_black_hat


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("size", [3, 5, 9])
def test_black_hat_is_that_of_opencv(dtype, size):
    image = photographs(1)[0, ..., 0]
    expected = cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, np.ones((size, size)))
    result = square_black_hat(tf.constant(image[None], dtype), size)
    np.testing.assert_array_equal(np.array(result)[0], expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_openings_along_the_axes_are_those_of_scikit_image(dtype):
    image = photographs(1, 80, 100)[0, ..., 0]
    across, down = np.ones((1, 16)), np.ones((16, 1))
    expected = np.maximum(
        *(opening(image, line, mode="ignore") for line in (across, down))
    )
    result = longest_line_opening(tf.constant(image[None], dtype), 15.0, 2)
    # A line of 16 points has no middle pixel, so the borders may differ by one.
    inside = slice(16, -16), slice(16, -16)
    np.testing.assert_array_equal(np.array(result)[0][inside], expected[inside])


@pytest.mark.parametrize("degrees", range(0, 180, 20))
def test_long_lines_stay_and_short_ones_go(degrees):
    direction = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    for reach, stays in ((40, True), (5, False)):
        image = np.zeros((1, 120, 120), "uint8")
        ends = [tuple(map(int, 60 + sign * reach * direction)) for sign in (-1, 1)]
        cv2.line(image[0], *ends, 200, 3)
        opened = np.array(longest_line_opening(tf.constant(image), 15.0, 12))
        assert (opened[0, 60, 60] == 200) == stays
        assert (opened <= image).all()


def test_sizes_may_be_tensors():
    image = tf.constant(photographs(1)[..., 0])
    for known, unknown in (
        (square_black_hat(image, 5), square_black_hat(image, tf.constant(5))),
        (
            longest_line_opening(image, 20.0, 12),
            longest_line_opening(image, tf.constant(20.0), 12),
        ),
    ):
        np.testing.assert_array_equal(known, unknown)


def test_window_of_a_tensors_size_may_be_large():
    image = np.zeros((1, 700, 700), "uint8")
    image[0, 350, 350] = 200
    sizes = 301, tf.constant(301)
    expected, found = (np.array(square_black_hat(tf.constant(image), n)) for n in sizes)
    np.testing.assert_array_equal(found, expected)
