import numpy as np
from layer_checks import check_image_layer

from keras_derm.layers import RandomMirror, augmentation


def numbered(n, height=3, width=4):
    """The same image `n` times, every pixel another."""
    image = np.arange(height * width * 3, dtype="float32")
    return image.reshape(1, height, width, 3).repeat(n, axis=0)


def shares(images, result):
    """Share of the images in each of the four positions."""
    positions = {
        "as it was": images,
        "left to right": images[:, :, ::-1],
        "top to bottom": images[:, ::-1],
        "both": images[:, ::-1, ::-1],
    }
    return {
        name: np.mean(np.all(result == expected, axis=(1, 2, 3)))
        for name, expected in positions.items()
    }


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomMirror(seed=1), tmp_path)


def test_all_four_positions_are_equally_frequent():
    images = numbered(4000)
    found = shares(images, np.array(RandomMirror(seed=3)(images, training=True)))
    # Three standard deviations of a binomial share of 4000.
    np.testing.assert_allclose(list(found.values()), 0.25, atol=0.021)
    assert np.isclose(sum(found.values()), 1)


def test_nothing_happens_outside_training():
    np.testing.assert_array_equal(RandomMirror(seed=3)(numbered(9)), numbered(9))


def test_a_seed_repeats_the_sequence():
    images = numbered(16)
    first, second, other = (RandomMirror(seed=seed) for seed in (5, 5, 6))
    for _ in range(2):
        drawn = np.array(first(images, training=True))
        np.testing.assert_array_equal(second(images, training=True), drawn)
        assert np.any(np.array(other(images, training=True)) != drawn)


def test_published_flips_are_those():
    images = numbered(400)
    found = shares(images, np.array(augmentation("cwgan_gp", seed=0)(images)))
    assert min(found.values()) > 0.15
