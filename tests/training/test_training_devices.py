import json
import sys

import pytest
import tensorflow as tf

from keras_derm.jobs import evaluate
from keras_derm.jobs.command_line import command_line
from keras_derm.training import default_strategy, join_workers
from keras_derm.training.devices import local_place

SEVERAL = [{"worker": ["a:1", "b:1"]}, {"chief": ["a:1"], "worker": ["b:1"]}]


@pytest.fixture(autouse=True)
def asked_anew():
    join_workers.cache_clear()
    yield
    join_workers.cache_clear()


def test_one_worker_trains_as_without_a_cluster(monkeypatch):
    config = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert default_strategy() is tf.distribute.get_strategy()
    assert join_workers() is None


@pytest.mark.parametrize("cluster", SEVERAL)
def test_workers_that_would_write_over_each_other_are_refused(
    monkeypatch, capsys, cluster
):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster}))
    with pytest.raises(RuntimeError, match=r"Unset TF_CONFIG.*Received: .*b:1"):
        default_strategy()

    def do(self):
        raise AssertionError("was run")

    monkeypatch.setattr(evaluate.Evaluate, "do", do)
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "--run", "run"])
    with pytest.raises(SystemExit, match="1"):
        command_line("evaluate")
    assert "evaluate is done by one process" in capsys.readouterr().err


@pytest.mark.parametrize("cluster", SEVERAL)
@pytest.mark.parametrize("task", [{}, {"type": "worker", "index": 2}, {"type": "ps"}])
def test_worker_that_is_not_in_the_cluster_is_refused(monkeypatch, cluster, task):
    config = {"cluster": cluster, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(ValueError, match="which worker this is.*Received"):
        join_workers()


def test_workers_of_one_machine_take_a_gpu_each():
    workers = ["a:1", "b:1", "a:2", "a:3"]
    assert [local_place(workers, i) for i in range(4)] == [0, 0, 1, 2]
