import numpy as np
import pytest
import tensorflow as tf

from keras_derm.generative.adversarial.image_pool import ImagePool


def numbered(first, n):
    """Images whose pixels are their number."""
    numbers = np.arange(first, first + n, dtype="float32")
    return tf.constant(np.broadcast_to(numbers[:, None, None, None], (n, 2, 2, 1)))


def numbers_of(images):
    return np.asarray(images)[:, 0, 0, 0].astype(int).tolist()


def test_the_first_images_fill_the_pool_and_are_passed_on():
    pool = ImagePool(5)
    assert numbers_of(pool(numbered(1, 3), tf.constant([0, 1]))) == [1, 2, 3]
    assert pool.n_kept.numpy() == 3
    shown = numbers_of(pool(numbered(4, 4), tf.constant([0, 2])))
    assert shown[:2] == [4, 5]
    assert pool.n_kept.numpy() == 5


def test_a_full_pool_exchanges_half_of_the_images_and_loses_none():
    pool = ImagePool(10)
    pool(numbered(0, 10), tf.constant([0, 0]))
    seen, passed_on = [], 0
    for step in range(200):
        made = numbers_of(numbered(10 + 4 * step, 4))
        shown = numbers_of(pool(numbered(10 + 4 * step, 4), tf.constant([1, step])))
        passed_on += len(set(shown) & set(made))
        seen += shown
    # Three standard errors of a share of 1/2 among 800.
    assert abs(passed_on / 800 - 0.5) < 3 * 0.5 / np.sqrt(800)
    # An image is shown once, or is still kept, or was of the ten that filled it.
    assert len(seen) == len(set(seen))
    assert sorted(seen + numbers_of(pool.images)) == list(range(810))


def test_the_seed_decides():
    pools = [ImagePool(3) for _ in range(2)]
    for step in range(10):
        shown = [
            numbers_of(pool(numbered(step, 1), tf.constant([7, step])))
            for pool in pools
        ]
        assert shown[0] == shown[1]


def test_a_step_larger_than_the_pool_is_refused():
    with pytest.raises(ValueError, match="Received: size=4, 6 images"):
        ImagePool(4)(numbered(0, 6), tf.constant([0, 1]))
