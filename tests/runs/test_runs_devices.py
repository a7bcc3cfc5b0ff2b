import json

import pytest
import tensorflow as tf

from keras_derm.runs import default_strategy


def test_one_worker_trains_as_without_a_cluster(monkeypatch):
    config = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert default_strategy() is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    "cluster", [{"worker": ["a:1", "b:1"]}, {"chief": ["a:1"], "worker": ["b:1"]}]
)
def test_workers_that_would_write_over_each_other_are_refused(monkeypatch, cluster):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster}))
    with pytest.raises(RuntimeError, match=r"Unset TF_CONFIG.*Received: .*b:1"):
        default_strategy()
