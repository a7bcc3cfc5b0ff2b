"""Prepared images in shards, from preparation to training. Sizes are for the test."""

import shutil

import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog, read_image, read_mask
from keras_derm.classifiers import load_classifier
from keras_derm.layers import preparation
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.crop import crop_boxes, cropped, lesion_box
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory
from keras_derm.settings import MemberSettings


@pytest.fixture(scope="module")
def runs(audited_run, tmp_path_factory):
    """A run prepared as one array, and one prepared as shards."""
    folder = tmp_path_factory.mktemp("shards")
    array, shards = (
        shutil.copytree(audited_run, folder / name) for name in ("array", "shards")
    )
    jobs.run_stage("prepare_dataset", array, image_size=32)
    jobs.run_stage("prepare_dataset", shards, image_size=32, images_per_shard=15)
    return array, shards


def train(run):
    member = MemberSettings("CustomCNN", image_size=16, epochs=1)
    jobs.run_stage(
        "train_classifier", run, members=[member], task="melanoma", batch_size=8
    )


def test_lost_shard_is_named_and_made_again(runs):
    array, shards = runs
    split = (shards / "catalog.csv").read_text()
    lost = shards / "prepared/real/images-00001-of-00003.tfrecord"
    lost.unlink()
    with pytest.raises(FileNotFoundError, match="delete the folder.*00001-of-00003"):
        train(shards)
    shutil.rmtree(lost.parent)
    jobs.run_stage("prepare_dataset", shards, image_size=32, images_per_shard=15)
    assert (shards / "catalog.csv").read_text() == split
    found, expected = (PreparedImages.load(run / "prepared/real") for run in runs)
    np.testing.assert_array_equal(found.ids, expected.ids)
    rows = np.arange(len(expected))
    np.testing.assert_array_equal(found.take(rows), expected.take(rows))


def test_photographs_are_cropped_to_their_lesions(runs, tmp_path):
    array, _ = runs
    run = RunDirectory(shutil.copytree(array, tmp_path / "cropped"))
    jobs.run_stage("prepare_dataset", run.path, image_size=32, crop="lesion")
    catalog, prepared = run.catalog, PreparedImages.load(run.prepared_real)
    boxes = crop_boxes(catalog)
    for row in range(0, len(catalog), 7):
        mask = read_mask(catalog.mask_paths[row], catalog.paths[row])
        assert tuple(boxes[row]) == lesion_box(mask, 0.25)
        part = cropped(read_image(catalog.paths[row]), boxes[row])
        own = preparation("sn_gan_ensemble", 32)(part[None])[0]
        taken = prepared.take(prepared.indices(catalog)[[row]])[0]
        assert np.abs(np.asarray(own) - taken).mean() < 1
    # As an archive without masks would be, by what the finder sees.
    plain = Catalog.load(run.audited_catalog).with_columns(mask_path=None)
    plain.save(run.audited_catalog)
    jobs.run_stage(
        "prepare_dataset", run.path, image_size=32, crop="lesion", crop_margin=0.1
    )
    catalog = run.catalog
    found = shipped_finder().find(read_image(catalog.paths[0])).mask
    assert tuple(crop_boxes(catalog)[0]) == lesion_box(found, 0.1)


def test_a_share_of_the_training_images_is_darkened_before_hair_is_removed(
    runs, tmp_path
):
    array, _ = runs
    run = RunDirectory(shutil.copytree(array, tmp_path / "darkened"))
    plain = PreparedImages.load(run.prepared_real)
    before = plain.take(np.arange(len(plain))).astype(float)
    jobs.run_stage("prepare_dataset", run.path, image_size=32, darkened=0.4, seed=0)
    catalog, prepared = run.catalog, PreparedImages.load(run.prepared_real)
    np.testing.assert_array_equal(plain.ids, prepared.ids)
    after = prepared.take(np.arange(len(prepared))).astype(float)
    ratio = (after.mean(axis=(1, 2, 3)) / before.mean(axis=(1, 2, 3))).round(1)
    train = (catalog.table["split"] == "train").to_numpy()
    assert set(ratio[train]) == {0.5, 1.0} and set(ratio[~train]) == {1.0}
    share = (ratio[train] == 0.5).mean()  # of 29: three standard deviations
    assert abs(share - 0.4) < 0.28
    row = int(np.flatnonzero(ratio == 0.5)[0])
    chain = preparation("sn_gan_ensemble", 32)
    square = chain.apply_geometry(read_image(catalog.paths[row])[None])
    expected = np.asarray(chain.apply_photometry(square * 0.5))[0]
    assert np.abs(expected - after[row]).mean() < 1


@pytest.mark.slow
def test_training_on_shards_is_that_on_the_array(runs):
    weights = []
    for run in runs:
        train(run)
        weights.append(
            load_classifier(run / "arms/baseline/ensemble.keras").get_weights()
        )
    for found, expected in zip(*weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_images_left_out_come_back_when_they_are_not_left_out(
    runs, tmp_path, monkeypatch
):
    run = shutil.copytree(runs[0], tmp_path / "run")

    def first_eight(catalog):
        reasons = pd.Series("", index=catalog.table.index)
        return reasons.mask(reasons.index < 8, "ruler")

    reasons = "keras_derm.jobs.prepare_dataset.exclusion_reasons"
    monkeypatch.setattr(reasons, first_eight)
    counts = []
    for exclude, size in ((True, 32), (True, 24), (False, 24)):
        jobs.run_stage(
            "prepare_dataset", run, image_size=size, exclude_artefacts=exclude
        )
        counts.append(len(RunDirectory(run).catalog))
    assert counts == [32, 32, 40]
    assert not (run / "excluded_images.csv").is_file()


@pytest.mark.parametrize(
    "mistyped",
    [
        {"preset": "nope"},
        {"split_file": "no.csv"},
        {"fractions": (0.5, 0.2, 0.2)},
        {"images_per_shard": 0},
    ],
)
def test_prepared_images_outlive_a_mistyped_option(runs, mistyped):
    with pytest.raises((ValueError, FileNotFoundError), match="Received"):
        jobs.run_stage("prepare_dataset", runs[0], image_size=32, **mistyped)
    assert len(PreparedImages.load(runs[0] / "prepared/real")) == 40
    assert RunDirectory(runs[0]).done("prepare_dataset")
