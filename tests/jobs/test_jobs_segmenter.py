"""Segmenters of a run: trained, exported, judged, told of."""

import dataclasses
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog, read_image
from keras_derm.files import write_json
from keras_derm.generative import write_synthetic
from keras_derm.jobs.evaluate_segmenter import EvaluateSegmenter
from keras_derm.jobs.train_segmenter import FILE_NAME, TrainSegmenter, shown_square
from keras_derm.lesion_finders import NetworkFinder, largest_component
from keras_derm.pipeline import PreparedImages
from keras_derm.report.sections import segmentation
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    EvaluateSegmenterSettings,
    OptimizationSettings,
    SynthesizeSettings,
    TrainSegmenterSettings,
)

SMALL = {
    "network": "fcn",
    "image_size": 32,
    "epochs": 12,
    "batch_size": 8,
    "learning_rate": 0.01,
    "loss": "dice_cross_entropy",
    "augmentation_strength": 0,
    "optimization": OptimizationSettings(optimizer="adam"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Both arms of a segmenter on a phantom: trained and judged."""
    folder = tmp_path_factory.mktemp("segmented")
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_DERM_CACHE", str(folder / "cache"))
    run = RunDirectory(folder / "run")
    jobs.run_stage("audit_skin_tone", run.path, data="phantom:n=60,seed=4,size=64")
    jobs.run_stage(
        "prepare_dataset", run.path, image_size=32, fractions=(0.5, 0.2, 0.3)
    )
    _synthesise(run)
    for arm in ("baseline", "augmented"):
        jobs.run_stage("train_segmenter", run.path, arm=arm, **SMALL)
    jobs.run_stage(
        "evaluate_segmenter", run.path, n_replicates=50, n_timed=2, rules=("otsu",)
    )
    patch.undo()
    return run


def _synthesise(run):
    """Copies of six prepared photographs, three of which name their parent."""
    train = run.catalog.split("train")
    prepared = PreparedImages.load(run.prepared_real)
    images = prepared.take(prepared.indices(train)[:6])
    ids = train.table["isic_id"].tolist()
    parents = [*ids[:3], None, None, None]
    write_synthetic(images, np.zeros((6, 2), int), 1, "copies", run.synthetic, parents)
    Record(SynthesizeSettings()).write(run.record("synthesize"), 0.0)


def test_arms_are_exported_and_described(run):
    for arm in ("baseline", "augmented"):
        finder = NetworkFinder.load(run.segmenter(arm) / FILE_NAME)
        told = finder.description
        assert told["image_size"] == finder.image_size == 32
        assert told["mode"] in ("int8", "float16")
        dice = told["dice_on_val"]
        assert dice["float"] - dice[told["mode"]] <= 0.005 or told["mode"] == "float16"
        assert 0 < told["unsure_from"] <= 1
        split = pd.read_csv(run.segmenter(arm) / told["split_file"])
        assert set(split["split"]) == {"train", "val", "test"}


@pytest.mark.slow
def test_a_preset_prepares_what_the_network_sees_wherever_it_looks(run, tmp_path):
    """In training, in int8, and when it is judged; made images are prepared already."""
    run = RunDirectory(shutil.copytree(run.path, tmp_path / "run"))
    settings = SMALL | {"epochs": 1, "preset": "lora_diffusion"}
    jobs.run_stage("train_segmenter", run.path, arm="enhanced", **settings)
    folder = run / "prepared/lesions_lora_diffusion_32/images"
    seen = PreparedImages.load(folder)
    rows = run.catalog.where(split=["train", "val"])
    photograph = read_image(rows.paths[0])
    exported = NetworkFinder.load(run.segmenter("enhanced") / FILE_NAME)
    assert exported.description["preset"] == "lora_diffusion"
    square = shown_square(32, "lora_diffusion")(photograph)
    np.testing.assert_array_equal(square, seen.take(seen.indices(rows)[:1])[0])
    judge = EvaluateSegmenter(run.path, EvaluateSegmenterSettings(rules=()))
    finder = judge._finders()["enhanced"]
    np.testing.assert_array_equal(finder.square(photograph), square)
    assert judge._finders()["baseline"].square is None
    plain = dataclasses.replace(finder, square=None)
    assert plain.find(photograph).mask.shape == photograph.shape[:2]
    made = PreparedImages.load(run.segmenter("augmented") / "synthetic/images")
    settings |= {"arm": "enhanced_augmented", "adds": "synthetic"}
    augmented = TrainSegmenter(run.path, TrainSegmenterSettings(**settings))
    augmented._examples()
    also = PreparedImages.load(run.segmenter("enhanced_augmented") / "synthetic/images")
    everything = np.arange(len(made))
    np.testing.assert_array_equal(also.take(everything), made.take(everything))


def test_the_outline_is_part_of_a_graph(run):
    folder = run.segmenter("baseline")
    model = keras.models.load_model(folder / "outline.keras", compile=False)
    prepared = PreparedImages.load(run / "prepared/lesions_32/images")
    images = prepared.take(np.arange(3)).astype("float32")
    found = model.predict(images, verbose=0)
    for probability, mask in zip(found["probabilities"], found["mask"], strict=True):
        expected = largest_component(probability[..., 0] > 0.5)
        np.testing.assert_array_equal(mask[..., 0] > 0, expected)


def test_masks_of_made_images_say_where_they_come_from(run):
    made = Catalog.load(run.segmenter("augmented") / "synthetic.csv")
    sources = made.table.set_index("isic_id")["mask_source"]
    named = made.table["parent_id"].notna().to_numpy()
    assert (sources[named] == "parent").all()
    assert (sources[~named] == "pseudo").all()
    assert (made.table["split"] == "train").all() and made.table["synthetic"].all()


def test_every_test_photograph_is_judged_by_every_finder(run):
    scores = pd.read_csv(run / "segmentation/scores.csv")
    n = len(run.catalog.split("test"))
    assert (scores.groupby("finder").size() == n).all()
    assert {"baseline", "augmented", "otsu"} <= set(scores["finder"])
    summary = pd.read_csv(run / "segmentation/summary.csv")
    overall = summary[(summary["axis"] == "all") & (summary["metric"] == "dice")]
    for row in overall.itertuples():
        own = scores.loc[scores["finder"] == row.finder, "dice"]
        assert row.value == pytest.approx(own.mean())
        assert row.low < row.value < row.high
    differences = pd.read_csv(run / "segmentation/differences.csv")
    assert set(differences["reference"]) == {"baseline"}
    own = differences.set_index(["finder", "metric"]).loc[("otsu", "dice"), "value"]
    by_finder = scores.groupby("finder")["dice"].mean()
    assert own == pytest.approx(by_finder["otsu"] - by_finder["baseline"])


def test_report_and_card_tell_of_it(run):
    section = segmentation.section(run)
    text = repr(section)
    assert "pseudo: no truth" in text
    assert "augmented against baseline" in text
    card = run.segmenter("baseline") / FILE_NAME.replace(".tflite", ".md")
    assert "Not a medical device" in card.read_text()
    for name in ("worst", "best", "unsure"):
        assert run.figure(f"segmentation_{name}").is_file()


def test_config_repeats_the_arms(run):
    from keras_derm.settings import Recipe

    recipe = Recipe.load(str(run / "config.yaml"), "published")
    arms = recipe.arms("train_segmenter")
    assert set(arms) == {"baseline", "augmented"}
    assert arms["augmented"].epochs == 12
    assert recipe.only[-2:] == ("train_segmenter", "evaluate_segmenter")


def test_an_archive_without_masks_is_refused_before_training(run, tmp_path):
    catalog = run.catalog.with_columns(mask_path=None)
    other = RunDirectory(tmp_path / "run")
    for name in ("audit_skin_tone", "prepare_dataset"):
        content = run.record(name).read_text()
        other.record(name).parent.mkdir(exist_ok=True)
        other.record(name).write_text(content)
    catalog.save(other.catalog_file)
    write_json(other / "unused.json", {})
    with pytest.raises(ValueError, match="none with a mask in train"):
        jobs.run_stage("train_segmenter", other.path, **SMALL)
    assert not other.segmenter("baseline").exists()


def test_recipes_that_say_nothing_of_segmenters_train_none():
    from keras_derm.settings import Recipe

    assert "train_segmenter" not in Recipe.load("sn_gan_ensemble", "quick").only
    published = Recipe.load("lora_diffusion", "published")
    assert "train_segmenter" in published.only
    arm = published.arms("train_segmenter")["augmented"]
    assert (arm.network, arm.epochs, arm.batch_size) == ("fcn", 30, 16)
    assert (arm.learning_rate, arm.loss) == (1e-4, "cross_entropy")


def test_the_table_of_the_report_has_the_figures(run):
    table = segmentation.section(run).blocks[0].frame.set_index("finder")
    summary = pd.read_csv(run / "segmentation/summary.csv")
    overall = summary[(summary["axis"] == "all") & (summary["metric"] == "dice")]
    for row in overall.itertuples():
        assert table.loc[row.finder, "Dice"].startswith(f"{row.value:.2f} (")
