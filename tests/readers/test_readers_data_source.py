"""The data source string, and what a new reader takes."""

import os

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog, CatalogError, read_mask, split_catalog
from keras_derm.readers import READERS, read_data_source
from keras_derm.readers.archive import ArchiveReader


def read_flat_folder(path, skip_bad=False):
    """A tiny reader: jpgs named DIAGNOSIS_NUMBER in one folder."""
    from pathlib import Path

    names = sorted(file.name for file in Path(path).glob("*.jpg"))
    table = pd.DataFrame({"isic_id": [name[:-4] for name in names], "path": names})
    return Catalog(table.assign(diagnosis=table["isic_id"].str.split("_").str[0]), path)


def test_a_new_reader_is_one_function_and_one_line(tmp_path, write_image, monkeypatch):
    for name in ("MEL_1", "NV_1", "NV_2"):
        write_image(tmp_path / f"{name}.jpg")
    monkeypatch.setitem(READERS, "flat", read_flat_folder)
    catalog = read_data_source(f"flat:{tmp_path}")
    assert catalog.table["diagnosis"].tolist() == ["MEL", "NV", "NV"]
    with pytest.raises(ValueError, match="phantom, flat. Received: 'round:x'"):
        read_data_source("round:x")


def test_an_archive_of_one_csv_is_a_declaration(tmp_path, write_image):
    read = ArchiveReader(
        "clinic",
        files=("lesions.csv",),
        columns={"isic_id": "image", "diagnosis": "finding", "age_approx": "years"},
        optional=("age_approx",),
        words={"diagnosis": {"naevus": "NV", "melanoma": "MEL"}},
        fixed={"copyright_license": "CC-0"},
    )
    csv = tmp_path / "lesions.csv"
    csv.write_text("image,finding\na,Naevus\nb,melanoma\n")
    for name in ("deep/a.jpg", "b.png", "masks/a_segmentation.png"):
        write_image(tmp_path / name)
    table = read(tmp_path).table
    assert table["diagnosis"].tolist() == ["NV", "MEL"]
    assert table["benign_malignant"].tolist() == ["benign", "malignant"]
    assert table["mask_path"].isna().tolist() == [False, True]
    assert set(table["source"]) == {"clinic"} and table["age_approx"].isna().all()
    csv.write_text("image,finding,years\na,wart,40\nb,melanoma,-5\n")
    with pytest.raises(CatalogError, match="row 2, column 'finding'") as caught:
        read(tmp_path)
    assert caught.value.faults["column"].tolist() == ["finding", "age_approx"]


def two_archives(tmp_path, write_image):
    """Two folders that share the photograph ISIC_1, and the name of another."""
    for name in ("a/MEL/ISIC_1.jpg", "a/NV/x.jpg", "b/MEL/ISIC_1.jpg", "b/NV/x.jpg"):
        write_image(tmp_path / name)
    return [f"folder:{tmp_path}/a", f"folder:{tmp_path}/b"]


def test_archives_are_joined_with_their_ids_apart(tmp_path, write_image):
    catalog = read_data_source(two_archives(tmp_path, write_image))
    table = catalog.table.set_index("isic_id")
    assert sorted(table.index) == [
        *("folder1:ISIC_1", "folder1:x", "folder2:ISIC_1", "folder2:x")
    ]
    groups = table["duplicate_group"]
    assert groups["folder1:ISIC_1"] == groups["folder2:ISIC_1"] == "folder1:ISIC_1"
    assert groups[["folder1:x", "folder2:x"]].isna().all()
    assert all(map(os.path.isfile, catalog.paths))
    for seed in range(8):
        splits = split_catalog(catalog, seed=seed).table.set_index("isic_id")["split"]
        assert splits["folder1:ISIC_1"] == splits["folder2:ISIC_1"]


def test_one_source_in_a_list_is_that_source(tmp_path, write_image):
    first, _ = two_archives(tmp_path, write_image)
    expected = read_data_source(first).table
    pd.testing.assert_frame_equal(read_data_source([first]).table, expected)


@pytest.mark.parametrize("source", ["ham10000", "nothing:/data", ""])
def test_what_names_no_reader_is_refused(source):
    with pytest.raises(ValueError, match="READER:PATH.*ham10000.*phantom. Received"):
        read_data_source(source)
    with pytest.raises(ValueError, match="Received: none"):
        read_data_source([])


def test_the_phantom_is_read_as_archives_are(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path))
    for skip_bad in (False, True):
        catalog = read_data_source("phantom:n=1,seed=1,size=64", skip_bad)
        assert len(catalog) == 1 and str(tmp_path) in catalog.paths[0]
    mask = read_mask(catalog.mask_paths[0])
    assert mask.shape == (64, 64) and mask.dtype == bool and 0 < np.mean(mask) < 1
