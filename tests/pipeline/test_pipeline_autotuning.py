import numpy as np
import pytest
import tensorflow as tf

from keras_derm.phantom import read
from keras_derm.pipeline import (
    PreparedImages,
    image_dataset,
    sharded_dataset,
    write_shards,
)
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.pipeline.decoded import decoded_images


def autotunes(dataset):
    return dataset.options().autotune.enabled is not False


@pytest.fixture
def prepared():
    images = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), "uint8")
    return PreparedImages([f"i{k}" for k in range(12)], [images])


def test_what_is_made_of_a_data_set_does_without_the_autotuner_too():
    numbers = tf.data.Dataset.range(10)
    assert autotunes(numbers.batch(2))
    without = without_autotuning(numbers)
    further = without.map(lambda x: 2 * x, tf.data.AUTOTUNE).batch(4).prefetch(2)
    pairs = tf.data.Dataset.zip((numbers, further.unbatch()))
    for dataset in (without, further, further.skip(1), pairs):
        assert not autotunes(dataset)
    assert [int(x) for x in further.unbatch()] == list(range(0, 20, 2))


@pytest.mark.parametrize("repeat", [True, False])
def test_data_sets_of_images_do_without(prepared, repeat, tmp_path):
    rows = np.arange(12)
    options = {"batch_size": 4, "repeat": repeat, "shuffle": repeat, "seed": 1}
    assert not autotunes(image_dataset(prepared, rows, rows, **options))
    shards = write_shards(prepared, tmp_path / "shards")
    of_shards = {"batch_size": 4, "repeat": repeat, "seed": 1}
    assert not autotunes(sharded_dataset(shards, rows, **of_shards))


def test_decoded_photographs_do_without():
    assert not autotunes(decoded_images(read("n=2,seed=7,size=64")))
