import numpy as np
import pytest
from layer_checks import check_image_layer

from keras_derm.layers import RandomDarkening


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomDarkening(seed=1), tmp_path)


def test_one_image_in_four_is_halved_in_training():
    images = np.full((4000, 2, 2, 3), 200, "uint8")
    result = np.array(RandomDarkening(seed=3)(images, training=True))
    assert set(np.unique(result)) == {100.0, 200.0}
    assert np.all(result == result[:, :1, :1, :1])
    # Three standard deviations of a binomial share of 4000.
    assert abs(np.mean(result[:, 0, 0, 0] == 100) - 0.25) < 0.021


def test_nothing_happens_outside_training():
    images = np.full((64, 2, 2, 3), 200, "uint8")
    np.testing.assert_array_equal(RandomDarkening(probability=1)(images), 200.0)


def test_a_seed_repeats_the_sequence():
    images = np.full((64, 1, 1, 3), 200, "uint8")
    first, second = RandomDarkening(seed=5), RandomDarkening(seed=5)
    for _ in range(2):
        np.testing.assert_array_equal(
            first(images, training=True), second(images, training=True)
        )


@pytest.mark.parametrize("arguments", [{"probability": 1.5}, {"factor": -1}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        RandomDarkening(**arguments)
