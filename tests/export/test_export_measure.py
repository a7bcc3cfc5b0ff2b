"""Agreement against numbers worked out by hand; latency by a known wait."""

import time

import numpy as np
import pytest

from keras_derm.export import agreement, latency, size_bytes


def test_agreement_of_two_predictions():
    found = agreement([[0.6, 0.4], [0.2, 0.8]], [[0.4, 0.6], [0.2, 0.8]])
    assert found["n_images"] == 2
    assert found["argmax_agreement"] == 0.5
    assert found["max_abs_difference"] == pytest.approx(0.2)
    assert found["mean_abs_difference"] == pytest.approx(0.1)


@pytest.mark.parametrize("other", [np.ones((2, 3)), np.ones((0, 2))])
def test_agreement_refuses_what_cannot_be_compared(other):
    with pytest.raises(ValueError, match="Received:"):
        agreement(other[:, :2] if len(other) == 0 else np.ones((2, 2)), other)


def test_latency_is_that_of_one_image():
    shapes = []

    def predict(batch):
        shapes.append(batch.shape)
        time.sleep(0.005)

    found = latency(predict, np.zeros((4, 4, 3)), n=5, n_warm_up=2)
    assert shapes == [(1, 4, 4, 3)] * 7
    assert found["n"] == 5 and 5 <= found["median_ms"] <= found["p95_ms"]
    with pytest.raises(ValueError, match="Received:"):
        latency(predict, np.zeros((1, 4, 4, 3)))


def test_size_is_that_of_the_file(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    assert size_bytes(tmp_path / "model.tflite") == 5
