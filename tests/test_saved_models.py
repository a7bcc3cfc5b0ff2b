"""The models of the repository run from a fresh clone, and do what their cards say."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import read_image, read_mask
from keras_derm.evaluation import overlap_frame, overlap_scores
from keras_derm.evaluation.class_scores.metrics import macro_auc
from keras_derm.export import QuantizedEnsemble
from keras_derm.jobs.predict import predict
from keras_derm.lesion_finders import NetworkFinder, shipped_finder
from keras_derm.phantom import render
from keras_derm.readers import read_data_source
from keras_derm.skin_tone import Photograph, ToneNetwork, shipped_networks

SAVED = Path(__file__).parents[1] / "saved_models"
N_OF_EACH = 12


TONE = sorted(SAVED.glob("skin_tone_*.tflite"))
OUTLINE = SAVED / "lesion_outline_dermoscopic.tflite"
CLASSIFIERS = sorted(set(SAVED.glob("*.tflite")) - {*TONE, OUTLINE})


def test_all_saved_models_are_quickly_cloned():
    assert sum(path.stat().st_size for path in SAVED.iterdir()) < 60e6


@pytest.mark.parametrize("path", CLASSIFIERS, ids=lambda p: p.stem)
def test_a_saved_model_is_small_whole_and_described(path):
    assert path.stat().st_size < (9e6 if path.stem == "dermoscopy" else 6e6)
    described = json.loads(path.with_suffix(".json").read_text())
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    model = QuantizedEnsemble(path)
    images = np.random.default_rng(0).integers(0, 256, (2, *model.image_size, 3))
    y_prob = model.predict(images.astype("uint8"))
    np.testing.assert_allclose(y_prob.sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(y_prob[0], y_prob[1])
    card = path.with_suffix(".md").read_text()
    for said in ("Not a medical device", "non-commercial", *described["classes"]):
        assert said in card


@pytest.mark.parametrize("path", TONE, ids=lambda p: p.stem)
def test_a_saved_tone_network_is_small_whole_and_described(path):
    assert path.stat().st_size < 6e6
    network = ToneNetwork.load(path)
    (image_type,) = network.image_types
    dark, bright = (
        network.estimate(Photograph(np.full((90, 120, 3), level, "uint8"), None, kind))
        for level, kind in ((60, image_type), (200, image_type))
    )
    assert np.isfinite([dark.value, bright.value]).all()
    assert dark.value != bright.value
    card = path.with_suffix(".md").read_text()
    for said in ("Not a medical device", "non-commercial", "rater of the labels"):
        assert said in card
    figures = {row["metric"]: row for row in network.description["scores"]}
    shown = f"| Spearman | {figures['Spearman']['value']:.3f} |"
    assert shown in card
    assert path.name in (SAVED / "README.md").read_text()


@pytest.mark.parametrize("path", sorted(SAVED.glob("*.keras")), ids=lambda p: p.stem)
def test_a_keras_model_is_what_was_quantised(path, tmp_path):
    photographs = render(2, 5, 96, directory=tmp_path / "phantoms").paths
    found = []
    for suffix in (".keras", ".tflite"):
        csv, model = tmp_path / f"{suffix[1:]}.csv", path.with_suffix(suffix)
        folder = str(tmp_path / suffix[1:])
        assert predict(str(model), list(photographs), str(csv), overlay=folder) == 0
        found.append(pd.read_csv(csv))
        assert len(list(Path(folder).rglob("*.png"))) == 2
    classes = list(QuantizedEnsemble(path.with_suffix(".tflite")).classes)
    float_, quantised = (rows[classes].to_numpy() for rows in found)
    np.testing.assert_allclose(float_, quantised, atol=0.2)


def test_of_the_tone_networks_that_of_clinical_photographs_alone_names_groups():
    proven = {one.path.stem: one.is_proven for one in shipped_networks()}
    assert proven == {"skin_tone_clinical": True, "skin_tone_dermoscopic": False}


def test_the_saved_finder_of_lesions_is_small_whole_and_described(tmp_path):
    assert OUTLINE.stat().st_size < 3e6
    finder = NetworkFinder.load(OUTLINE)
    assert shipped_finder().path == OUTLINE
    card = OUTLINE.with_suffix(".md").read_text()
    for said in ("Not a medical device", "non-commercial", "Hausdorff"):
        assert said in card
    catalog = render(12, 5, 128, directory=tmp_path, tone_frequencies="balanced")
    files = zip(catalog.paths, catalog.mask_paths, strict=True)
    dice = [
        overlap_scores(read_mask(mask), finder.find(read_image(path)).mask)["dice"]
        for path, mask in files
    ]
    assert np.mean(dice) > 0.85


@pytest.mark.real_data
def test_the_saved_finder_outlines_lesions_it_has_not_seen(part_of_ham10000):
    finder = NetworkFinder.load(OUTLINE)
    split = pd.read_csv(OUTLINE.with_name(finder.description["split_file"]))
    held_out = split.loc[split["split"] == "test", "isic_id"]
    folder = part_of_ham10000(lambda ids: ids[ids.isin(held_out)][::20])
    unseen = read_data_source(f"ham10000:{folder}")
    assert len(unseen) == 76 and not finder.learned_from(unseen).any()
    photographs = [read_image(path) for path in unseen.paths]
    files = zip(unseen.mask_paths, unseen.paths, strict=True)
    masks = [read_mask(*paths) for paths in files]
    found = [finder.find(image) for image in photographs]
    dice = overlap_frame(masks, [one.mask for one in found])["dice"]
    assert dice.mean() > 0.92
    unsure = np.array([one.border_entropy > finder.unsure_from for one in found])
    assert dice[unsure].mean() < dice[~unsure].mean() - 0.01


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "split_file"),
    [
        ("ham10000_mobilenetv2", "ham10000_split.csv"),
        ("dermoscopy", "dermoscopy_split.csv"),
    ],
)
def test_a_classifier_tells_test_photographs_apart(
    shared_data, tmp_path, name, split_file
):
    """Judged on a few of the photographs that its split kept from training."""
    model = SAVED / f"{name}.tflite"
    truth = pd.read_csv(shared_data / "ham10000/HAM10000_metadata.csv")
    split = pd.read_csv(SAVED / split_file).rename(columns={"isic_id": "image_id"})
    of_lesion = truth.merge(split, validate="one_to_one").groupby("lesion_id")["split"]
    assert (of_lesion.nunique() == 1).all()
    test = truth.merge(split[split["split"] == "test"]).sort_values("image_id")
    shown = test.groupby("dx").head(N_OF_EACH)
    folder, csv = shared_data / "ham10000/HAM10000_images", tmp_path / "found.csv"
    photographs = [str(folder / f"{name}.jpg") for name in shown["image_id"]]
    assert predict(str(model), photographs, str(csv)) == 0
    found = pd.read_csv(csv)
    assert [Path(name).stem for name in found["image"]] == list(shown["image_id"])
    classes = QuantizedEnsemble(model).classes
    y_true = shown["dx"].str.upper().replace("AKIEC", "AK").map(classes.index)
    y_prob = found[list(classes)].to_numpy()
    assert y_true.nunique() == 7 and len(shown) > 6 * N_OF_EACH
    assert macro_auc(y_true.to_numpy(), y_prob) > 0.85
    recall = (y_prob.argmax(axis=1) == y_true).groupby(y_true.to_numpy()).mean()
    assert recall.mean() > 0.5
