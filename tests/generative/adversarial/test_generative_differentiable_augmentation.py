import numpy as np
import tensorflow as tf

from keras_derm.generative.adversarial.differentiable_augmentation import (
    _augment_colour,
    _flip_and_shift,
    augment,
)
from keras_derm.generative.stateless_random import split, uniform


def random_images(n=6, side=16):
    values = np.random.default_rng(0).uniform(-1, 1, (n, side, side, 3))
    return tf.constant(values, tf.float32)


def test_the_seed_decides_and_gradients_flow():
    images = random_images()
    with tf.GradientTape() as tape:
        tape.watch(images)
        augmented = augment(images, tf.constant([3, 4]))
    assert np.abs(tape.gradient(augmented, images)).max() > 0
    np.testing.assert_array_equal(augmented, augment(images, tf.constant([3, 4])))
    assert np.abs(augmented - augment(images, tf.constant([3, 5]))).max() > 0


def test_colour_changes_saturation_then_contrast_then_brightness():
    images, seeds = random_images(), split(tf.constant([3, 4]), 3)
    brightness, saturation, contrast = (
        uniform((6, 1, 1, 1), seed, -limit, limit).numpy()
        for seed, limit in zip(seeds, (0.2, 0.3, 0.3), strict=True)
    )
    grey = images.numpy().mean(axis=-1, keepdims=True)
    expected = grey + (images - grey) * (1 + saturation)
    mean = expected.numpy().mean(axis=(1, 2, 3), keepdims=True)
    expected = mean + (expected - mean) * (1 + contrast) + brightness
    np.testing.assert_allclose(_augment_colour(images, seeds), expected, atol=1e-5)


def test_flip_and_shift_move_whole_pixels_by_at_most_an_eighth():
    side = 16
    rows = np.broadcast_to(np.arange(1, side + 1)[:, None, None], (side, side, 3))
    images = tf.constant(np.repeat(rows[None], 200, 0), tf.float32)
    seeds = split(tf.constant([1, 2]), 2)
    moved = np.asarray(_flip_and_shift(images, seeds))
    shifts, flips = set(), set()
    for image in moved:
        column = image[:, side // 2, 0]
        inside = column[2:-2]
        steps = set(np.diff(inside[inside > 0]))
        assert steps in ({1.0}, {-1.0})
        flips.add(steps.pop())
        order = column if -1.0 not in set(np.diff(inside)) else column[::-1]
        shifts.add(int(round(order[side // 2] - (side // 2 + 1))))
    assert flips == {1.0, -1.0}
    assert shifts == {-2, -1, 0, 1, 2}
