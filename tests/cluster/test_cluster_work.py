"""Work on this machine. No test here measures time."""

import os

import pytest
from number_work import EXPECTED, described, refused

from keras_derm.catalog import ImageError
from keras_derm.cluster.place import on_cluster
from keras_derm.cluster.work import work_on_each


@pytest.mark.parametrize("options", [{"n_workers": 1}, {"n_workers": 2}])
@pytest.mark.parametrize("on_threads", [False, True])
def test_results_are_those_of_a_loop_in_its_order(options, on_threads):
    done = work_on_each(
        described, range(60), at_once=4, on_threads=on_threads, **options
    )
    found, processes, *_ = zip(*done, strict=True)
    assert list(found) == EXPECTED
    elsewhere = options["n_workers"] == 2 and not on_threads
    assert (os.getpid() in processes) != elsewhere


def test_few_items_are_done_by_this_process():
    assert {pid for _, pid, *_ in work_on_each(described, range(60))} == {os.getpid()}


def test_what_the_work_loads_elsewhere_says_nothing(capfd):
    from talkative_work import process_of

    assert "chatter" in capfd.readouterr().err
    found = set(work_on_each(process_of, range(60), n_workers=2, at_once=2))
    assert os.getpid() not in found
    assert "chatter" not in capfd.readouterr().err


@pytest.mark.parametrize("n_workers", [1, 2])
def test_error_is_that_of_the_first_bad_item(n_workers):
    with pytest.raises(ImageError, match="image_30.jpg") as caught:
        list(work_on_each(refused, range(60), at_once=2, n_workers=n_workers))
    assert caught.value.cause == "file is empty (zero bytes)"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "somewhere"])
def test_no_cluster_is_told_with_the_way_out(address):
    pytest.importorskip("ray", reason="no Ray here")
    with (
        pytest.raises(ConnectionError, match=rf"ray start --head.*'{address}'"),
        on_cluster(address),
    ):
        pass


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(ImportError, match=r"keras_derm\[cluster\].*Received: .*'local'"),
        on_cluster("local"),
    ):
        pass
