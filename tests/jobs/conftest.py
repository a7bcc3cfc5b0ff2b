"""A small run with an evaluated ensemble whose members were never trained."""

import keras
import pytest
from filelock import FileLock

from keras_derm import jobs
from keras_derm.catalog import Catalog, get_task
from keras_derm.jobs import audit_skin_tone
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


@pytest.fixture(scope="session")
def evaluated_run(tmp_path_factory, worker_id):
    """Run directory: audited, prepared, both arms with the same two members.

    The processes of one test session share it: no test changes it, but a copy.
    """
    if worker_id == "master":  # one process
        return make_evaluated_run(tmp_path_factory.mktemp("evaluated"))
    folder = tmp_path_factory.getbasetemp().parent / "evaluated"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "whole").is_file():
            folder.mkdir()
            make_evaluated_run(folder)
            (folder / "whole").touch()
    return folder / "run"


def make_evaluated_run(folder):
    """Make it in a folder, and return its path."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_DERM_CACHE", str(folder / "cache"))
    patch.setattr(audit_skin_tone, "N_UNDER_CASTS", 2)
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
    patch.undo()
    return run
