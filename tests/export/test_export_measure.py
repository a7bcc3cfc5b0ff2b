"""Agreement against numbers worked out by hand; latency by a known wait."""

import time

import numpy as np
import pytest

from keras_derm.export import agreement, latency_in_turns, size_bytes


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


def test_latency_in_turns_times_each_model_by_itself():
    called = []

    def model(name, seconds):
        def predict(batch):
            called.append((name, batch.shape))
            time.sleep(seconds)

        return predict

    images = np.zeros((2, 4, 4, 3))
    predicts = {"slow": model("slow", 0.02), "fast": model("fast", 0.002)}
    found = latency_in_turns(predicts, images, n=5, n_warm_up=2)
    assert called == [("slow", images.shape), ("fast", images.shape)] * 7
    assert found["slow"]["n"] == 5
    assert 20 <= found["slow"]["median_ms"] <= found["slow"]["p95_ms"]
    assert 2 <= found["fast"]["median_ms"] < found["slow"]["median_ms"]
    with pytest.raises(ValueError, match="Received:"):
        latency_in_turns(predicts, images[0])


def test_size_is_that_of_the_file(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    assert size_bytes(tmp_path / "model.tflite") == 5
