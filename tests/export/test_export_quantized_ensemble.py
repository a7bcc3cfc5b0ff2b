"""An exported ensemble averages its members, and refuses what does not fit."""

import configparser
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from keras_derm.classifiers import build_ensemble, ensemble_members
from keras_derm.export import (
    MANIFEST,
    ModelFileError,
    QuantizedEnsemble,
    QuantizedModel,
    agreement,
    export_ensemble,
    export_tflite,
    load_images,
    peak_memory,
    sidecar_path,
    size_bytes,
)

ROOT = Path(__file__).parents[2]
SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]
WEIGHTS = [0.75, 0.25]


def classifier(name, side):
    inputs = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    steep = keras.initializers.RandomNormal(stddev=4)
    outputs = keras.layers.Dense(3, activation="softmax", kernel_initializer=steep)(x)
    return keras.Model(inputs, outputs, name=name)


def coloured_images(n, seed):
    """Images of one colour each: they tell the classes apart."""
    colours = np.random.default_rng(seed).uniform(0, 255, (n, 1, 1, 3))
    return np.broadcast_to(colours, (n, SIZE, SIZE, 3)).round().astype("uint8")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    members = [classifier("first", SIZE), classifier("second", 16)]
    return build_ensemble(members, SIZE, WEIGHTS)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """The ensemble as a folder, its second member in another mode."""
    return export_ensemble(
        model,
        tmp_path_factory.mktemp("models") / "ensemble",
        coloured_images(50, 0),
        classes=CLASSES,
        member_modes={"second": "dynamic"},
        details={"preset": "cwgan_gp"},
    )


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the folder, to be damaged."""
    return shutil.copytree(exported, tmp_path / "copy")


def change(folder, **changed):
    manifest = folder / MANIFEST
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, **changed}))


def change_member(folder, **changed):
    members = json.loads((folder / MANIFEST).read_text())["members"]
    change(folder, members=[{**members[0], **changed}, *members[1:]])


def test_folder_is_the_weighted_mean_and_agrees_with_float(model, exported):
    ensemble = QuantizedEnsemble(exported, n_threads=1)
    images = coloured_images(100, 1)
    y_prob = ensemble.predict(images)
    parts = [
        QuantizedModel(exported / f"{name}.tflite").predict(images)
        for name in ("first", "second")
    ]
    expected = np.average(parts, axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(y_prob, expected, atol=1e-6)
    found = agreement(model.predict(images.astype("float32"), verbose=0), y_prob)
    assert found["argmax_agreement"] >= 0.95
    assert y_prob.dtype == "float32" and ensemble.classes == tuple(CLASSES)
    assert [one.mode for one in ensemble.members] == ["int8", "dynamic"]
    assert ensemble.mode == "mixed" and ensemble.weights == tuple(WEIGHTS)
    assert ensemble.description["preset"] == "cwgan_gp"


def test_one_file_opens_the_same_way_and_says_the_same(model, exported, tmp_path):
    path = export_ensemble(
        model, tmp_path / "whole", mode="float16", classes=CLASSES, form="file"
    )
    assert path == tmp_path / "whole.tflite"
    one, several = QuantizedEnsemble(path), QuantizedEnsemble(exported / MANIFEST)
    images = coloured_images(20, 2)
    np.testing.assert_allclose(one.predict(images), several.predict(images), atol=0.05)
    assert (one.classes, one.image_size) == (several.classes, several.image_size)


@pytest.mark.parametrize("form", ["file", "folder"])
def test_bytes_and_views_are_kept_in_either_form(tmp_path, form):
    keras.utils.set_random_seed(1)
    members = [classifier("first", SIZE), classifier("second", 16)]
    model = build_ensemble(members, SIZE, WEIGHTS, n_views=8)
    images = np.random.default_rng(3).integers(0, 256, (40, SIZE, SIZE, 3), "uint8")
    path = export_ensemble(
        model, tmp_path / "ensemble", images, classes=CLASSES, form=form, io="uint8"
    )
    ensemble = QuantizedEnsemble(path)
    assert {member.description["io"] for member in ensemble.members} == {"uint8"}
    expected = model.predict(images.astype("float32"), verbose=0)
    found = agreement(expected, ensemble.predict(images))
    assert found["mean_abs_difference"] < 0.02
    turned = ensemble.predict(np.rot90(images, axes=(1, 2)))
    np.testing.assert_allclose(turned, ensemble.predict(images), atol=0.02)


def test_selective_looks_at_each_member_by_itself(model, tmp_path):
    images = coloured_images(20, 0)
    path = export_ensemble(model, tmp_path / "ensemble", images, "selective")
    assert path.is_dir()
    found = QuantizedEnsemble(path)
    assert found.mode == "selective"
    expected = model.predict(images.astype("float32"), verbose=0)
    assert agreement(expected, found.predict(images))["max_abs_difference"] < 0.05
    alone = build_ensemble(ensemble_members(model)[:1], SIZE)
    assert export_ensemble(alone, tmp_path / "one", images, "selective").is_file()


def test_what_cannot_be_converted_whole_becomes_a_folder(model, tmp_path, monkeypatch):
    def refuse(written, *arguments):
        if written is model:
            raise RuntimeError("no such operation")
        return export_tflite(written, *arguments)

    monkeypatch.setattr("keras_derm.export.ensemble.export_tflite", refuse)
    arguments = model, tmp_path / "ensemble", None, "float16", CLASSES
    with pytest.raises(RuntimeError, match="no such operation"):
        export_ensemble(*arguments, form="file")
    path = export_ensemble(*arguments)
    assert path.is_dir() and len(QuantizedEnsemble(path).members) == 2


def test_batches_and_single_images_are_told_the_same(exported):
    ensemble = QuantizedEnsemble(exported)
    images = coloured_images(5, 3)
    single = [ensemble.predict(image[np.newaxis])[0] for image in images]
    np.testing.assert_allclose(ensemble.predict(images), single, atol=1e-6)
    assert ensemble.predict(images[:0]).shape == (0, 3)


def test_size_is_that_of_all_files(exported):
    sizes = [file.stat().st_size for file in exported.iterdir()]
    assert len(sizes) == 5 and size_bytes(exported) == sum(sizes)


def test_inference_needs_neither_tensorflow_nor_pandas(exported, tmp_path):
    photograph = tmp_path / "lesion.png"
    Image.fromarray(coloured_images(1, 4)[0]).resize((60, 45)).save(photograph)
    forbidden = ["tensorflow", "keras", "pandas", "yaml", "scipy", "cv2", "rich"]
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({forbidden}))\n"
        "from keras_derm.export import QuantizedEnsemble, load_images\n"
        f"ensemble = QuantizedEnsemble({str(exported)!r}, n_threads=2)\n"
        f"images = load_images([{str(photograph)!r}], ensemble.image_size)\n"
        "assert ensemble.predict(images).shape == (1, 3)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_readme_installs_what_the_extra_names():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    extra = settings["options.extras_require"]["runtime"].split("\n")[1:]
    wanted = " ".join(f'"{one.replace(" ", "")}"' for one in extra)
    assert f"pip install {wanted}\n" in (ROOT / "docs/export.md").read_text()


def test_photographs_are_loaded_as_the_preset_resizes_them(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype("uint8")
    Image.fromarray(image).save(tmp_path / "a.png")
    (loaded,) = load_images([tmp_path / "a.png"], (SIZE, 24))
    resizing = keras.layers.Resizing(SIZE, 24, antialias=True, dtype="float32")
    expected = np.asarray(resizing(image[np.newaxis].astype("float32")))[0]
    assert loaded.shape == (SIZE, 24, 3)
    # Pillow rounds after each of its two passes.
    assert np.abs(loaded - expected).max() <= 2


def test_memory_is_that_of_a_process_of_its_own(exported):
    found = peak_memory(exported)
    # Far below what this process holds, which has TensorFlow in it.
    assert 10 < found["libraries_mb"] <= found["peak_mb"] < 300


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, True, "2"])
def test_wrong_number_of_threads_is_refused(exported, n_threads):
    with pytest.raises(ValueError, match="`n_threads`.*Received:"):
        QuantizedEnsemble(exported, n_threads)


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((1, 16, 16, 3)), "shape"),
        (np.zeros((SIZE, SIZE, 3)), "shape"),
        (np.zeros((1, SIZE, SIZE, 1)), "shape"),
        (np.zeros((1, 3, SIZE, SIZE)), "shape"),
        ([np.zeros((SIZE, SIZE, 3)), np.zeros((8, 8, 3))], "one array"),
        (np.full((1, SIZE, SIZE, 3), "a"), "numbers"),
        (np.ones((1, SIZE, SIZE, 3), bool), "numbers"),
        (np.ones((1, SIZE, SIZE, 3), complex), "numbers"),
        (np.full((1, SIZE, SIZE, 3), 256.0), "0, 255"),
        (np.full((1, SIZE, SIZE, 3), -1.0), "0, 255"),
        (np.full((1, SIZE, SIZE, 3), np.nan), "0, 255"),
        (np.full((1, SIZE, SIZE, 3), 0.5), "scaled to"),
        ("lesion.jpg", "shape"),
        (None, "shape"),
    ],
)
def test_wrong_images_are_refused(exported, images, message):
    with pytest.raises(ValueError, match=message) as error:
        QuantizedEnsemble(exported).predict(images)
    assert "Received:" in str(error.value)


def test_missing_files_are_named(copy, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.tflite"):
        QuantizedEnsemble(tmp_path / "absent.tflite")
    with pytest.raises(FileNotFoundError, match=MANIFEST):
        QuantizedEnsemble(tmp_path)
    sidecar_path(copy / "second.tflite").unlink()
    with pytest.raises(FileNotFoundError, match="second.json"):
        QuantizedEnsemble(copy)
    (copy / "first.tflite").unlink()
    with pytest.raises(FileNotFoundError, match="missing. Received: .*first.tflite"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.tflite",
        "/etc/hostname",
        "sub/../first.tflite",
        "sub/first.tflite",
        "..",
        "",
        "C:\\models\\first.tflite",
        "..\\outside.tflite",
        7,
        None,
    ],
)
def test_manifest_cannot_name_files_elsewhere(copy, name):
    shutil.copy(copy / "first.tflite", copy.parent / "outside.tflite")
    shutil.copy(copy / "first.json", copy.parent / "outside.json")
    change_member(copy, file=name)
    with pytest.raises(ModelFileError, match="its own folder.*Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize("suffix", [".tflite", ".json"])
def test_links_to_outside_are_refused(copy, suffix):
    outside = copy.parent / f"outside{suffix}"
    (copy / f"first{suffix}").rename(outside)
    (copy / f"first{suffix}").symlink_to(outside)
    with pytest.raises(ModelFileError, match="links to outside.*Received:"):
        QuantizedEnsemble(copy)


def test_damaged_member_is_refused(copy):
    path = copy / "first.tflite"
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match="damaged.*Received:"):
        QuantizedEnsemble(copy)
    path.write_bytes(b"no model at all")
    with pytest.raises(ModelFileError, match="no TFLite model.*Received:"):
        QuantizedEnsemble(copy)


def test_member_of_another_export_is_refused(copy):
    for suffix in (".tflite", ".json"):
        shutil.copy(copy / f"second{suffix}", copy / f"first{suffix}")
    with pytest.raises(ModelFileError, match="is not the file that.*Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize("classes", [["NV", "MEL", "BCC"], ["MEL", "NV", "AK"]])
def test_members_must_have_the_manifests_classes_in_its_order(copy, classes):
    sidecar = copy / "first.json"
    description = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**description, "classes": classes}))
    with pytest.raises(ModelFileError, match="other classes.*Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize(
    "classes", [["MEL", "NV"], ["MEL", "NV", "BCC", "AK"], ["MEL", "BCC", "NV"]]
)
def test_manifest_must_have_the_members_classes(copy, classes):
    change(copy, classes=classes)
    with pytest.raises(ModelFileError, match="other classes.*Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"classes": "MEL"}, "different names"),
        ({"classes": []}, "different names"),
        ({"classes": ["MEL", "MEL", "NV"]}, "different names"),
        ({"classes": ["MEL", "NV", 3]}, "different names"),
        ({"image_size": 32}, "height, width"),
        ({"image_size": [16, 16]}, "another size"),
        ({"members": []}, "no members"),
        ({"members": {}}, "no members"),
        ({"members": ["first.tflite"]}, "lacks"),
        ({"members": [{"name": "first"}]}, "lacks"),
    ],
)
def test_wrong_manifest_is_refused(copy, changed, message):
    change(copy, **changed)
    with pytest.raises(ModelFileError, match=message) as error:
        QuantizedEnsemble(copy)
    assert "Received:" in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_manifest_is_refused(copy, text):
    (copy / MANIFEST).write_text(text)
    with pytest.raises(ModelFileError, match="Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize("weight", [0.5, -0.75, "0.75", None, True, float("nan")])
def test_wrong_weights_are_refused(copy, weight):
    change_member(copy, weight=weight)
    with pytest.raises(ModelFileError, match="weights in.*Received:"):
        QuantizedEnsemble(copy)


def test_a_file_listed_twice_is_refused(copy):
    change_member(copy, file="second.tflite")
    with pytest.raises(ModelFileError, match="more than once.*Received:"):
        QuantizedEnsemble(copy)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"form": "zip"}, "`form`"),
        ({"mode": "int4"}, "a mode"),
        ({"member_modes": {"third": "int8"}}, "`member_modes`"),
        ({"member_modes": {"first": "int4"}}, "a mode"),
        ({"member_modes": {"first": "float16"}, "form": "file"}, "one mode"),
        ({"classes": ["MEL"]}, "`classes`"),
    ],
)
def test_wrong_export_is_refused_and_writes_nothing(model, tmp_path, changed, message):
    settings = {"mode": "dynamic", "form": "folder", **changed}
    with pytest.raises(ValueError, match=message) as error:
        export_ensemble(model, tmp_path / "ensemble", **settings)
    assert "Received:" in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_model_of_bytes_is_run_as_one_of_floats(tmp_path, kind):
    """Images and probabilities in bytes, as a phone's accelerator wants them."""
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    member = classifier("bytes", SIZE)
    images = coloured_images(50, 5)
    batches = [[image[np.newaxis].astype("float32")] for image in images]
    path = tmp_path / "bytes.tflite"
    member.export(
        path,
        format="litert",
        input_signature=[keras.InputSpec("float32", (1, SIZE, SIZE, 3))],
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: iter(batches),
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        inference_input_type=getattr(tf, kind),
        inference_output_type=getattr(tf, kind),
    )
    facts = {"classes": CLASSES, "image_size": [SIZE, SIZE], "mode": "int8"}
    facts["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    sidecar_path(path).write_text(json.dumps(facts))
    y_prob = QuantizedModel(path).predict(images)
    y_float = member.predict(images.astype("float32"), verbose=0)
    assert agreement(y_float, y_prob)["max_abs_difference"] < 0.05
