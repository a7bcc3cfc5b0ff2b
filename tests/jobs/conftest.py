"""Phantoms and runs that the processes of a test session make once and share."""

import keras
import pytest
from filelock import FileLock

from keras_derm import jobs
from keras_derm.catalog import Catalog, get_task
from keras_derm.export import export_tflite
from keras_derm.jobs import audit_skin_tone
from keras_derm.phantom import render
from keras_derm.runs.records import Record
from keras_derm.settings import MemberSettings, SynthesizeSettings


def tiny_classifier(name, side, n_classes):
    inputs = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    steep = keras.initializers.RandomNormal(stddev=4)
    outputs = keras.layers.Dense(
        n_classes, activation="softmax", kernel_initializer=steep
    )(x)
    return keras.Model(inputs, outputs, name=name)


@pytest.fixture(scope="module")
def small_tflite(tmp_path_factory):
    """A small exported classifier of MEL, NV and BCC without sets, path."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    path = tmp_path_factory.mktemp("model") / "small.tflite"
    classes = ["MEL", "NV", "BCC"]
    export_tflite(keras.Model(inputs, outputs), path, mode="dynamic", classes=classes)
    return str(path)


@pytest.fixture(scope="session", autouse=True)
def few_casts():
    """Audits look at two photographs under casts of colour, in place of sixty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_skin_tone, "N_UNDER_CASTS", 2)
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id):
    """Have a folder filled by one process of the session, for all of them to read."""

    def made(name, fill):
        if worker_id == "master":  # one process
            folder = tmp_path_factory.mktemp(name)
            fill(folder)
            return folder
        folder = tmp_path_factory.getbasetemp().parent / name
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / "whole").is_file():
                folder.mkdir()
                fill(folder)
                (folder / "whole").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def phantoms(made_once):
    """The images of `phantom:n=N,seed=3,size=64` for N up to 120, where jobs look."""

    def fill(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KERAS_DERM_CACHE", str(folder))
            render(120, 3, 64, progress=False)

    folder = made_once("phantoms", fill)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_DERM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def audited_run(made_once, phantoms):
    """Run directory: 40 photographs, audited. To be copied."""

    def fill(folder):
        data = "phantom:n=40,seed=3,size=64"
        jobs.run_stage("audit_skin_tone", folder / "run", data=data)

    return made_once("audited", fill) / "run"


@pytest.fixture(scope="session")
def prepared_run(made_once, phantoms):
    """Run directory: 100 photographs, audited and prepared at 32 px. To be copied."""

    def fill(folder):
        data = "phantom:n=100,seed=3,size=64"
        jobs.run_stage("audit_skin_tone", folder / "run", data=data)
        jobs.run_stage("prepare_dataset", folder / "run", image_size=32)

    return made_once("prepared", fill) / "run"


@pytest.fixture(scope="session")
def evaluated_run(made_once, phantoms):
    """Run directory: audited, prepared, both arms with the same two members.

    Its ensemble is evaluated, though its members were never trained. To be copied.
    """
    return made_once("evaluated", make_evaluated_run) / "run"


def make_evaluated_run(folder):
    """Make it in a folder."""
    run = folder / "run"
    jobs.run_stage("audit_skin_tone", run, data="phantom:n=64,seed=3,size=64")
    jobs.run_stage("prepare_dataset", run, image_size=32, fractions=(0.5, 0.17, 0.33))
    # Nothing was synthesised, and no generator is needed to say so.
    Record(SynthesizeSettings()).write(run / "stages/synthesize.json", 0.0)
    train = Catalog.load(run / "catalog.csv").split("train")
    n_classes = len(get_task("diagnosis8").present_in(train).classes)
    keras.utils.set_random_seed(0)
    members = []
    for name, side in (("first", 32), ("second", 24)):
        file = folder / f"{name}.keras"
        tiny_classifier(name, side, n_classes).save(file)
        members.append(MemberSettings("CustomCNN", file=str(file)))
    for arm in ("baseline", "augmented"):
        jobs.run_stage("train_classifier", run, arm=arm, members=members)
    jobs.run_stage("evaluate", run, n_replicates=50)
