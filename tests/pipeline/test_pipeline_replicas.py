"""What devices prepare and augment is what the processor does in `tf.data`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from same_size_photographs import SIZES, archive

from keras_derm.catalog.images import ImageError
from keras_derm.layers import Preparation, SquareResize
from keras_derm.pipeline import prepare
from keras_derm.pipeline import same_size as same_size_module
from keras_derm.pipeline.same_size import rows_of_one_size

SCRIPT = Path(__file__).with_name("mirrored_preprocessing.py")


@pytest.mark.slow
def test_two_devices_prepare_augment_and_train_as_one_and_as_the_processor(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path], capture_output=True, text=True
    )
    said = [line for line in done.stdout.splitlines() if line.endswith("agrees")]
    names = ["preparation", "augmentation", "training"]
    assert said == [f"{name} agrees" for name in names], done.stderr[-3000:]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return archive(tmp_path_factory.mktemp("photographs"))


def batches(catalog, boxes=None, n_replicas=1):
    return [r.tolist() for r in rows_of_one_size(catalog.paths, boxes, n_replicas)]


def test_photographs_of_one_size_share_a_batch(catalog):
    """The fifth lies on its side in its file, and is as high as the first upright."""
    assert SIZES[4] == SIZES[0][::-1]
    assert batches(catalog) == [[0, 1, 3, 4], [2, 5], [6]]
    boxes = np.array([[0, 0, 8, 8]] * 3 + [[1, 1, 9, 8]] * 4)
    assert batches(catalog, boxes) == [[0, 1, 2], [3, 4, 5, 6]]


def test_every_replica_gets_as_many_batches(catalog):
    assert batches(catalog, n_replicas=2) == [[0, 1, 3, 4], [2, 5], [6], [6]]


def test_batches_are_small_where_photographs_are_large(catalog, monkeypatch):
    monkeypatch.setattr(same_size_module, "MOST_PIXELS", 2 * 24 * 32 + 5)
    monkeypatch.setattr(same_size_module, "BLOCK", 4)
    assert batches(catalog) == [[0, 1], [3], [2], [4], [5], [6]]


def test_photograph_that_went_bad_is_named_by_devices_too(tmp_path):
    catalog, path = archive(tmp_path), tmp_path / "archive/ISIC_4.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match=r"Received: .*ISIC_4\.jpg"):
        prepare(
            catalog,
            Preparation([SquareResize(8)]),
            tmp_path / "prepared",
            strategy=tf.distribute.get_strategy(),
        )
    assert not (tmp_path / "prepared").exists()
