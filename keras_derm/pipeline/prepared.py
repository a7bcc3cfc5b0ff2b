"""Images after the deterministic part of preparation, kept on disk."""

import functools
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from rich.progress import Progress, track

from keras_derm.catalog import read_image
from keras_derm.cluster.place import current_cluster
from keras_derm.cluster.work import work_on_each
from keras_derm.files import atomic_path, new_array, read_json, write_json
from keras_derm.pipeline.decoded import decoded_images, part_of
from keras_derm.pipeline.photograph_preparation import (
    PhotographPreparation,
    to_uint8,
)
from keras_derm.pipeline.same_size import images_of_replicas
from keras_derm.pipeline.shards import ANEW, INDEX, ShardedFolder, Shards


class PreparedImages:
    """Prepared images of a catalog, in one memory-mapped array or in shards.

    The array stays on disk and is read page by page, so memory does not grow with
    the archive, and any row can be reached at once, so shuffling is complete. So it is
    with shards, which take less room, know when they are damaged and are slower.

    Args:
        ids: `isic_id` of every image, in the order of the array.
        arrays: List of uint8 arrays `(n, height, width, 3)`, or of `Shards`, that
            together hold the images, RGB in [0, 255].

    Example:
        >>> prepared = PreparedImages.load("runs/first/prepared/real")
        >>> images = prepared.take(prepared.indices(catalog.split("test")))
    """

    def __init__(self, ids, arrays):
        self.ids = np.asarray(ids, dtype=str)
        self.arrays = list(arrays)
        self._starts = np.cumsum([0] + [len(array) for array in self.arrays])
        if self._starts[-1] != len(self.ids):
            raise ValueError(
                "`ids` must name every image once. Received: "
                f"{len(self.ids)} ids for {self._starts[-1]} images"
            )
        self._position = {isic_id: i for i, isic_id in enumerate(self.ids)}

    @classmethod
    def load(cls, directory):
        """Open what `prepare` wrote to `directory`."""
        directory = Path(directory)
        if not (directory / INDEX).is_file():
            raise FileNotFoundError(
                f"no prepared images in {directory}; run apps/prepare_dataset.py first"
            )
        index = read_json(directory / INDEX, ("ids",), ANEW)
        if "shards" in index:
            return cls(index["ids"], [Shards(directory)])
        try:
            images = np.load(directory / "images.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(
                f"the prepared images in {directory} are damaged ({error}): delete the "
                "folder and run apps/prepare_dataset.py again. "
                f"Received: {directory / 'images.npy'}"
            ) from error
        return cls(index["ids"], [images])

    def __len__(self):
        return len(self.ids)

    def __add__(self, other):
        return PreparedImages(
            np.concatenate([self.ids, other.ids]), self.arrays + other.arrays
        )

    @property
    def image_size(self):
        """Height and width of the images in pixels."""
        return self.arrays[0].shape[1:3]

    def indices(self, catalog):
        """Positions of the rows of `catalog` in these images."""
        try:
            ids = catalog.table["isic_id"]
            return np.array([self._position[isic_id] for isic_id in ids], dtype=int)
        except KeyError as missing:
            raise KeyError(
                f"image {missing} of the catalog is not among the prepared images; "
                "run apps/prepare_dataset.py on this catalog"
            ) from None

    def take(self, indices):
        """Images at `indices`: uint8, `(len(indices), height, width, 3)`."""
        indices = np.asarray(indices)
        part = np.searchsorted(self._starts, indices, side="right") - 1
        images = np.empty((len(indices), *self.arrays[0].shape[1:]), np.uint8)
        for i, array in enumerate(self.arrays):
            chosen = part == i
            images[chosen] = array[indices[chosen] - self._starts[i]]
        return images


def prepare(
    catalog,
    preparation,
    directory,
    batch_size=4,
    images_per_shard=None,
    boxes=None,
    factors=None,
    strategy=None,
):
    """Prepare every image of `catalog` once and keep the results in `directory`.

    The directory appears whole or not at all; where it already holds the same images
    prepared by the same layers, it is used as it is. Shards that a stopped call has
    finished are not done again. Within `on_cluster` the photographs are prepared there,
    and shards are written there, in a folder that every machine sees.

    Args:
        catalog: `Catalog` of the images.
        preparation: `keras_derm.layers.Preparation`.
        directory: Where the prepared images go.
        batch_size: Images per step of `tf.data`; few, so that they fit into the cache
            of a processor core.
        images_per_shard: Write shards of so many images instead of one array.
        boxes: Part of each upright photograph that is taken, int64 `(n, 4)`: top, left,
            height and width in pixels; by default all of it.
        factors: What the values of each photograph are multiplied by between the
            geometry and the photometry, within [0, 1], float `(n,)`; by default
            nothing.
        strategy: `tf.distribute.Strategy` on whose devices the layers compute, batches
            of photographs of one size; None computes in `tf.data`, on the processor.

    Returns:
        `PreparedImages` in the order of the catalog.

    Raises:
        ImageError: A file cannot be read (it was sound when the catalog was checked);
            the message names it. Nothing is kept.

    Example:
        >>> prepare(catalog, preparation("keras_derm", 224), "prepared")
    """
    directory = Path(directory)
    index = {
        "ids": catalog.table["isic_id"].tolist(),
        "layers": described(preparation.layers),
    }
    if boxes is not None:
        index["boxes"] = np.asarray(boxes).tolist()
    if factors is not None:
        index["factors"] = np.asarray(factors, float).tolist()
    if images_per_shard is not None:
        index["images_per_shard"] = images_per_shard
    stored = directory / INDEX
    if stored.is_file() and _description(read_json(stored, (), ANEW)) == index:
        return PreparedImages.load(directory)
    if images_per_shard is not None:
        with ShardedFolder(directory, index, images_per_shard) as folder:
            if folder.left and on_a_cluster(strategy):
                _write_on_cluster(folder, catalog, preparation, boxes, factors)
            elif folder.left:
                _write_here(
                    *(folder, catalog, preparation),
                    *(boxes, factors, strategy, batch_size),
                )
        return PreparedImages.load(directory)
    images = prepared_images(catalog, preparation, boxes, factors, strategy, batch_size)
    with atomic_path(directory) as temporary:
        temporary.mkdir(parents=True)
        images = track(images, "Preparing images", total=len(catalog))
        batches = (image[None] for image in images)
        write_array(batches, len(catalog), temporary / "images.npy")
        write_json(temporary / INDEX, index)
    return PreparedImages.load(directory)


def _write_here(folder, catalog, preparation, boxes, factors, strategy, batch_size):
    """Write the shards that are left, of one stream of images."""
    rows = folder.rows_left
    left = catalog.where(np.isin(np.arange(len(catalog)), rows))
    boxes, factors = (
        None if each is None else np.asarray(each)[rows] for each in (boxes, factors)
    )
    images = prepared_images(left, preparation, boxes, factors, strategy, batch_size)
    images = iter(track(images, "Preparing images", total=len(rows)))
    for shard in folder.left:
        folder.write(shard, itertools.islice(images, len(shard.rows)))


def _write_on_cluster(folder, catalog, preparation, boxes, factors):
    """Have the shards that are left prepared and written by the cluster."""
    photographs = photographs_of(catalog, boxes, factors)
    shards = ((s, photographs[s.rows.start : s.rows.stop]) for s in folder.left)
    write = functools.partial(_write_shard, folder, PhotographPreparation(preparation))
    done = work_on_each(write, shards, n_items=len(folder.left), at_once=1)
    with Progress(transient=True) as bar:
        task = bar.add_task("Preparing images", total=len(folder.rows_left))
        for n_images in done:
            bar.advance(task, n_images)


def on_a_cluster(strategy):
    """Whether photographs are prepared on a cluster, and not on devices of ours."""
    return strategy is None and current_cluster() is not None


def photographs_of(catalog, boxes=None, factors=None):
    """What `PhotographPreparation` takes of each row, a list."""
    nothing = [None] * len(catalog)
    parts = nothing if boxes is None else np.asarray(boxes, "int64").tolist()
    each = nothing if factors is None else np.asarray(factors, "float32").tolist()
    return list(zip(catalog.paths, parts, each, strict=True))


def _write_shard(folder, prepare_one, task):
    """Prepare and write the photographs of one shard; how many they are."""
    shard, photographs = task
    folder.write(shard, map(prepare_one, photographs))
    return len(photographs)


def prepared_images(
    catalog, preparation, boxes=None, factors=None, strategy=None, batch_size=4
):
    """Prepared images of a catalog one by one, in its order.

    Args:
        catalog, preparation, boxes, factors, strategy, batch_size: As of `prepare`.

    Yields:
        uint8 RGB images of one size, `(height, width, 3)`.

    Raises:
        ImageError: A file cannot be read.
    """
    if on_a_cluster(strategy):
        photographs = photographs_of(catalog, boxes, factors)
        yield from work_on_each(PhotographPreparation(preparation), photographs)
        return
    if strategy is None:
        batches = prepared_batches(catalog, preparation, batch_size, boxes, factors)
        batches = batches.map(to_uint8, tf.data.AUTOTUNE).prefetch(2)
        images = (image for batch in batches.as_numpy_iterator() for image in batch)
    else:
        factor = tf.ones(len(catalog)) if factors is None else tf.constant(factors)
        factor = tf.cast(factor, tf.float32)

        def prepared(rows, photographs):
            squares = preparation.apply_geometry(photographs)
            squares *= tf.gather(factor, rows)[:, None, None, None]
            return to_uint8(preparation.apply_photometry(squares))

        images = images_of_replicas(catalog, prepared, boxes, strategy)
    n_done = 0
    try:
        for image in images:
            yield image
            n_done += 1
    except tf.errors.OpError:
        for path in catalog.paths[n_done:]:
            read_image(path)
        raise


def resized_images(prepared, catalog, image_size):
    """Function from positions in `catalog` to images of `image_size`.

    Args:
        prepared: `PreparedImages` that hold the catalog's images.
        catalog: `Catalog`.
        image_size: Side in pixels.

    Returns:
        Function of an int array `(n,)`, giving uint8 RGB
        `(n, image_size, image_size, 3)`, area-averaged where it shrinks.
    """
    indices = prepared.indices(catalog)

    def take(positions):
        images = prepared.take(indices[positions])
        if images.shape[1:3] == (image_size, image_size):
            return images
        shrinks = image_size < min(images.shape[1:3])
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        sides = (image_size, image_size)
        resized = [cv2.resize(one, sides, interpolation=method) for one in images]
        return np.stack(resized)

    return take


def write_array(batches, n_images, path):
    """Write batches of uint8 images, `n_images` in all, as one array."""
    store, start = None, 0
    for images in batches:
        if store is None:
            store = new_array(path, np.uint8, (n_images, *images.shape[1:]))
        store[start : start + len(images)] = images
        start += len(images)
    store.flush()


def _description(index):
    """What was prepared and how, without where in the shards it lies."""
    return {k: v for k, v in index.items() if k not in ("image_size", "shards")}


def prepared_batches(catalog, preparation, batch_size, boxes=None, factors=None):
    """`tf.data.Dataset` of prepared images, float32 `(batch, side, side, 3)`.

    Geometry, which gives all images one size, is applied image by image, photometry to
    batches. The arguments are those of `prepare`.
    """

    def square(image):
        return preparation.apply_geometry(image[None])[0]

    def photometry(images, *factor):
        for one in factor:
            images *= one[:, None, None, None]
        return preparation.apply_photometry(images)

    photographs = decoded_images(catalog)
    if boxes is not None:
        parts = tf.data.Dataset.from_tensor_slices(np.asarray(boxes, "int64"))
        photographs = tf.data.Dataset.zip(photographs, parts).map(part_of)
    squares = photographs.map(square, tf.data.AUTOTUNE)
    if factors is not None:
        each = tf.data.Dataset.from_tensor_slices(np.asarray(factors, "float32"))
        squares = tf.data.Dataset.zip(squares, each)
    return squares.batch(batch_size).map(photometry, tf.data.AUTOTUNE)


def described(layers):
    """What of layers decides their output, as JSON gives it back."""
    return [
        {"class": type(layer).__name__, **_plain(layer.get_config())}
        for layer in layers
    ]


def _plain(config):
    """What of a layer's configuration decides its output, as JSON gives it back."""
    config = {key: value for key, value in config.items() if key != "name"}
    return json.loads(json.dumps(config, default=str))
