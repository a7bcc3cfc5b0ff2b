"""Members that learn once more for their quantised form are still the ensemble."""

import json

import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_ensemble
from keras_derm.export import (
    MANIFEST,
    QuantizedEnsemble,
    TrainingImages,
    export_ensemble,
)
from keras_derm.settings import FineTuningSettings

SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]
WEIGHTS = [0.75, 0.25]
ONE_TINY_STEP = {"n_steps": 1, "batch_size": 8, "learning_rate": 1e-7}


def classifier(name, side):
    """A network whose answer depends on where in the image a colour is."""
    inputs = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, strides=4, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    steep = keras.initializers.RandomNormal(stddev=0.7)
    outputs = keras.layers.Dense(3, activation="softmax", kernel_initializer=steep)(x)
    return keras.Model(inputs, outputs, name=name)


def images(n, seed):
    """Four squares of one colour each: no view of an image is like another."""
    squares = np.random.default_rng(seed).integers(0, 256, (n, 2, 2, 3))
    return squares.repeat(SIZE // 2, 1).repeat(SIZE // 2, 2).astype("uint8")


def ensemble(n_views):
    keras.utils.set_random_seed(0)
    members = [classifier("first", SIZE), classifier("second", 20)]
    return build_ensemble(members, SIZE, WEIGHTS, n_views=n_views)


def exported(model, path, fine_tuning, **settings):
    shown = images(40, 0)
    return export_ensemble(
        model,
        path,
        shown,
        classes=CLASSES,
        fine_tuning=fine_tuning,
        training_images=TrainingImages(shown.__getitem__, len(shown)),
        **settings,
    )


def check_agreement(model, path, tolerance):
    """The file answers as the float ensemble on images that it tells apart."""
    seen = images(30, 1)
    y_prob = model.predict(seen.astype("float32"), verbose=0)
    found = QuantizedEnsemble(path).predict(seen)
    assert y_prob.std(axis=0).min() > 4 * tolerance
    assert np.abs(found - y_prob).mean() < tolerance


@pytest.mark.slow
def test_members_that_hardly_learned_agree_with_the_float_ensemble(tmp_path):
    model = ensemble(n_views=8)
    before = model.get_weights()
    path = exported(
        model, tmp_path / "model", FineTuningSettings("qat", **ONE_TINY_STEP)
    )
    check_agreement(model, path, 0.01)
    seen = images(30, 1).astype("float32")
    one_view = ensemble(n_views=1).predict(seen, verbose=0)
    assert np.abs(one_view - model.predict(seen, verbose=0)).mean() > 0.03
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    members = json.loads((path / MANIFEST).read_text())["members"]
    assert [member["method"] for member in members] == ["qat", "qat"]
    assert [member["weight"] for member in members] == WEIGHTS
    for member in QuantizedEnsemble(path).members:
        written = member.description
        assert (written["method"], written["mode"]) == ("qat", "int8")
        assert (written["n_steps"], written["image_size"]) == (1, [SIZE, SIZE])
        # The file against the fine-tuned network, from the ensemble's image on.
        assert written["tflite_mean_abs_difference"] < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("n_views", [1, 4])
def test_bytes_go_in_and_a_member_may_stay_as_it_is(tmp_path, n_views):
    model = ensemble(n_views)
    path = exported(
        model,
        tmp_path / "model",
        FineTuningSettings("qat", **ONE_TINY_STEP),
        member_modes={"first": "dynamic"},
    )
    check_agreement(model, path, 0.01)
    members = json.loads((path / MANIFEST).read_text())["members"]
    assert [(member["mode"], member["method"]) for member in members] == [
        ("dynamic", "post_training"),
        ("int8", "qat"),
    ]
    alone = build_ensemble([model.get_layer("second")], SIZE, n_views=n_views)
    path = exported(
        alone, tmp_path / "one", FineTuningSettings("qat", **ONE_TINY_STEP), io="uint8"
    )
    assert path.name == "one.tflite"
    assert QuantizedEnsemble(path).description["io"] == "uint8"
    check_agreement(alone, path, 0.02)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["int8", "dynamic", "float16"])
def test_pruned_members_take_the_ensembles_image(tmp_path, mode):
    model = ensemble(n_views=8)
    tuning = FineTuningSettings("pruning", **ONE_TINY_STEP, sparsity=0.0)
    path = exported(model, tmp_path / "model", tuning, mode=mode)
    check_agreement(model, path, 0.01)
    assert QuantizedEnsemble(path).mode == mode


@pytest.mark.slow
def test_a_member_learns_the_targets_or_imitates_itself(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_ensemble([classifier("only", 20)], SIZE)
    shown = images(40, 0)
    y_prob = model.predict(shown.astype("float32"), verbose=0)
    least = y_prob.argmin(axis=1)
    training = TrainingImages(shown.__getitem__, 40, np.eye(3)[least], np.ones(40))
    of_least, changed = {}, {}
    for imitate in (True, False):
        path = export_ensemble(
            model,
            tmp_path / str(imitate),
            shown,
            classes=CLASSES,
            fine_tuning=FineTuningSettings(
                n_steps=100, learning_rate=1e-3, imitate=imitate
            ),
            training_images=training,
        )
        found = QuantizedEnsemble(path).predict(shown)
        of_least[imitate] = found[np.arange(40), least].mean()
        changed[imitate] = np.abs(found - y_prob).mean()
    assert changed[True] < 0.02
    assert of_least[False] > of_least[True] + 0.2


@pytest.mark.parametrize(
    "tuning, settings, message",
    [
        ({"method": "magic"}, {}, "`method`"),
        ({"method": "qat"}, {"mode": "float16"}, "qat gives int8"),
        ({"method": "pruning"}, {"mode": "selective"}, "has one mode"),
        (
            {"method": "pruning"},
            {"member_modes": {"first": "selective"}},
            "has one mode",
        ),
        ({}, {"form": "file"}, "a file each"),
        ({"n_steps": 0}, {}, "`n_steps`"),
        ({"batch_size": 0}, {}, "`batch_size`"),
        ({"imitate": False}, {}, "`targets`"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_learns(
    tmp_path, tuning, settings, message
):
    with pytest.raises(ValueError, match=message) as error:
        exported(
            ensemble(1),
            tmp_path / "model",
            FineTuningSettings(**tuning),
            **settings,
        )
    assert "Received:" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_images_to_learn_from_are_asked_for(tmp_path):
    with pytest.raises(ValueError, match="needs `training_images`.*Received: None"):
        export_ensemble(
            ensemble(1),
            tmp_path / "model",
            images(4, 0),
            fine_tuning=FineTuningSettings(),
        )
