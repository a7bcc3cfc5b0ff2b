"""A Ray cluster of two machines of one processor, both of them this one."""

import itertools
import os
from pathlib import Path

import number_work
import numpy as np
import pandas as pd
import pytest
from number_work import EXPECTED, described, refused

from keras_derm import jobs
from keras_derm.catalog import ImageError
from keras_derm.cluster.place import current_cluster, on_cluster
from keras_derm.cluster.ray_cluster import IN_FLIGHT
from keras_derm.cluster.work import work_on_each
from keras_derm.jobs.classification import Classification
from keras_derm.jobs.predict import predict
from keras_derm.layers import preparation
from keras_derm.phantom import render
from keras_derm.pipeline import PreparedImages, prepare
from keras_derm.readers import read_data_source
from keras_derm.runs import RunDirectory
from keras_derm.skin_tone import measure

SHIPPED = Path(__file__).parents[2] / "saved_models/ham10000_mobilenetv2.tflite"
N_PHOTOGRAPHS, BAD = 12, 5
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


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Folder of phantoms in the ISIC Archive's layout, of which one is cut."""
    folder = tmp_path_factory.mktemp("archive") / "phantom"
    render(N_PHOTOGRAPHS, 3, 64, directory=folder, progress=False)
    photograph = sorted((folder / "images").iterdir())[BAD]
    photograph.write_bytes(photograph.read_bytes()[:100])
    return folder


def test_an_archive_is_read_measured_and_prepared_as_here(
    archive, ray_cluster, tmp_path
):
    """Shards are the same to the last bit of each file."""
    found = []
    for place in ("none", ray_cluster.address):
        folder = tmp_path / place
        with on_cluster(place):
            catalog = read_data_source(f"isic_archive:{archive}", skip_bad=True)
            angles = measure(catalog)
            prepare(catalog, preparation("melanet", 32), folder, images_per_shard=4)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        found.append((catalog.table, catalog.skipped, angles, files))
    one, many = found
    for here, there in zip(one[:3], many[:3], strict=True):
        pd.testing.assert_frame_equal(here, there)
    assert len(one[1]) == 1 and len(one[3]) == 4
    assert one[3] == many[3]


def test_predictions_are_the_same_though_a_machine_dies(archive, two_nodes, tmp_path):
    if not SHIPPED.is_file():
        pytest.skip("saved_models absent")
    address, kill = two_nodes
    one, many = tmp_path / "one.csv", tmp_path / "many.csv"
    asked = str(SHIPPED), str(archive / "images")
    assert predict(*asked, str(one), batch_size=2) == 1
    rows = Classification.each

    def killed(self, *arguments):
        for number, batch in enumerate(rows(self, *arguments)):
            if number == 1:
                kill()
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classification, "each", killed)
        assert predict(*asked, str(many), batch_size=2, cluster=address) == 1
    assert many.read_bytes() == one.read_bytes()
    assert "truncated" in pd.read_csv(many)["error"][BAD]


@pytest.mark.slow
def test_stages_make_the_same_run(archive, ray_cluster, tmp_path):
    runs = []
    for name, cluster in (("one", "none"), ("many", ray_cluster.address)):
        run, place = RunDirectory(tmp_path / name), {"cluster": cluster}
        data = f"isic_archive:{archive}"
        jobs.run_stage("audit_skin_tone", run.path, data=data, skip_bad=True, **place)
        jobs.run_stage("find_duplicates", run.path, **place)
        options = {"image_size": 32, "darkened": 0.4, "exclude_artefacts": True}
        jobs.run_stage("prepare_dataset", run.path, crop="lesion", **options, **place)
        runs.append(run)
    for file in ("catalog.csv", "bad_images.csv", "duplicates/pairs.csv"):
        one, many = ((run / file).read_bytes() for run in runs)
        assert one == many, file
    one, many = (PreparedImages.load(run.prepared_real) for run in runs)
    np.testing.assert_array_equal(one.ids, many.ids)
    np.testing.assert_array_equal(*(s.take(range(len(one))) for s in (one, many)))
