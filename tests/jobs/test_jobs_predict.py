"""predict.py on photographs, good and bad, with every form of a model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.classifiers import ensemble_members, load_classifier
from keras_derm.explain import attention_maps, map_regions, overlay
from keras_derm.jobs.options import with_options
from keras_derm.jobs.predict import predict
from keras_derm.jobs.predictor import Predictor

APP = Path(__file__).parents[2] / "apps/predict.py"


@pytest.fixture(scope="module")
def run(evaluated_run, tmp_path_factory):
    """The evaluated run with one file and one folder exported."""
    run = tmp_path_factory.mktemp("predict") / "run"
    shutil.copytree(evaluated_run, run)
    patch = pytest.MonkeyPatch()
    patch.setattr("keras_derm.export.memory.peak_memory", lambda path: None)
    jobs.run_stage("export_tflite", run, mode="dynamic", gate="none", form="folder")
    shutil.copytree(run / "export", run / "kept")
    jobs.run_stage("export_tflite", run, mode="dynamic", gate="none")
    patch.undo()
    return run


MODELS = (
    "arms/baseline/ensemble.keras",
    "export/ensemble_dynamic.tflite",
    "kept/ensemble_dynamic",
    "kept/ensemble_dynamic/manifest.json",
)


@pytest.fixture
def photographs(run, tmp_path):
    """Three test photographs, one of them in a subfolder, and one that is none."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    paths = Catalog.load(run / "catalog.csv").split("test").paths[:3]
    for path, where in zip(paths, (folder, folder, folder / "more"), strict=True):
        shutil.copy(path, where)
    (folder / "bad.jpg").write_bytes(b"no image")
    return folder


def known(run):
    found = pd.read_csv(run / "predictions/baseline_ensemble_test.csv")
    return found.set_index("isic_id")


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_those_of_the_run(run, photographs, tmp_path, model):
    output = tmp_path / "found.csv"
    assert predict(str(run / model), str(photographs), str(output)) == 1
    found = pd.read_csv(output, keep_default_na=False)
    assert len(found) == 4
    bad = found["error"] != ""
    assert [Path(one).name for one in found.loc[bad, "image"]] == ["bad.jpg"]
    good = found[~bad].set_index(found.loc[~bad, "image"].map(lambda p: Path(p).stem))
    expected = known(run).loc[good.index]
    np.testing.assert_allclose(
        good[expected.columns].astype(float), expected, atol=0.05
    )
    best = good[expected.columns].astype(float).idxmax(axis=1)
    assert (good["diagnosis"] == best).all()


def test_sets_are_those_of_the_colour_of_the_photograph(run, photographs, tmp_path):
    from keras_derm.evaluation import ConformalSets, photograph_colour

    output = tmp_path / "found.json"
    predict(str(run / MODELS[0]), str(photographs), str(output))
    rows = [row for row in json.loads(output.read_text()) if not row["error"]]
    sets = ConformalSets(
        **json.loads((run / "arms/baseline/ensemble.json").read_text())["conformal"]
    )
    for row in rows:
        colour = photograph_colour([row["ita"]], [row["ita_type"]])[0]
        least = sets.thresholds.get(colour, sets.thresholds["all"])
        assert row["prediction_set"] == [k for k in sets.classes if row[k] >= least]


def test_models_of_before_have_their_sets_by_pairs_of_types(run, photographs, tmp_path):
    model = tmp_path / "ensemble.keras"
    shutil.copy(run / MODELS[0], model)
    facts = json.loads((run / MODELS[0]).with_suffix(".json").read_text())
    rule = facts.pop("photograph_colour")
    least = {"all": 0.5, "I-II": 0.0, "III-IV": 0.9, "V-VI": 2.0}
    facts |= {"skin_tone": rule, "conformal": facts["conformal"] | {"reasons": {}}}
    facts["conformal"] |= {"thresholds": least, "n": dict.fromkeys(least, 20)}
    model.with_suffix(".json").write_text(json.dumps(facts))
    output = tmp_path / "found.json"
    predict(str(model), str(photographs), str(output))
    pairs = {"I": 0.0, "II": 0.0, "III": 0.9, "IV": 0.9, "V": 2.0, "VI": 2.0}
    for row in json.loads(output.read_text()):
        if not row["error"]:
            limit = pairs.get(row["ita_type"], 0.5)
            held = [name for name in facts["classes"] if row[name] >= limit]
            assert row["prediction_set"] == held


def test_what_is_printed_says_that_colour_is_no_tone(run, photographs, capsys):
    predict(str(run / MODELS[1]), str(photographs))
    said = capsys.readouterr().out
    assert "colour of the photograph (ITA)" in said.splitlines()[0]
    assert "not the skin tone of the person" in said


def test_colour_is_that_of_the_original_photograph(run, photographs, tmp_path):
    table = Catalog.load(run / "catalog.csv").table.set_index("isic_id")
    output = tmp_path / "found.json"
    predict(str(run / MODELS[1]), str(photographs), str(output))
    for row in json.loads(output.read_text()):
        if row["error"]:
            assert row["ita"] is None and row["ita_type"] is None
            continue
        isic_id = Path(row["image"]).stem
        assert row["ita_low"] <= row["ita"] <= row["ita_high"]
        # The audit knew where the phantom's lesion is; here it is looked for.
        if table.loc[isic_id, "ita_type"] != "undetermined":
            assert abs(row["ita"] - table.loc[isic_id, "ita"]) < 15


def test_spoilt_photographs_have_their_warning(run, photographs, tmp_path):
    source = next(photographs.glob("*.*g"))
    while source.name == "bad.jpg":
        source = sorted(photographs.glob("*.*g"))[-1]
    image = Image.open(source).convert("RGB")
    image.point(lambda value: value // 8).save(tmp_path / "dark.png")
    output = tmp_path / "found.json"
    predict(str(run / MODELS[2]), str(tmp_path / "dark.png"), str(output))
    (row,) = json.loads(output.read_text())
    assert any(warning.startswith("too dark: ") for warning in row["warnings"])


def test_folder_pattern_and_list_find_their_photographs(run, photographs, tmp_path):
    model, good = str(run / MODELS[1]), sorted(photographs.glob("*/*"))[0]
    for images, n in (
        (str(good), 1),
        (str(photographs / "**/*.*"), 4),
        ([str(good), str(photographs)], 5),
    ):
        output = tmp_path / "found.csv"
        predict(model, images, str(output), batch_size=2)
        assert len(pd.read_csv(output)) == n


def test_overlay_shows_what_the_model_saw(run, photographs, tmp_path):
    folder = tmp_path / "overlays"
    predict(str(run / MODELS[0]), str(photographs), overlay=str(folder))
    pictures = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    names = {
        f"{path.relative_to(photographs).as_posix()}.png"
        for path in photographs.rglob("*.*")
        if path.name != "bad.jpg"
    }
    assert pictures == names
    picture = np.asarray(Image.open(folder / sorted(names)[0]))
    assert picture.shape == (448, 896, 3)
    assert np.abs(picture[:, :448].astype(float) - picture[:, 448:]).mean() > 5


def test_overlay_is_the_finest_map_up_to_twelve_regions_a_side(
    run, photographs, tmp_path
):
    path = next(photographs.glob("*.png"))
    predict(str(run / MODELS[0]), str(path), overlay=str(tmp_path))
    picture = np.asarray(Image.open(tmp_path / f"{path.name}.png"))
    model = load_classifier(run / MODELS[0])
    regions = [map_regions(one) for one in ensemble_members(model)]
    assert regions == [(15, 15), (11, 11)]  # of 32 and 24 pixels, halved
    predictor = Predictor(run / MODELS[0])
    (row,), prepared = predictor.rows([path])
    called = predictor.classes.index(row["diagnosis"])
    maps = attention_maps(model, prepared[0][None], called, least_regions=12)
    (painted,) = overlay(prepared[0][None], maps)
    expected = cv2.resize(painted, (448, 448), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(picture[:, 448:], expected, atol=2)


def test_outlines_are_drawn_and_their_share_is_told(run, photographs, tmp_path):
    folder, output = tmp_path / "outlines", tmp_path / "found.csv"
    model = str(run / MODELS[1])
    predict(model, str(photographs), str(output), outline=str(folder))
    found = pd.read_csv(output, keep_default_na=False).set_index("image")
    shares = pd.to_numeric(found.loc[found["error"] == "", "lesion_share"])
    assert shares.between(0, 1).all() and (shares > 0).any()
    assert found.loc[found["error"] != "", "lesion_share"].eq("").all()
    drawn = sorted(path.relative_to(folder) for path in folder.rglob("*.png"))
    given = [path.relative_to(photographs) for path in photographs.rglob("*.png")]
    assert drawn == sorted(path.with_name(f"{path.name}.png") for path in given)


def test_the_model_is_called_unsure_where_one_in_five_of_val_is(
    run, photographs, tmp_path
):
    model = run / MODELS[0]
    facts = json.loads(model.with_suffix(".json").read_text())
    predict(str(model), str(photographs), str(tmp_path / "found.json"))
    rows = json.loads((tmp_path / "found.json").read_text())
    rows = [row for row in rows if not row["error"]]
    highest = sorted(row[row["diagnosis"]] for row in rows)
    limit = (highest[0] + highest[1]) / 2
    told = model.with_name("told.keras")
    told.write_bytes(model.read_bytes())
    described = json.dumps(facts | {"unsure_below": limit})
    told.with_suffix(".json").write_text(described)
    predict(str(told), str(photographs), str(tmp_path / "told.json"))
    for row in json.loads((tmp_path / "told.json").read_text()):
        is_warned = any(one.startswith("unsure: ") for one in row["warnings"])
        assert is_warned == (not row["error"] and row[row["diagnosis"]] < limit)
    assert 0 < facts["unsure_below"] < 1


def test_a_picture_without_a_lesion_is_told(run, tmp_path):
    noise = np.random.default_rng(0).normal(0, 2, (96, 128, 3))
    skin = (np.array((215, 170, 145)) + noise).astype("uint8")
    Image.fromarray(skin).save(tmp_path / "skin.png")
    output = tmp_path / "found.json"
    predict(str(run / MODELS[1]), str(tmp_path / "skin.png"), str(output))
    (row,) = json.loads(output.read_text())
    assert any(w.startswith("no lesion found") for w in row["warnings"])
    assert row["outline"] == []
    assert row["lesion_share"] == 0


@pytest.fixture
def exported(run, tmp_path):
    """The exported file with its description alone."""
    file = tmp_path / "model.tflite"
    for suffix in (".tflite", ".json"):
        shutil.copy((run / MODELS[1]).with_suffix(suffix), file.with_suffix(suffix))
    return file


def test_overlay_of_a_tflite_is_refused_before_any_work(
    exported, photographs, tmp_path
):
    with pytest.raises(ValueError, match="`overlay` needs.*Received:"):
        predict(str(exported), str(photographs), overlay=str(tmp_path))


@pytest.mark.parametrize("model", MODELS[1:])
def test_overlay_of_an_export_is_by_the_keras_model_written_beside_it(
    run, model, photographs, tmp_path
):
    path = next(photographs.glob("*.png"))
    predict(str(run / model), str(path), overlay=str(tmp_path / "overlays"))
    assert (tmp_path / "overlays" / f"{path.name}.png").is_file()


def test_overlay_of_a_tflite_is_by_the_keras_model_beside_it(
    run, exported, photographs, tmp_path
):
    shutil.copy(run / MODELS[0], exported.with_suffix(".keras"))
    path = next(photographs.glob("*.png"))
    pictures = []
    for model in (exported, run / MODELS[0]):
        predict(str(model), str(path), overlay=str(tmp_path / model.suffix[1:]))
        pictures.append(Image.open(tmp_path / model.suffix[1:] / f"{path.name}.png"))
    np.testing.assert_array_equal(*map(np.asarray, pictures))
    facts = json.loads(exported.with_suffix(".json").read_text())
    other = facts | {"image_size": [16, 16]}
    exported.with_suffix(".json").write_text(json.dumps(other))
    with pytest.raises(ValueError):
        predict(str(exported), str(path), overlay=str(tmp_path))


def test_output_is_whole_or_not_there(run, photographs, tmp_path, monkeypatch):
    from keras_derm.jobs.predictor import Predictor

    rows, calls = Predictor.rows, []

    def interrupted(self, paths):
        calls.append(paths)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rows(self, paths)

    monkeypatch.setattr(Predictor, "rows", interrupted)
    output = tmp_path / "out" / "found.csv"
    with pytest.raises(KeyboardInterrupt):
        predict(str(run / MODELS[1]), str(photographs), str(output), batch_size=1)
    # The rows so far are kept for the same command to go on from.
    assert [path.name for path in output.parent.iterdir()] == ["found.csv.partial"]


@pytest.mark.parametrize(
    "changed, error",
    [
        ({"output": "found.xlsx"}, "`output` must end in"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"images": "absent/*.jpg"}, "names no file"),
        ({"images": []}, "`images`"),
        ({"model": "absent.tflite"}, "no such model"),
        ({"model": "absent.keras"}, "is missing"),
        ({"model": str(APP)}, "`model` must be"),
    ],
)
def test_wrong_arguments_are_refused(run, photographs, changed, error):
    arguments = {"model": str(run / MODELS[1]), "images": str(photographs)}
    with pytest.raises((ValueError, FileNotFoundError), match=error) as found:
        predict(**{**arguments, **changed})
    assert "Received:" in str(found.value)


def test_what_is_not_there_is_told_before_any_work(run, photographs, tmp_path):
    good, output = sorted(photographs.glob("*/*"))[0], tmp_path / "found.csv"
    with pytest.raises(FileNotFoundError, match="names no file.*Received: 'absent"):
        predict(
            str(run / MODELS[1]), [str(good), "absent.jpg"], str(output), batch_size=1
        )
    assert not output.exists()


def test_name_that_is_not_utf8_stops_nothing(run, photographs, tmp_path):
    good = os.fsencode(sorted(photographs.glob("*/*"))[0])
    shutil.copy(good, os.path.join(os.path.dirname(good), b"l\xe4sion.jpg"))
    output = tmp_path / "found.json"
    assert predict(str(run / MODELS[1]), str(photographs), str(output)) == 1
    names = [Path(row["image"]).name for row in json.loads(output.read_text())]
    assert len(names) == 5 and "l\\xe4sion.jpg" in names


def test_grey_and_small_photographs_have_their_warning(run, tmp_path):
    photograph = Image.open(Catalog.load(run / "catalog.csv").paths[0]).convert("RGB")
    photograph.convert("L").save(tmp_path / "grey.png")
    photograph.resize((9, 6)).save(tmp_path / "small.png")
    output = tmp_path / "found.json"
    predict(str(run / MODELS[1]), str(tmp_path), str(output))
    grey, small = json.loads(output.read_text())
    assert any(one.startswith("grey: ") for one in grey["warnings"])
    assert grey["ita_type"] == "undetermined"
    assert any(one.startswith("small: 9 x 6") for one in small["warnings"])


@pytest.mark.parametrize(
    "spoil, message",
    [
        ({"classes": ["MEL", "NV"]}, "tells of.*has others"),
        ({"image_size": [8, 8]}, "tells of.*has others"),
        ({"classes": None}, "`classes`"),
        ("{", "Not a JSON file"),
        (b"PK\3\4 and then nothing", "damaged, no Keras model"),
        ({"conformal": {"alpha": 0.1}}, "`conformal` in the .json.*export"),
        ({"conformal": []}, "`conformal` in the .json"),
        ({"class_biases": {"MEL": 0.5}}, "each class must have one"),
        ({"class_biases": {"MEL": "much"}}, "`class_biases`.*MEL Input should be"),
        ({"conformal": "sets"}, "`conformal`.*Received: 'sets'"),
        ({"photographs": {"n": None}}, "`photographs` in the .json"),
        ({"photograph_colour": {"rule": 3}}, "`photograph_colour`.*rule"),
        ({"photograph_colour": {"rule": "own"}}, "`photograph_colour`.*'own'"),
        ({"preset": "surprise"}, "`preset`.*Received: 'surprise'"),
        ({"preset": ["a"]}, "`preset`.*Received: .'a'"),
    ],
)
def test_keras_model_that_is_not_as_described_is_refused(run, tmp_path, spoil, message):
    for name in ("ensemble.keras", "ensemble.json"):
        shutil.copy(run / "arms/baseline" / name, tmp_path)
    described = tmp_path / "ensemble.json"
    if isinstance(spoil, bytes):
        (tmp_path / "ensemble.keras").write_bytes(spoil)
    elif isinstance(spoil, str):
        described.write_text(spoil)
    else:
        described.write_text(json.dumps(json.loads(described.read_text()) | spoil))
    photograph = Catalog.load(run / "catalog.csv").paths[0]
    with pytest.raises(ValueError, match=message) as error:
        predict(str(tmp_path / "ensemble.keras"), str(photograph))
    assert "Received:" in str(error.value)


@pytest.mark.parametrize("kind", ["several inputs", "another class"])
def test_keras_model_that_is_no_classifier_is_refused(run, tmp_path, kind):
    path = tmp_path / "ensemble.keras"
    if kind == "several inputs":
        inputs = [keras.Input((4,)), keras.Input((4,))]
        keras.Model(inputs, keras.layers.add(inputs)).save(path)
    else:
        Unregistered().save(path)
    shutil.copy(run / "arms/baseline/ensemble.json", tmp_path)
    photograph = Catalog.load(run / "catalog.csv").paths[0]
    known = {"several inputs": "the model .*has others", "another class": "classify"}
    with pytest.raises(ValueError, match=known[kind]) as error:
        predict(str(path), str(photograph))
    assert "Received: " in str(error.value)


class Unregistered(keras.Model):
    """A model whose class nobody knows who reads its file."""

    def __init__(self):
        super().__init__()
        self.built = True

    def get_config(self):
        return {}


def test_hidden_companions_and_brackets_in_paths(run, photographs, tmp_path, capsys):
    folder = tmp_path / "clinic [1]"
    shutil.copytree(photographs, folder)
    (folder / "bad.jpg").unlink()
    (folder / "__MACOSX").mkdir()
    for name in ("._lesion.jpg", "__MACOSX/lesion.jpg", ".DS_Store.jpg"):
        (folder / name).write_bytes(b"\0\5\x16\7 of macOS")
    for images, n in ((folder, 3), (folder / "*.png", 2), (folder / "**/*.png", 3)):
        assert predict(str(run / MODELS[1]), str(images)) == 0
        assert f"{n} of {n} images classified" in capsys.readouterr().out


def test_long_class_names_keep_the_columns_apart(capsys):
    from types import SimpleNamespace

    from keras_derm.jobs.prediction_rows import ShownTable

    classes = "melanoma", "other"
    table = ShownTable(SimpleNamespace(sets=None, reference=None, classes=classes))
    row = dict.fromkeys(("ita", "prediction_set", "error"))
    row |= {"image": "a.jpg", "diagnosis": "melanoma", "melanoma": 0.912}
    nothing = {"warnings": [], "outline": []}
    table.show(row | nothing | {"ita_type": "II", "ita_reason": "?"})
    header, shown = capsys.readouterr().out.splitlines()
    assert "melanoma 0.912" in shown
    assert header.index("set") == shown.index("–")


def test_command_takes_a_model_and_any_number_of_images(run, photographs, tmp_path):
    good = sorted(photographs.glob("*/*"))[0]
    command = [sys.executable, APP, run / MODELS[1], good, photographs / "bad.jpg"]
    output = tmp_path / "found.csv"
    found = subprocess.run(
        [*command, "--output", output, "--batch-size", "1"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1, found.stderr
    assert "not read: not an image" in found.stdout
    assert "1 of 2 images classified" in found.stdout
    assert len(pd.read_csv(output)) == 2


def test_values_without_option_get_theirs():
    names = ("model", "images*")
    assert with_options(["m", "a", "b", "--output", "x"], names) == [
        "--model=m",
        '--images=["a", "b"]',
        "--output",
        "x",
    ]
    assert with_options(["m"], names) == ["--model=m"]
    assert with_options(["--model", "m"], names) == ["--model", "m"]
    assert with_options(["m", "a"], ()) == ["m", "a"]
