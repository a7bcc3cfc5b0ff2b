"""Photographs that are one by their pixels: made copies, and others of one kind."""

import io

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse.csgraph import connected_components

from keras_derm.catalog import Catalog, check_images
from keras_derm.phantom import read as read_phantom
from keras_derm.pipeline import find_copies
from keras_derm.pipeline.near_copies import (
    ALIKE,
    DOUBTFUL,
    FLAT,
    SIDE,
    TURNS,
    near_copies,
    thumbnail,
    turned,
)


def compressed(image, quality):
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written))


COPIES = {
    "resized": lambda image: cv2.resize(image, (61, 47), interpolation=cv2.INTER_AREA),
    "enlarged": lambda image: cv2.resize(image, (300, 300)),
    "compressed": lambda image: compressed(image, 50),
    "mirrored": lambda image: image[:, ::-1],
    "turned by 90 degrees": lambda image: np.rot90(image),
    "turned by 180 degrees": lambda image: np.rot90(image, 2),
    "cropped": lambda image: image[3:-2, 2:-4],
    "lighter": lambda image: np.clip(image * 1.1 + 5, 0, 255).astype(np.uint8),
    "all at once": lambda image: compressed(np.rot90(image[2:, :-3], 3)[:, ::-1], 75),
}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Phantoms of different lesions, 200 pixels a side: uint8 images."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("KERAS_DERM_CACHE", str(folder))
        catalog = read_phantom("n=20,seed=5,size=200")
        table = catalog.table
        first = table["lesion_id"].fillna(table["isic_id"]).drop_duplicates().index
        return [np.asarray(Image.open(catalog.paths[i])) for i in first]


@pytest.mark.parametrize("kind", COPIES)
def test_made_copies_are_found_and_no_others(phantoms, kind):
    n = len(phantoms)
    copies = [COPIES[kind](image) for image in phantoms]
    copies = map(np.ascontiguousarray, copies)
    found = near_copies(np.stack([thumbnail(i) for i in (*phantoms, *copies)]))
    copied = found[found["similarity"] >= ALIKE]
    pairs = list(zip(copied["first"], copied["second"], strict=True))
    assert all(second == first + n for first, second in pairs)
    assert len(pairs) >= 0.95 * n
    if kind in TURNS:  # what was done is undone
        undone = {"turned by 90 degrees": "turned by 270 degrees"}.get(kind, kind)
        assert set(copied["turn"]) == {undone}


def test_different_photographs_are_no_copies(phantoms):
    found = near_copies(np.stack([thumbnail(image) for image in phantoms]))
    assert not (found["similarity"] >= ALIKE).any()
    assert found["similarity"].between(DOUBTFUL, 1).all()


def test_turns_are_those_that_are_said():
    image = np.arange(6).reshape(2, 3)
    for turn, name in enumerate(TURNS):
        degrees = next((int(w) for w in name.split() if w.isdigit()), 0)
        expected = np.rot90(image, degrees // 90)
        expected = np.fliplr(expected) if "mirrored" in name else expected
        np.testing.assert_array_equal(turned(image, turn), expected)


def test_pictures_without_contrast_are_copies_of_none():
    generator = np.random.default_rng(0)
    flat = generator.normal(128, FLAT / 2, (5, SIDE, SIDE)).clip(0, 255)
    found = near_copies(np.concatenate([flat, np.zeros((3, SIDE, SIDE))]).astype("u1"))
    assert found.empty
    assert list(found) == ["first", "second", "similarity", "turn"]
    assert near_copies(np.zeros((0, SIDE, SIDE), np.uint8)).empty


def test_many_copies_of_one_picture_are_one_group_and_few_pairs(phantoms, monkeypatch):
    monkeypatch.setattr("keras_derm.pipeline.near_copies.MOST_NEIGHBOURS", 3)
    found = near_copies(np.stack([thumbnail(phantoms[0])] * 20))
    assert len(found) <= 20 * 3
    edges = np.zeros((20, 20))
    edges[found["first"], found["second"]] = 1
    assert connected_components(edges, directed=False)[0] == 1


def test_copies_of_a_catalog_are_told_by_their_kind(phantoms, tmp_path):
    image, other = (Image.fromarray(phantoms[i]) for i in (0, 1))
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "equal.png")
    image.save(tmp_path / "pixels.png", compress_level=1)
    image.save(tmp_path / "near.jpg", quality=80)
    other.save(tmp_path / "other.png")
    names = ["a.png", "equal.png", "pixels.png", "near.jpg", "other.png"]
    table = pd.DataFrame({"isic_id": names, "path": names, "diagnosis": "NV"})
    pairs = find_copies(check_images(Catalog(table, tmp_path))[0])
    kinds = {frozenset((p.first, p.second)): p.kind for p in pairs.itertuples()}
    assert kinds == {
        frozenset(("a.png", "equal.png")): "same file",
        frozenset(("a.png", "pixels.png")): "same pixels",
        frozenset(("a.png", "near.jpg")): "near",
        frozenset(("pixels.png", "near.jpg")): "near",
    }
    assert pairs["is_copy"].all()
