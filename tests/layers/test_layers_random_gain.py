import numpy as np
import pytest
from layer_checks import check_image_layer

from keras_derm.layers import RandomGain


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(lambda: RandomGain(seed=1), tmp_path)


def test_logarithms_of_the_gains_are_normal_with_the_spread_asked_for():
    images = np.full((4000, 2, 2, 3), 100, "uint8")
    result = np.array(RandomGain(0.1, 0.03, seed=3)(images, training=True))
    assert np.all(result == result[:, :1, :1])
    logarithm = np.log(result[:, 0, 0] / 100)
    exposure = logarithm.mean(axis=1)
    assert exposure.mean() == pytest.approx(0, abs=0.006)
    # The mean of three channels keeps a third of the variance of each.
    assert exposure.std() == pytest.approx(np.hypot(0.1, 0.03 / 3**0.5), rel=0.05)
    balance = logarithm - exposure[:, None]
    assert balance.std() == pytest.approx(0.03 * (2 / 3) ** 0.5, rel=0.05)


def test_nothing_happens_outside_training():
    images = np.full((4, 2, 2, 3), 200, "uint8")
    np.testing.assert_array_equal(RandomGain(1.0)(images), 200.0)


def test_no_value_leaves_its_range():
    images = np.full((200, 1, 1, 3), 240, "uint8")
    result = np.array(RandomGain(0.5, seed=0)(images, training=True))
    assert result.max() == 255
    assert result.min() > 0


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="`balance`.*Received: -1"):
        RandomGain(balance=-1)
