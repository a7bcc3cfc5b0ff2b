from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, check_images, read_image
from keras_derm.catalog.images import ImageError
from keras_derm.layers import resize
from keras_derm.pipeline import (
    PreparedImages,
    image_dataset,
    image_preparation,
    prepare,
)


@pytest.fixture
def catalog(tmp_path):
    """Seven photographs of random colours and sizes: plain, rotated, CMYK, alpha."""
    generator = np.random.default_rng(0)
    root = tmp_path / "archive"
    root.mkdir()
    names = []
    for i in range(7):
        pixels = generator.integers(0, 256, (20 + 4 * i, 48, 3), dtype=np.uint8)
        image, name, options = Image.fromarray(pixels), f"ISIC_{i}.png", {}
        if i == 1:
            exif = image.getexif()
            exif[0x0112] = 6
            name, options = f"ISIC_{i}.jpg", {"exif": exif, "quality": 95}
        if i == 2:
            image, name = image.convert("CMYK"), f"ISIC_{i}.jpg"
        if i == 3:
            image.putalpha(255)
        image.save(root / name, **options)
        names.append(name)
    table = pd.DataFrame(
        {"isic_id": [n[:6] for n in names], "path": names, "diagnosis": "NV"}
    )
    return check_images(Catalog(table, root=root))[0]


def test_prepared_pixels_equal_the_layers_on_the_photograph(catalog, tmp_path):
    prepared = prepare(catalog, resize(16), tmp_path / "prepared", batch_size=3)
    for i, path in enumerate(catalog.paths):
        expected = np.asarray(resize(16)(read_image(path)[None]))[0]
        assert np.abs(prepared.take([i])[0] - expected).max() <= 1


def test_single_photograph_is_prepared_as_those_of_a_catalog(catalog, tmp_path):
    prepared = prepare(catalog, resize(96), tmp_path / "prepared")
    prepare_one = image_preparation(resize(96))
    for i, path in enumerate(catalog.paths):
        found = prepare_one(read_image(path))
        np.testing.assert_array_equal(found, prepared.take([i])[0])


def test_enlarged_images_have_no_more_even_pixels_than_others(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    table = pd.DataFrame({"isic_id": ["a"], "path": ["a.png"], "diagnosis": "NV"})
    catalog = check_images(Catalog(table, root=tmp_path))[0]
    prepared = prepare(catalog, resize(96), tmp_path / "prepared").take([0])
    # 27,648 values, of which neighbours share a part: 0.5 +- 0.01 is beyond chance.
    assert (prepared % 2 == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_prepared_once(catalog, tmp_path):
    prepare(catalog, resize(16), tmp_path / "prepared")
    made = (tmp_path / "prepared/images.npy").stat().st_mtime_ns
    prepare(catalog, resize(16), tmp_path / "prepared")
    assert (tmp_path / "prepared/images.npy").stat().st_mtime_ns == made
    prepare(catalog.where(isic_id=["ISIC_0"]), resize(16), tmp_path / "prepared")
    assert len(PreparedImages.load(tmp_path / "prepared")) == 1


def test_joined_stores_give_the_right_images():
    first, second = np.zeros((2, 4, 4, 3), np.uint8), np.ones((3, 4, 4, 3), np.uint8)
    both = PreparedImages(["a", "b"], [first]) + PreparedImages(list("cde"), [second])
    assert both.take([4, 0, 2])[:, 0, 0, 0].tolist() == [1, 0, 1]


def test_each_image_keeps_its_target_and_every_epoch_its_images():
    images = np.broadcast_to(
        np.arange(10, dtype=np.uint8)[:, None, None, None], (10, 4, 4, 3)
    )
    prepared = PreparedImages([str(i) for i in range(10)], [images])
    targets = np.arange(10) * 2
    dataset = image_dataset(
        prepared, np.arange(10), targets, batch_size=4, shuffle=True, seed=1
    )
    orders = []
    for _ in range(2):
        batches = [(x.numpy()[:, 0, 0, 0], y.numpy()) for x, y in dataset]
        seen = np.concatenate([x for x, _ in batches])
        assert (seen * 2 == np.concatenate([y for _, y in batches])).all()
        assert sorted(seen) == list(range(10))
        orders.append(seen.tolist())
    assert orders[0] != orders[1]


def test_unknown_image_is_named(catalog):
    prepared = PreparedImages(["other"], [np.zeros((1, 4, 4, 3), np.uint8)])
    with pytest.raises(KeyError, match="ISIC_0"):
        prepared.indices(catalog)


@pytest.mark.parametrize("n", [1, 4])
def test_image_that_went_bad_is_named(catalog, tmp_path, n):
    """One that TensorFlow decodes and one that Pillow decodes."""
    path = catalog.paths[n]
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match=f"Received: .*ISIC_{n}"):
        prepare(catalog, resize(16), tmp_path / "prepared", batch_size=2)
    assert not (tmp_path / "prepared").exists()
    Path(path).write_bytes(content)
    assert len(prepare(catalog, resize(16), tmp_path / "prepared")) == 7


def test_store_that_was_cut_off_is_named(catalog, tmp_path):
    prepare(catalog, resize(16), tmp_path / "prepared")
    store = tmp_path / "prepared/images.npy"
    store.write_bytes(store.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged.*Received: .*images.npy"):
        PreparedImages.load(tmp_path / "prepared")


def test_shards_hold_the_pixels_of_the_array_in_any_order(catalog, tmp_path):
    array = prepare(catalog, resize(16), tmp_path / "array")
    shards = prepare(catalog, resize(16), tmp_path / "shards", images_per_shard=3)
    written = (tmp_path / "shards/index.json").stat().st_mtime_ns
    shards = prepare(catalog, resize(16), tmp_path / "shards", images_per_shard=3)
    assert (tmp_path / "shards/index.json").stat().st_mtime_ns == written
    rows = [6, 0, 2, 3, 2]
    both = shards + array
    np.testing.assert_array_equal(shards.take(rows), array.take(rows))
    np.testing.assert_array_equal(both.take([13, 6]), array.take([6, 6]))
    assert shards.indices(catalog).tolist() == list(range(7))
    assert tuple(both.image_size) == (16, 16)


def test_training_on_shards_sees_the_batches_of_the_array(catalog, tmp_path):
    stores = [
        prepare(catalog, resize(16), tmp_path / "array"),
        prepare(catalog, resize(16), tmp_path / "shards", images_per_shard=2),
    ]
    settings = {"batch_size": 3, "shuffle": True, "repeat": True, "seed": 1}
    first, second = (
        image_dataset(store, np.arange(7), image_size=(8, 8), **settings).take(4)
        for store in stores
    )
    for (images,), (same,) in zip(first, second, strict=True):
        np.testing.assert_array_equal(images, same)
