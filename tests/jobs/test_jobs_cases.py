"""Archives and files made by hand after public reports of people who do this job.

All of `../shared/cases` but what needs another user is run by this file.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog, CatalogError, read_image, read_mask
from keras_derm.catalog.splits import split_catalog
from keras_derm.evaluation.class_scores.predictions import predictions_from_csv
from keras_derm.jobs.judged import given_catalog
from keras_derm.jobs.predict import predict
from keras_derm.readers import read_data_source

pytestmark = pytest.mark.real_data
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC")


@pytest.fixture(scope="module")
def cases(shared_data):
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("real data absent: no ../shared/cases beside the checkout")
    return folder


def read(cases, name, reader):
    return read_data_source(f"{reader}:{cases / name / 'data'}")


@pytest.mark.parametrize(
    "name, reader, found",
    [
        ("benign_malignant", "folder", {"UNK": 12}),
        ("clinical_images", "isic_archive", {"MEL": 2, "NV": 2}),
        ("copies_leak", "folder", {"BCC": 16, "MEL": 16, "NV": 16}),
        ("dataverse_tab", "ham10000", {"MEL": 2, "NV": 2}),
        ("folder_train_test", "folder", {"MEL": 2, "NV": 2}),
        ("ids_with_jpg", "isic_archive", {"MEL": 2, "NV": 2}),
        ("isic2018_task3", "isic2018", {"MEL": 2, "NV": 2}),
        ("kaggle_path_with_segmentation", "ham10000", {"MEL": 2, "NV": 2}),
        ("mask_of_exif_rotated", "ham10000", {"MEL": 2, "NV": 2}),
        ("mask_other_size", "ham10000", {"MEL": 2, "NV": 2}),
        ("plural_names", "folder", {"AK": 2, "NV": 2}),
        ("semicolons", "isic_archive", {"MEL": 2, "NV": 2}),
        ("silent_formats", "folder", {"NV": 5}),
    ],
)
def test_archive_is_read_whole(cases, name, reader, found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what an archive leaves open
        catalog = read(cases, name, reader)
    assert catalog.table["diagnosis"].value_counts().to_dict() == found
    for row in catalog.table.itertuples():
        image = read_image(f"{row.root}/{row.path}")
        if not pd.isna(row.mask_path):
            mask = read_mask(f"{row.root}/{row.mask_path}", f"{row.root}/{row.path}")
            assert mask.shape == image.shape[:2] and mask.any()
    assert catalog.table["mask_path"].notna().all() == name.startswith("mask")


@pytest.mark.parametrize(
    "name, said",
    [
        ("dermnet_folders", "folder names several diagnoses: make one folder of each"),
        ("folder_without_classes", "lies in no class folder: make one for each"),
    ],
)
def test_what_cannot_be_known_is_told_with_a_way_out(cases, name, said):
    with pytest.raises(CatalogError, match=said):
        read(cases, name, "folder")


def test_clinical_photographs_are_left_out_with_a_word(cases, capsys):
    catalog = given_catalog(f"isic_archive:{cases / 'clinical_images' / 'data'}")
    assert set(catalog.table["image_type"]) == {"dermoscopic"}
    assert "3" in capsys.readouterr().out


def test_copies_stay_in_one_split(cases):
    catalog = split_catalog(read(cases, "copies_leak", "folder"))
    n_splits = catalog.table.groupby("content_hash")["split"].nunique()
    assert len(n_splits) == 24 and (n_splits == 1).all()


@pytest.mark.parametrize(
    "name", ["eu", "idjpg", "index", "isic2018", "semicolon", "unk"]
)
def test_predictions_are_read_however_they_were_saved(cases, tmp_path, name):
    folder = cases / "predictions_id_jpg/data"
    table = pd.read_csv(folder / "catalog.csv", usecols=["isic_id", "diagnosis"])
    (tmp_path / "any.jpg").touch()  # the case comes without its photographs
    catalog = Catalog(table.assign(path="any.jpg"), root=tmp_path)
    good = predictions_from_csv(folder / "good.csv", catalog, CLASSES)
    found = predictions_from_csv(folder / f"{name}.csv", catalog, CLASSES)
    np.testing.assert_allclose(found, good, atol=2e-6)


def test_hidden_companion_file_is_no_photograph(cases, evaluated_run, capsys):
    model = evaluated_run / "arms/baseline/ensemble.keras"
    assert predict(str(model), [str(cases / "macos_companion_files/photos")]) == 0
    assert "._lesion" not in capsys.readouterr().out
