import numpy as np
import pytest
import tensorflow as tf

from keras_derm.layers import augmentation
from keras_derm.pipeline import (
    PreparedImages,
    Shards,
    image_dataset,
    sharded_dataset,
    write_shards,
)
from keras_derm.pipeline.shards import ShardedFolder

N = 23


@pytest.fixture
def prepared():
    images = np.random.default_rng(0).integers(0, 255, (N, 8, 8, 3), "uint8")
    return PreparedImages([f"i{k}" for k in range(N)], [images])


@pytest.fixture
def shards(prepared, tmp_path):
    return write_shards(prepared, tmp_path / "shards", images_per_shard=5)


def test_shards_give_what_prepared_images_give(prepared, shards):
    targets = np.arange(N) * 2
    options = {"batch_size": 4, "image_size": (6, 6)}
    expected = image_dataset(prepared, np.arange(N), targets, **options)
    found = sharded_dataset(shards, targets, **options)
    for (images, labels), (same, other) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(labels, other)
    assert shards.ids.tolist() == prepared.ids.tolist()
    assert sorted(path.name for path in shards.directory.iterdir()) == [
        *(f"images-{k:05d}-of-00005.tfrecord" for k in range(5)),
        "index.json",
    ]


def shuffled(shards):
    return sharded_dataset(
        shards,
        np.arange(N),
        batch_size=N,
        shuffle=True,
        repeat=True,
        seed=3,
        augmentation=augmentation("keras_derm", seed=3),
    )


def test_every_epoch_holds_every_image_in_an_order_of_its_own(shards):
    epochs = [rows.numpy() for _, rows in shuffled(shards).take(3)]
    for rows in epochs:
        np.testing.assert_array_equal(np.sort(rows), np.arange(N))
    assert len({tuple(rows) for rows in epochs}) == 3


def test_every_pass_has_an_order_of_its_own(shards):
    def passes():
        dataset = sharded_dataset(
            shards, np.arange(N), batch_size=N, shuffle=True, seed=3
        )
        return [next(iter(dataset))[1].numpy().tolist() for _ in range(3)]

    found = passes()
    assert len({tuple(rows) for rows in found}) == 3
    assert all(sorted(rows) == list(range(N)) for rows in found)
    assert found == passes()


def test_order_of_shards_follows_from_their_seed_whatever_the_global_one(shards):
    found = []
    for global_seed in (0, 1):
        tf.random.set_seed(global_seed)
        found.append(np.concatenate([rows for _, rows in shuffled(shards).take(2)]))
    np.testing.assert_array_equal(*found)


def test_shards_go_on_where_they_were_stopped(shards):
    whole = [*shuffled(shards).take(3)]
    (images, rows), *_ = shuffled(shards).skip(2).take(1)
    np.testing.assert_array_equal(rows, whole[2][1])
    np.testing.assert_array_equal(images, whole[2][0])


@pytest.mark.parametrize("shorter_by", [None, 7])
def test_missing_or_cut_off_shard_is_named_at_once(shards, shorter_by):
    path = shards.directory / "images-00002-of-00005.tfrecord"
    content = path.read_bytes()
    path.unlink()
    if shorter_by:
        path.write_bytes(content[:-shorter_by])
    with pytest.raises((FileNotFoundError, ValueError), match="Received.*00002-of"):
        Shards(shards.directory)


def test_shard_that_goes_bad_in_an_epoch_is_named(shards):
    path = shards.directory / "images-00003-of-00005.tfrecord"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    dataset = sharded_dataset(Shards(shards.directory), batch_size=5)
    seen = 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="damaged.*00003-of-00005"):
        for (images,) in dataset:
            seen += len(images)
    assert seen == 15


def test_writing_that_was_stopped_leaves_no_index_and_goes_on(
    prepared, tmp_path, monkeypatch
):
    take, taken = PreparedImages.take, []

    def full_disk(self, indices):
        taken.append(indices)
        if len(taken) == 8:
            raise OSError("No space left on device")
        return take(self, indices)

    monkeypatch.setattr(PreparedImages, "take", full_disk)
    folder = tmp_path / "shards"
    with pytest.raises(OSError, match="No space"):
        write_shards(prepared, folder, images_per_shard=5)
    assert sorted(path.name for path in (tmp_path / "shards.partial").iterdir()) == [
        *(f"images-00000-of-00005.{end}" for end in ("json", "tfrecord")),
        "plan.json",
    ]
    with pytest.raises(FileNotFoundError, match="Received: "):
        Shards(folder)
    assert len(write_shards(prepared, folder, 5)) == N
    assert len(taken) == 8 + N - 5  # the shard that was whole is not written again
    write_shards(prepared, tmp_path / "whole", 5)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_shards_of_other_images_are_not_gone_on_with(prepared, tmp_path):
    folder = ShardedFolder(tmp_path / "shards", {"ids": ["other"] * N}, 5)
    with pytest.raises(KeyboardInterrupt), folder:
        folder.write(folder.left[0], [np.zeros((8, 8, 3), "uint8")] * 5)
        raise KeyboardInterrupt
    shards = write_shards(prepared, tmp_path / "shards", 5)
    np.testing.assert_array_equal(shards[range(N)], prepared.take(range(N)))


@pytest.mark.parametrize(
    "damage, error, said",
    [
        (lambda path: path.unlink(), FileNotFoundError, "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[::-1]), ValueError, "damaged"),
    ],
)
def test_lost_shard_is_named_when_its_images_are_asked_for(
    prepared, shards, damage, error, said
):
    path = shards.directory / "images-00001-of-00005.tfrecord"
    damage(path)
    np.testing.assert_array_equal(shards[[4, 10]], prepared.take([4, 10]))
    for row in range(5, 10):
        with pytest.raises(error, match=f"{said}.*or delete.*Received: .*00001-of"):
            shards[[0, row]]
