from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.classifiers import (
    BACKBONES,
    build_classifier,
    build_ensemble,
    ensemble_members,
    load_classifier,
    member_numbers,
    views_of,
)
from keras_derm.explain import feature_layers
from keras_derm.networks import InputScaling, freeze
from keras_derm.settings import MemberSettings


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("name", ["ResNet50", "VGG16", "MobileNetV2"])
def test_scaling_equals_keras_applications(name):
    modules = {
        "ResNet50": keras.applications.resnet50,
        "VGG16": keras.applications.vgg16,
        "MobileNetV2": keras.applications.mobilenet_v2,
    }
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    expected = modules[name].preprocess_input(images.copy())
    scaled = InputScaling(BACKBONES[name].scaling)(images)
    np.testing.assert_allclose(np.asarray(scaled), expected, atol=1e-4)


@pytest.mark.slow
def test_efficientnet_divides_colours_by_the_deviations_in_its_imagenet_file(
    tmp_path,
):
    """The file has 0.229 where a variance belongs; Keras mends downloads alone."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    published = keras.applications.EfficientNetB0(weights=None, include_top=False)
    published.get_layer("normalization").set_weights([mean, deviation, np.array(0)])
    published.save_weights(tmp_path / "efficientnetb0_notop.weights.h5")
    weights = str(tmp_path / "efficientnetb0_notop.weights.h5")
    model = build_classifier("EfficientNetB0", 2, 32, weights=weights)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    for one in (model, load_classifier(tmp_path / "model.keras")):
        layer = next(
            layer for layer in one.layers if type(layer).__name__ == "Normalization"
        )
        scaled = keras.Model(one.input, layer.output)(images)
        expected = (images / 255 - mean) / deviation
        np.testing.assert_allclose(np.asarray(scaled), expected, atol=1e-4)


def test_vgg_gap_pools_the_features_of_vgg16_into_a_softmax():
    model = build_classifier("VGG16", 2, 32, dropout=0.0)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    reference = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    names = [layer.name for layer in reference.layers if layer.weights]
    for name in names:
        weights = model.get_layer(name).get_weights()
        reference.get_layer(name).set_weights(weights)
    kernel, bias = model.get_layer("probabilities").get_weights()
    features = reference(keras.applications.vgg16.preprocess_input(images.copy()))
    logits = np.asarray(features).mean(axis=(1, 2)) @ kernel + bias
    np.testing.assert_allclose(
        np.asarray(model(images)), np.asarray(tf.nn.softmax(logits)), atol=1e-4
    )
    assert BACKBONES["VGG16"].image_size == 256


def test_head_of_lora_diffusion_is_512_units_and_dropout():
    model = build_classifier("EfficientNetB0", 2, 32, dropout=0.3, hidden_units=512)
    head = model.layers[-4:]
    assert [layer.name for layer in head] == [
        "pooling",
        "hidden",
        "dropout",
        "probabilities",
    ]
    assert head[1].units == 512 and head[2].rate == 0.3
    assert head[1].activation is keras.activations.relu


def test_classifier_sees_the_middle_of_a_larger_image_and_in_training_a_part():
    model = build_classifier("CustomCNN", 2, 32, cropped_from=40)
    keras.utils.set_random_seed(0)
    alone = build_classifier("CustomCNN", 2, 32)
    alone.set_weights(model.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (3, 40, 40, 3)).astype("float32")
    assert model.input_shape == (None, 40, 40, 3) and model.name == alone.name
    np.testing.assert_array_equal(model(images), alone(images[:, 4:36, 4:36]))
    crop = model.get_layer("crop")
    first, second = (np.array(crop(images, training=True)) for _ in range(2))
    assert first.shape == (3, 32, 32, 3) and np.abs(first - second).mean() > 1
    with pytest.raises(ValueError, match="32 pixels or more.*Received: 24"):
        build_classifier("CustomCNN", 2, 32, cropped_from=24)


def test_classifier_reads_the_means_of_the_layers_that_are_named():
    names = ("block2b_add", "block5c_add")
    model = build_classifier("EfficientNetLite0", 3, 48, pooled_layers=names)
    maps = [model.get_layer(name).output for name in names]
    both = keras.Model(model.inputs[0], [*maps, model.get_layer("pooling").output])
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype("float32")
    *maps, read = (np.asarray(one) for one in both(images))
    means = np.concatenate([one.mean(axis=(1, 2)) for one in maps], axis=1)
    assert means.shape == (2, 24 + 112)
    np.testing.assert_allclose(read, means, atol=1e-5)
    whole = build_classifier("EfficientNetLite0", 3, 48)
    assert model.count_params() < whole.count_params() / 4
    assert model.name != whole.name


def test_probe_is_no_second_training_of_its_backbone():
    whole = MemberSettings("EfficientNetLite0", image_size=48)
    probe = replace(whole, pooled_layers=("block2b_add",))
    assert member_numbers([whole, probe, whole, probe]) == [0, 0, 1, 1]


def test_layers_without_a_map_are_refused_with_one_that_has():
    for name in ("block9a_add", "image"):
        with pytest.raises(ValueError, match=f"such as 'block.*Received: '{name}'"):
            build_classifier("EfficientNetLite0", 3, 48, pooled_layers=(name,))


@pytest.mark.parametrize("name", ["CustomCNN", "SmallResNet", "VGG16", "MobileNetV2"])
def test_class_activation_reaches_the_last_feature_maps(name):
    model = build_classifier(name, 3, 64)
    (layer,) = feature_layers(model)
    both = keras.Model(model.inputs[0], [layer.output, model.output])
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    with tf.GradientTape() as tape:
        maps, y_prob = both(images)
        tape.watch(maps)
        score = model.get_layer("probabilities")(model.get_layer("pooling")(maps))[0, 0]
    np.testing.assert_allclose(score, y_prob[0, 0], rtol=1e-5)
    assert np.any(np.asarray(tape.gradient(score, maps)))


def test_weights_by_name_are_refused_where_there_are_none():
    with pytest.raises(ValueError, match="CustomCNN has no ImageNet weights"):
        build_classifier("CustomCNN", 2, 32, weights="imagenet")
    with pytest.raises(ValueError, match=r"16 pixels or more. Received: \(8, 8\)"):
        build_classifier("CustomCNN", 2, 8)
    with pytest.raises(ValueError, match=r"8 pixels or more. Received: \(7, 7\)"):
        build_classifier("SmallResNet", 2, 7)


@pytest.mark.parametrize("side, positions", [(28, 4), (8, 1), (33, 5)])
def test_small_resnet_keeps_positions_of_small_images(side, positions):
    model = build_classifier("SmallResNet", 2, side)
    assert model.get_layer("pooling").input.shape == (None, positions, positions, 256)


def test_efficientnet_lite0_is_efficientnetb0_without_what_int8_harms():
    lite = build_classifier("EfficientNetLite0", 3, 32)
    full = build_classifier("EfficientNetB0", 3, 32)

    def kernels(model):
        return {
            layer.name: tuple(layer.kernel.shape)
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D) and "_se_" not in layer.name
        }

    assert kernels(lite) == kernels(full)
    assert lite.get_layer("top_activation").output.shape == (None, 1, 1, 1280)
    n_weights = sum(int(np.prod(w.shape)) for w in lite.trainable_weights)
    n_top = lite.get_layer("probabilities").count_params()
    assert n_weights - n_top + 1281 * 1000 == 4_652_008  # of the release, 1,000 classes
    kinds = {type(layer).__name__ for layer in lite.layers}
    assert not {"Multiply", "Activation", "Reshape"} & kinds
    rectified = [x for x in lite.layers if isinstance(x, keras.layers.ReLU)]
    assert {layer.max_value for layer in rectified} == {6.0}


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        "EfficientNetB0",
        "EfficientNetLite0",
        "CustomCNN",
        "SmallResNet",
    ],
)
def test_classifier_saves_and_predicts_the_same(name, tmp_path):
    model = build_classifier(name, 5, 32, batch_norm_momentum=0.9)
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype("float32")
    before = model.predict(images, verbose=0)
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), before, atol=1e-6)
    momenta = {
        layer.momentum
        for layer in loaded.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {0.9}


@pytest.mark.parametrize("n_views", [4, 8])
def test_ensemble_averages_over_quarter_turns_and_their_mirror_images(
    tmp_path, n_views
):
    member = build_classifier("SmallResNet", 4, 16)
    images = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype("float32")
    views = [np.rot90(images, turns, (1, 2)) for turns in range(4)]
    views += [view[:, :, ::-1] for view in views]
    views = views[:n_views]
    expected = np.mean([member.predict(v, verbose=0) for v in views], axis=0)
    ensemble = build_ensemble([member], 16, n_views=n_views)
    np.testing.assert_allclose(ensemble.predict(images, verbose=0), expected, atol=1e-6)
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = load_classifier(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-6)
    assert ensemble_members(loaded)[0].output_shape == (None, 4)
    assert (views_of(loaded), views_of(member)) == (n_views, 1)


def test_ensemble_averages_members_at_their_sizes(tmp_path):
    members = [build_classifier("MobileNetV2", 4, side) for side in (48, 32)]
    ensemble = build_ensemble(members, 48)
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype("float32")
    small = tf.image.resize(images, (32, 32))
    expected = (np.asarray(members[0](images)) + np.asarray(members[1](small))) / 2
    np.testing.assert_allclose(np.asarray(ensemble(images)), expected, atol=1e-5)
    assert ensemble_members(ensemble) == members
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(np.asarray(loaded(images)), expected, atol=1e-5)


def test_members_of_different_classes_are_refused():
    members = [build_classifier("MobileNetV2", n, 32) for n in (3, 4)]
    with pytest.raises(ValueError, match="same classes"):
        build_ensemble(members, 32)


def test_errors_say_the_way_out(tmp_path):
    with pytest.raises(ValueError, match="Received: 'resnet'"):
        build_classifier("resnet", 2)
    with pytest.raises(FileNotFoundError, match="no weights file for ResNet50"):
        build_classifier("ResNet50", 2, 32, weights=str(tmp_path / "absent.h5"))
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="does not hold weights of MobileNetV2"):
        build_classifier("MobileNetV2", 2, 32, weights=str(damaged))


@pytest.mark.real_data
def test_imagenet_weights_are_taken_from_a_path(shared_data):
    path = shared_data / "weights/mobilenet_v2_1.0_224_imagenet_notop.weights.h5"
    model = build_classifier("MobileNetV2", 7, 96, weights=str(path))
    reference = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(224, 224, 3)
    )
    reference.load_weights(path)
    np.testing.assert_array_equal(
        model.get_layer("Conv1").get_weights()[0],
        reference.get_layer("Conv1").get_weights()[0],
    )


def test_frozen_layers_stay_and_the_others_learn():
    model = build_classifier("MobileNetV2", 3, 32)
    freeze(model, "block_5_add")
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.compile("sgd", "categorical_crossentropy")
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    model.train_on_batch(images, np.eye(3, dtype="float32")[[0, 1, 2, 0]])
    changed = {
        layer.name
        for layer in model.layers
        for one, other in zip(layer.get_weights(), before[layer.name], strict=True)
        if not np.array_equal(one, other)
    }
    assert "Conv1" not in changed and "block_5_project_BN" not in changed
    assert {"block_6_expand", "block_6_expand_BN", "probabilities"} <= changed


def test_freezing_up_to_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="Received: 'block_99'"):
        freeze(build_classifier("MobileNetV2", 3, 32), "block_99")


def test_backbone_hidden_in_one_layer_is_no_member():
    backbone = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]
    )
    model = keras.Sequential([backbone, keras.layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match=r"backbone.output.*Received:"):
        ensemble_members(model)
