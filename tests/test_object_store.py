"""Archives in an object store, asked as S3 of a server in this process."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError, ImageError, read_image, read_mask
from keras_derm.object_store import (
    ObjectStoreError,
    are_files,
    check_can_be_written,
    file_at,
    folder_content,
    is_url,
    path_of,
    read_bytes,
    write_file,
)
from keras_derm.phantom import render
from keras_derm.readers import read_data_source
from keras_derm.runs.layout import Layout
from keras_derm.skin_tone import measure

ROOT = Path(__file__).parents[1]
N_PHOTOGRAPHS = 6


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Folder of phantoms with masks; of one photograph TensorFlow cannot read."""
    folder = tmp_path_factory.mktemp("archive") / "phantoms"
    render(N_PHOTOGRAPHS, 3, 64, directory=folder, progress=False)
    first = sorted((folder / "images").iterdir())[0]
    Image.open(first).convert("CMYK").save(first.with_suffix(".jpg"), quality=95)
    first.unlink()
    (folder / ".hidden").mkdir()
    shutil.copy(first.with_suffix(".jpg"), folder / ".hidden/nobody.jpg")
    return folder


@pytest.fixture(scope="module")
def stored(bucket, archive):
    """The same archive in a store, URL."""
    return bucket.put(archive)


@pytest.fixture(scope="module")
def catalogs(archive, stored):
    """Catalogs of the archive in the folder and in the store."""
    return tuple(read_data_source(f"isic_archive:{path}") for path in (archive, stored))


@pytest.mark.parametrize(
    "path, expected",
    [
        *[("s3://bucket/key", True), ("gs://b", True), ("file:///data", True)],
        *[("/data/a", False), ("C://data", False), ("a:/b", False), ("", False)],
        *[(Path("s3://bucket"), False), ("photographs/s3://b", False)],
    ],
)
def test_url_is_told_from_a_path(path, expected):
    assert is_url(path) is expected


def test_path_of_this_machine_needs_nothing_of_a_store(tmp_path, write_image):
    write_image(tmp_path / "mel/a.png")
    code = (
        "import sys\n"
        "from keras_derm.jobs.found_images import every_image\n"
        "from keras_derm.photographs import read_image\n"
        "(found,) = every_image([sys.argv[1]])\n"
        "read_image(found.path)\n"
        "assert not {'fsspec', 'upath', 's3fs'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=True)


def test_archive_in_a_store_is_read_as_in_a_folder(catalogs, archive, stored, tmp_path):
    here, there = (catalog.table for catalog in catalogs)
    assert (there["root"] == stored).all() and len(there) == N_PHOTOGRAPHS
    pd.testing.assert_frame_equal(here.drop(columns="root"), there.drop(columns="root"))
    said = [note.replace(stored, str(archive)) for note in catalogs[1].notes]
    assert said == list(catalogs[0].notes)
    catalogs[1].save(tmp_path / "catalog.csv")
    again = Catalog.load(tmp_path / "catalog.csv")
    pd.testing.assert_frame_equal(again.table, there)
    for one, other in zip(*(c.mask_paths for c in catalogs), strict=True):
        assert other.startswith(stored)
        np.testing.assert_array_equal(read_mask(one), read_mask(other))


def test_photographs_are_measured_and_prepared_as_in_a_folder(catalogs, tmp_path):
    from keras_derm.layers import preparation
    from keras_derm.pipeline import prepare
    from keras_derm.pipeline.decoded import is_plain

    here, there = catalogs
    pd.testing.assert_frame_equal(measure(here), measure(there))
    assert is_plain(here).sum() == N_PHOTOGRAPHS - 1 and not is_plain(there).any()
    chain = preparation("melanet", 32)
    folders = (tmp_path / "here", tmp_path / "there")
    one, other = map(prepare, catalogs, (chain, chain), folders)
    every = np.arange(N_PHOTOGRAPHS)
    np.testing.assert_array_equal(one.take(every), other.take(every))
    assert one.take(every).std() > 10


def test_archive_is_listed_once_to_be_read(stored, monkeypatch):
    """A request for a thousand objects; to look at each were a request for each."""
    import s3fs

    find, listed = s3fs.S3FileSystem.find, []

    def noted(self, path, **options):
        listed.append(path)
        return find(self, path, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "find", noted)
    catalog = read_data_source(f"isic_archive:{stored}")
    catalog.with_columns(split="train")
    assert listed == [stored.removeprefix("s3://")]


def test_photograph_that_comes_later_is_found(bucket, archive):
    url = f"{bucket.url}/grows"
    photograph = next((archive / "images").iterdir())
    assert are_files([url], ["a.png"]) == [False]
    write_file(photograph, f"{url}/a.png")
    assert are_files([url, url, archive], ["a.png", "b.png", "a.png"]) == [
        *(True, False, False)
    ]
    assert read_bytes(f"{url}/a.png") == photograph.read_bytes()
    assert file_at(f"{url}/a.png").stamp[0] == photograph.stat().st_size
    assert file_at(url) is None and file_at(f"{url}/b.png") is None


def test_names_are_those_of_the_store(bucket):
    for name in ("é #?%.jpg", "sub/ä b.jpg", "ISIC_[1].jpg"):
        bucket.files.pipe_file(f"{bucket.url}/names/{name}", b"12")
    folders, files = folder_content(f"{bucket.url}/names")
    assert folders == ["sub"]
    assert {file.name for file in files} == {"é #?%.jpg", "ISIC_[1].jpg"}
    assert read_bytes(f"{bucket.url}/names/é #?%.jpg") == b"12"
    assert str(path_of(f"{bucket.url}/names/") / "sub" / "ä b.jpg") == (
        f"{bucket.url}/names/sub/ä b.jpg"
    )


def test_object_that_is_missing_empty_or_too_large_is_told(
    bucket, catalogs, monkeypatch
):
    bucket.files.pipe_file(f"{bucket.url}/bad/empty.jpg", b"")
    with pytest.raises(ImageError, match="empty .zero bytes.*s3://clinic/bad/empty"):
        read_image(f"{bucket.url}/bad/empty.jpg")
    with pytest.raises(ImageError, match="file is missing.*s3://clinic/bad/no.jpg"):
        read_image(f"{bucket.url}/bad/no.jpg")
    monkeypatch.setattr("keras_derm.photographs.MAX_BYTES", 1000)
    with pytest.raises(ImageError, match="larger than 1 GB.*s3://"):
        read_image(catalogs[1].paths[0])


def test_faults_of_an_archive_in_a_store_are_told(bucket, archive, tmp_path):
    folder = shutil.copytree(archive, tmp_path / "faulty")
    photographs = sorted((folder / "images").iterdir())
    photographs[1].unlink()
    photographs[2].write_bytes(photographs[2].read_bytes()[:300])
    url = bucket.put(folder)
    with pytest.raises(CatalogError, match="2 fault") as caught:
        read_data_source(f"isic_archive:{url}")
    causes = caught.value.faults["cause"].tolist()
    assert any("file is missing" in cause for cause in causes)
    assert any("truncated or damaged" in cause for cause in causes)
    catalog = read_data_source(f"isic_archive:{url}", skip_bad=True)
    assert len(catalog) == N_PHOTOGRAPHS - 2
    for nothing in (f"{bucket.url}/no_archive", "s3://no-bucket/archive"):
        with pytest.raises(CatalogError, match=f"folder of the object.*{nothing}"):
            read_data_source(f"isic_archive:{nothing}")


def test_tables_of_every_form_are_read(bucket, tmp_path, write_image, monkeypatch):
    """A spreadsheet beside a folder of photographs, and a container of them."""
    table = pd.DataFrame({"Image": ["a.jpg", "b"], "finding": ["melanoma", "naevus"]})
    for name in ("a", "b"):
        write_image(tmp_path / f"clinic/photos/{name}.jpg")
    table.to_excel(tmp_path / "clinic/lesions.xlsx", index=False)
    options = "lesions.xlsx,isic_id=Image,diagnosis=finding,root=photos"
    clinic = bucket.put(tmp_path / "clinic")
    found = read_data_source(f"table:{clinic}/{options}").table
    here = read_data_source(f"table:{tmp_path}/clinic/{options}").table
    pd.testing.assert_frame_equal(found.drop(columns="root"), here.drop(columns="root"))
    assert found["root"].unique() == [f"{clinic}/photos"]
    with pytest.raises(CatalogError, match="file that exists.*s3://clinic/clinic/no"):
        read_data_source(f"table:{clinic}/no.csv")

    (tmp_path / "slice").mkdir()
    text = "isic_id,target,patient_id,age_approx,sex,anatom_site_general\n"
    text += "a,1,p,40,male,torso\nb,0,q,50,female,torso\n"
    (tmp_path / "slice/train-metadata.csv").write_text(text)
    with h5py.File(tmp_path / "slice/train-image.hdf5", "w") as file:
        for name in ("a", "b"):
            data = io.BytesIO((tmp_path / f"clinic/photos/{name}.jpg").read_bytes())
            file[name] = np.void(data.getvalue())
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path / "cache"))
    catalog = read_data_source(f"isic2024:{bucket.put(tmp_path / 'slice')}")
    assert catalog.table["content_hash"].tolist() == here["content_hash"].tolist()
    assert str(tmp_path / "cache") in catalog.paths[0]


def test_store_that_refuses_is_no_damaged_photograph(catalogs, refusing_store):
    from keras_derm.catalog.images import image_faults

    url = catalogs[1].paths[0]
    told = f"refuses access.*credentials.*Received: '{url}' .*(Forbidden|Access Denied)"
    with pytest.raises(ObjectStoreError, match=told):
        read_image(url)
    with pytest.raises(ObjectStoreError, match="refuses access.*phantoms"):
        image_faults(catalogs[1].table)
    with pytest.raises(ObjectStoreError, match="refuses access.*s3://clinic/phantoms"):
        read_data_source("isic_archive:s3://clinic/phantoms")
    with pytest.raises(ObjectStoreError, match="refuses access.*s3://clinic/a.csv"):
        check_can_be_written("s3://clinic/a.csv")


def test_package_that_is_not_there_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError, match="keras_derm.object_store.*'s3://clinic/a"):
        read_bytes("s3://clinic/a.jpg")


def test_run_in_a_store_is_refused():
    with pytest.raises(ValueError, match="disk of this machine.*run='s3://clinic/runs"):
        Layout("s3://clinic/runs/first")
