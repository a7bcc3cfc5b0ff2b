"""Prepared images in TFRecord shards."""

import json
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_derm.files import atomic_path, read_json, write_json
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.pipeline.datasets import FOREVER, BatchChain, key

INDEX = "index.json"
ANEW = "delete the folder and run apps/prepare_dataset.py again"


class Shards:
    """Images in TFRecord files, for archives that no local disk or memory holds.

    An array of images, as `PreparedImages` takes it: `shards[rows]` reads these rows
    alone. `sharded_dataset` reads the files from beginning to end, as storage without
    random access likes it.

    Args:
        directory: What `write_shards` wrote.

    Raises:
        FileNotFoundError: There is no index, or a shard is missing: the message names
            it.
        ValueError: A shard is not of the length it was written with.

    Example:
        >>> shards = Shards("prepared/real")
        >>> images = shards[[0, 7]]
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        if not (self.directory / INDEX).is_file():
            raise FileNotFoundError(
                f"no {INDEX} of shards. Received: {str(self.directory)!r}"
            )
        needed = ("ids", "image_size", "shards")
        index = read_json(self.directory / INDEX, needed, ANEW)
        self.ids = np.asarray(index["ids"], dtype=str)
        self.image_size = tuple(index["image_size"])
        self.shards = index["shards"]
        self.shape = (len(self.ids), *self.image_size, 3)
        counts = [shard["n_images"] for shard in self.shards]
        self._starts = np.cumsum([0, *counts])
        for shard in self.shards:
            self._length(shard)

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, rows):
        """Images at `rows`: uint8, `(len(rows), height, width, 3)`.

        Raises:
            FileNotFoundError: A shard is missing.
            ValueError: An image is not what was written.
        """
        images = np.empty((len(rows), *self.image_size, 3), np.uint8)
        for i, row in enumerate(rows):
            number = np.searchsorted(self._starts, row, side="right") - 1
            images[i] = self._image(number, row - self._starts[number])
        return images

    def _image(self, number, row):
        shard = self.shards[number]
        start, n_bytes, crc32 = shard["pngs"][row]
        path = self._length(shard)
        with path.open("rb") as file:
            file.seek(start)
            png = file.read(n_bytes)
        if zlib.crc32(png) != crc32:
            raise self._damaged(path)
        return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]

    def _damaged(self, path, how="its content is not what was written"):
        return ValueError(
            f"a shard is damaged: {how}. {self._mend}. Received: '{path}'"
        )

    @property
    def _mend(self):
        return (
            "Bring it back from a copy, or delete the folder "
            f"{str(self.directory)!r} and write it anew (apps/prepare_dataset.py)"
        )

    def _length(self, shard):
        path = self.directory / shard["file"]
        if not path.is_file():
            raise FileNotFoundError(
                f"one of {len(self.shards)} shards is missing. {self._mend}. "
                f"Received: {str(path)!r}"
            )
        if path.stat().st_size != shard["n_bytes"]:
            found, written = path.stat().st_size, shard["n_bytes"]
            raise self._damaged(path, f"{found} bytes where {written} were written")
        return path

    def checked(self, number):
        """Path of shard `number` as bytes, after its bytes were held against the index.

        Raises:
            FileNotFoundError: The shard is missing.
            ValueError: Its content is not what was written.
        """
        shard = self.shards[int(number)]
        path = self._length(shard)
        if zlib.crc32(path.read_bytes()) != shard["crc32"]:
            raise self._damaged(path)
        return str(path).encode()


@dataclass(frozen=True)
class Shard:
    """A file of shards: its name, and the rows of the images in it.

    Example:
        >>> Shard("images-00000-of-00002.tfrecord", range(512))
    """

    name: str
    rows: range


class ShardedFolder:
    """A folder of shards that is written shard by shard, in any order and by anyone.

    Until all are there it is beside its place, with `.partial` at the end of its name;
    a shard that is whole there stays, and is not written again. It is fit to be sent to
    another process, which writes to the same folder. As a context it goes on with what
    is there of the same index, and at the end takes its place with an index.

    Args:
        directory: Where the folder shall lie.
        index: Dict with the `ids` of the images, and what else the index shall hold.
        images_per_shard: Images a file; the last may have fewer.

    Attributes:
        left: List of the `Shard`s that are to be written.

    Raises:
        ValueError: `images_per_shard` is below 1.

    Example:
        >>> with ShardedFolder("prepared/real", {"ids": ids}, 512) as folder:
        ...     for shard in folder.left:
        ...         folder.write(shard, images_of(shard.rows))
    """

    PLAN = "plan.json"

    def __init__(self, directory, index, images_per_shard):
        if images_per_shard < 1:
            raise ValueError(
                f"`images_per_shard` must be 1 or more. Received: {images_per_shard}"
            )
        self.directory = Path(directory)
        self.partial = self.directory.with_name(f"{self.directory.name}.partial")
        self._index, n_images = index, len(index["ids"])
        starts = range(0, n_images, images_per_shard)
        self.shards = [
            Shard(
                f"images-{number:05d}-of-{len(starts):05d}.tfrecord",
                range(start, min(start + images_per_shard, n_images)),
            )
            for number, start in enumerate(starts)
        ]
        self.left = self.shards

    def __getstate__(self):
        return {"partial": self.partial}  # all that `write` needs

    @property
    def rows_left(self):
        """Rows of the images that are to be written, int array."""
        return np.array([row for shard in self.left for row in shard.rows], int)

    def __enter__(self):
        plan = json.loads(json.dumps(self._index))
        stored = self.partial / self.PLAN
        if self.partial.is_dir() and not (
            stored.is_file() and read_json(stored, (), ANEW) == plan
        ):
            shutil.rmtree(self.partial)
        write_json(stored, plan)
        self.left = [shard for shard in self.shards if self._entry(shard) is None]
        n_done = len(self.shards) - len(self.left)
        if n_done:
            print(f"{n_done:,} of {len(self.shards):,} shards are done already")
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            return
        entries = [self._entry(shard) for shard in self.shards]
        size = entries[0].pop("image_size") if entries else []
        for entry in entries:
            entry.pop("image_size", None)
        sizes = {"image_size": size, "shards": entries}
        write_json(self.partial / INDEX, {**self._index, **sizes})
        for note in (self.PLAN, *(_note(shard.name) for shard in self.shards)):
            (self.partial / note).unlink()
        if self.directory.is_dir():
            shutil.rmtree(self.directory)
        os.replace(self.partial, self.directory)

    def write(self, shard, images):
        """Write a shard, whole or not at all, and what the index says of it.

        Args:
            shard: One of `left`.
            images: Its images in order, uint8 RGB `(height, width, 3)` of one size.
        """
        pngs = []
        with atomic_path(self.partial / shard.name) as temporary:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for row, image in zip(shard.rows, images, strict=True):
                    pngs.append(tf.io.encode_png(image).numpy())
                    writer.write(_example(row, pngs[-1]))
            content = temporary.read_bytes()
        entry = {
            "file": shard.name,
            "n_images": len(shard.rows),
            "n_bytes": len(content),
            "crc32": zlib.crc32(content),
            "pngs": _places(pngs, content),
            "image_size": list(image.shape[:2]),
        }
        write_json(self.partial / _note(shard.name), entry)

    def _entry(self, shard):
        """What the index says of a shard that is whole, or None."""
        path, note = self.partial / shard.name, self.partial / _note(shard.name)
        if not (path.is_file() and note.is_file()):
            return None
        entry = read_json(note, (), ANEW)
        return entry if path.stat().st_size == entry["n_bytes"] else None


def _note(name):
    return Path(name).with_suffix(".json").name


def write_shards(prepared, directory, images_per_shard=512):
    """Write prepared images as TFRecord files of PNG with an index.

    The folder appears whole or not at all. Shards that a stopped call has finished are
    not written again.

    Args:
        prepared: `PreparedImages`.
        directory: Where the shards go.
        images_per_shard: Images a file; the last may have fewer.

    Returns:
        `Shards` in the order of `prepared`.

    Raises:
        ValueError: `images_per_shard` is below 1.
    """
    index = {"ids": prepared.ids.tolist()}
    with ShardedFolder(directory, index, images_per_shard) as folder:
        for shard in folder.left:
            images = (prepared.take([row])[0] for row in shard.rows)
            folder.write(shard, images)
    return Shards(directory)


def _places(pngs, content):
    """Where in a file each image begins, its length and its checksum."""
    places, start = [], 0
    for png in pngs:
        start = content.index(png, start)
        places.append([start, len(png), zlib.crc32(png)])
        start += len(png)
    return places


def sharded_dataset(
    shards,
    *columns,
    batch_size=32,
    shuffle=False,
    repeat=False,
    seed=0,
    buffer_size=2048,
    image_size=None,
    augmentation=None,
):
    """Batches of sharded images beside their targets.

    A shard is held against the index before it is read, so that a damaged one ends the
    epoch with an error that names it.

    Args:
        shards: `Shards`.
        *columns: Arrays of length `len(shards)` that go along, in the order of
            `shards.ids`.
        batch_size, repeat, seed, image_size, augmentation: As for `image_dataset`.
        shuffle: Whether every epoch has the shards in another order, and the images
            of every block of `buffer_size` too.
        buffer_size: Images of a block, encoded; as large as memory allows, for images
            of one shard stay near each other.

    Returns:
        `tf.data.Dataset` as of `image_dataset`.
    """
    columns = tuple(tf.constant(np.asarray(column)) for column in columns)
    numbers = tf.range(len(shards.shards), dtype=tf.int64)

    def epoch(number):
        order, both = numbers, key(seed, number)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, both)
        records = tf.data.Dataset.from_tensor_slices(order).flat_map(shard)
        if not shuffle:
            return records

        # `Dataset.shuffle` would take part of its order from TensorFlow's global seed.
        def shuffled(block, images):
            places = tf.range(tf.size(images))
            of_block = tf.random.fold_in(both, block)
            places = tf.random.experimental.stateless_shuffle(places, of_block)
            return tf.gather(images, places)

        return records.batch(buffer_size).enumerate().map(shuffled).unbatch()

    def shard(number):
        path = tf.numpy_function(shards.checked, [number], tf.string, stateful=False)
        return tf.data.TFRecordDataset(tf.ensure_shape(path, ()))

    def read(records):
        kinds = {"row": tf.int64, "png": tf.string}
        features = {n: tf.io.FixedLenFeature((), kind) for n, kind in kinds.items()}
        parsed = tf.io.parse_example(records, features)
        images = tf.map_fn(
            lambda png: tf.io.decode_png(png, channels=3),
            parsed["png"],
            fn_output_signature=tf.TensorSpec((*shards.image_size, 3), tf.uint8),
        )
        return (images, *(tf.gather(column, parsed["row"]) for column in columns))

    if repeat:
        epochs = tf.data.Dataset.range(FOREVER)
    else:  # the number of an epoch that is passed over again and again
        epochs = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    dataset = epochs.flat_map(epoch)
    dataset = dataset.batch(batch_size, drop_remainder=repeat)
    chain = BatchChain(image_size, augmentation)
    dataset = without_autotuning(dataset.map(read, tf.data.AUTOTUNE))
    return chain.applied(dataset, by_number=repeat)


def _example(row, png):
    feature = {
        "row": tf.train.Feature(int64_list=tf.train.Int64List(value=[row])),
        "png": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
    }
    features = tf.train.Features(feature=feature)
    # Else the order of the two would be that of a hash, another in each process.
    return tf.train.Example(features=features).SerializeToString(deterministic=True)
