"""A Ray cluster of two machines of one processor, both of them this one."""

import itertools
import os

import number_work
import pytest
from number_work import EXPECTED, described, refused

from keras_derm.catalog import ImageError
from keras_derm.cluster.place import current_cluster, on_cluster
from keras_derm.cluster.ray_cluster import IN_FLIGHT
from keras_derm.cluster.work import work_on_each

ray = pytest.importorskip("ray", reason="no Ray here")


@pytest.fixture(scope="module")
def ray_cluster():
    """`ray.cluster_utils.Cluster` with a head of one processor."""
    from ray.cluster_utils import Cluster

    # The processes of a cluster do not know the folder of this file.
    ray.cloudpickle.register_pickle_by_value(number_work)
    machine = {"num_cpus": 1, "include_dashboard": False}
    machine["_system_config"] = {  # a machine that is gone is missed at once
        "health_check_initial_delay_ms": 1000,
        "health_check_period_ms": 500,
        "health_check_failure_threshold": 3,
    }
    cluster = Cluster(initialize_head=True, head_node_args=machine)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def two_nodes(ray_cluster):
    """Address of the cluster, and function that kills its second machine."""
    node = ray_cluster.add_node(num_cpus=1)

    def kill():
        if node in ray_cluster.worker_nodes:
            ray_cluster.remove_node(node, allow_graceful=False)

    yield ray_cluster.address, kill
    kill()


def test_cluster_does_the_same_work_though_a_machine_dies(two_nodes):
    address, kill = two_nodes
    with on_cluster(address):
        found = []
        done = work_on_each(described, range(60), at_once=2)
        for result in itertools.islice(done, 7):
            found.append(result)
        kill()
        found += done
    results, processes, with_tensorflow, n_threads = zip(*found, strict=True)
    assert list(results) == EXPECTED
    assert os.getpid() not in processes
    assert set(with_tensorflow) == {False} and set(n_threads) == {1}
    assert current_cluster() is None


def test_cluster_tells_a_bad_item_and_reads_items_as_they_are_needed(ray_cluster):
    with on_cluster(ray_cluster.address):
        with pytest.raises(ImageError, match="image_30.jpg") as caught:
            list(work_on_each(refused, range(60), at_once=2))
        assert caught.value.cause == "file is empty (zero bytes)"
        numbers = iter(range(1000))
        done = work_on_each(refused, numbers, n_items=1000, at_once=1)
        assert next(done) == 0
        done.close()
        n_processors = current_cluster().n_processors
        assert next(numbers) <= IN_FLIGHT * n_processors
