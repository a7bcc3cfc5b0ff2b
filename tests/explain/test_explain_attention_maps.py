"""Maps point at the evidence and average the members of an ensemble."""

import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_classifier, build_ensemble
from keras_derm.explain import (
    METHODS,
    attention_inside,
    attention_maps,
    map_regions,
    member_attention_maps,
)
from keras_derm.layers import RandomResizedCrop

SIZE = 32


def square_detector(size=SIZE, cropped_from=None):
    """Classifier whose logit of class 1 is the mean redness: known by construction."""
    side = cropped_from or size
    inputs = keras.Input((side, side, 3))
    seen = RandomResizedCrop(size)(inputs) if cropped_from else inputs
    x = keras.layers.Rescaling(1 / 255)(seen)
    x = keras.layers.Conv2D(2, 4, strides=4, activation="relu", name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax", name="probabilities")(x)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((4, 4, 3, 2), "float32")
    kernel[:, :, 0, 0] = 1 / 16  # channel 0 sees red, channel 1 sees green
    kernel[:, :, 1, 1] = 1 / 16
    model.get_layer("conv").set_weights([kernel, np.zeros(2, "float32")])
    weights = np.array([[0, 5], [5, 0]], "float32")
    model.get_layer("probabilities").set_weights([weights, np.zeros(2, "float32")])
    return model


def test_map_lies_over_the_part_that_a_classifier_sees():
    """A classifier of the middle half shows nothing of what is around it."""
    model, cut = square_detector(), square_detector(cropped_from=2 * SIZE)
    image = np.zeros((1, 2 * SIZE, 2 * SIZE, 3), "uint8")
    image[:, 16:48, 16:48] = red_and_green_squares()
    (found,) = attention_maps(cut, image, 1)
    (expected,) = attention_maps(model, image[:, 16:48, 16:48], 1)
    slope = np.array([0.125, 0.375, 0.625, 0.875])
    fading = np.concatenate([slope, np.ones(24), slope[::-1]])
    expected = expected * fading[:, None] * fading
    np.testing.assert_allclose(found[16:48, 16:48], expected, atol=1e-5)
    assert found.sum() == found[16:48, 16:48].sum() > 0


def test_map_of_the_middle_has_no_frame():
    cut = square_detector(cropped_from=2 * SIZE)
    red = np.zeros((1, 2 * SIZE, 2 * SIZE, 3), "uint8")
    red[..., 0] = 255  # all that is seen speaks for the class
    (found,) = attention_maps(cut, red, 1)
    middle = found[2 * SIZE // 2]
    assert middle[20:44].min() == 1
    assert np.abs(np.diff(middle)).max() < 0.3


def random_classifier(seed, size=64):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    backbone = keras.applications.MobileNetV2(
        input_tensor=x, include_top=False, weights=None, alpha=0.35
    )
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    outputs = keras.layers.Dense(8, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs)


def red_and_green_squares():
    """Black image with a red square top left and a green one bottom right."""
    image = np.zeros((1, SIZE, SIZE, 3), "uint8")
    image[0, 4:12, 4:12, 0] = 255
    image[0, 20:28, 20:28, 1] = 255
    return image


def linear_classifier(kernel):
    """Classifier whose two logits are sums over the pixels, weighted by `kernel`."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(2, activation="softmax", use_bias=False)(x)
    model = keras.Model(inputs, outputs)
    model.set_weights([kernel.reshape(-1, 2)])
    return model


CLASS_ACTIVATION = ("grad_cam", "grad_cam_plus_plus", "layer_cam")


@pytest.mark.parametrize("method", CLASS_ACTIVATION)
@pytest.mark.parametrize("class_index, peak", [(1, (8, 8)), (0, (24, 24))])
def test_map_lies_on_the_square_of_the_class(method, class_index, peak):
    maps = attention_maps(
        square_detector(), red_and_green_squares(), class_index, method
    )
    assert maps.shape == (1, SIZE, SIZE) and maps.dtype == "float32"
    assert maps.min() >= 0 and maps.max() == 1
    around = np.zeros((1, SIZE, SIZE))
    around[0, peak[0] - 8 : peak[0] + 8, peak[1] - 8 : peak[1] + 8] = 1
    assert attention_inside(maps, around) > 0.99


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam"])
def test_map_equals_the_class_activation_map_where_a_dense_layer_follows_pooling(
    method,
):
    """With global pooling and one dense layer both are CAM: sum of w * features."""
    model = square_detector()
    images = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), "uint8")
    features = keras.Model(model.inputs, model.get_layer("conv").output)
    coarse = features.predict(images.astype("float32"), verbose=0)[..., 0]
    expected = coarse / coarse.max(axis=(1, 2), keepdims=True)
    # The centre of each cell of four pixels lies between pixels 1 and 2.
    maps = attention_maps(model, images, 1, method)
    centres = maps[:, 2:-2, 2:-2]
    found = centres.reshape(3, 7, 4, 7, 4).mean(axis=(2, 4))
    corners = expected[:, :-1, :-1] + expected[:, 1:, :-1]
    corners = (corners + expected[:, :-1, 1:] + expected[:, 1:, 1:]) / 4
    scale = found.mean() / corners.mean()
    np.testing.assert_allclose(found, corners * scale, rtol=0.05)


def test_smooth_grad_of_a_linear_score_is_the_size_of_its_weights():
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(SIZE, SIZE, 3, 2)).astype("float32")
    images = generator.integers(0, 256, (2, SIZE, SIZE, 3), "uint8")
    maps = attention_maps(linear_classifier(kernel), images, [0, 1], "smooth_grad")
    for k in (0, 1):
        expected = np.abs(kernel[..., k]).max(axis=-1)
        np.testing.assert_allclose(maps[k], expected / expected.max(), rtol=1e-4)


def test_smooth_grad_repeats_with_its_seed_whatever_the_batch():
    keras.utils.set_random_seed(0)
    model = build_classifier("CustomCNN", 8, image_size=32)
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), "uint8")
    maps = attention_maps(model, images, 0, "smooth_grad", seed=5)
    singly = attention_maps(model, images, 0, "smooth_grad", seed=5, batch_size=1)
    np.testing.assert_allclose(singly, maps, atol=1e-4)
    other = attention_maps(model, images, 0, "smooth_grad", seed=6)
    assert np.abs(other - maps).max() > 0.01


def test_explaining_again_and_again_adds_nothing_and_sees_new_weights():
    model, images = square_detector(), red_and_green_squares()
    first = attention_maps(model, images, [1])
    n_users = len(model.layers[-2]._outbound_nodes)
    head = model.get_layer("probabilities")
    kernel, bias = head.get_weights()
    head.set_weights([kernel[:, ::-1], bias])  # what spoke for class 1 is for class 0
    np.testing.assert_allclose(attention_maps(model, images, [0]), first, atol=1e-6)
    assert len(model.layers[-2]._outbound_nodes) == n_users


def test_explaining_leaves_the_classifier_as_it_was():
    model = random_classifier(0)
    images = np.full((1, 64, 64, 3), 128.0, "float32")
    before = model.predict(images, verbose=0)
    attention_maps(model, images, 0)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)
    assert model.get_layer("probabilities").activation is keras.activations.softmax


@pytest.mark.parametrize("method", METHODS)
def test_ensemble_averages_its_members_at_the_size_of_the_images(method):
    large, small = square_detector(SIZE), square_detector(16)
    inputs = keras.Input((SIZE, SIZE, 3))
    resized = keras.layers.Resizing(16, 16)(inputs)
    ensemble = keras.Model(
        inputs, keras.layers.Average()([large(inputs), small(resized)])
    )
    images = red_and_green_squares()
    single = [attention_maps(member, images, 1, method) for member in (large, small)]
    mean = (single[0] + single[1]) / 2
    for model in (ensemble, [large, small]):
        members = member_attention_maps(model, images, 1, method)
        np.testing.assert_allclose(members, single, atol=1e-5)
        maps = attention_maps(model, images, 1, method)
        np.testing.assert_allclose(maps, mean / mean.max(), atol=1e-5)


def test_map_of_an_ensemble_weighs_its_members_as_the_ensemble_does():
    """A member for red evidence and one whose classes are the other way round."""
    red, green = square_detector(), square_detector(16)
    swapped = green.get_layer("probabilities")
    swapped.set_weights([w[..., ::-1] for w in swapped.get_weights()])
    images = red_and_green_squares()
    one, other = (attention_maps(member, images, 1)[0] for member in (red, green))
    assert one[8, 8] > 0.9 and other[8, 8] < 0.1
    for weights in ([0.8, 0.2], [0.0, 1.0]):
        mean = weights[0] * one + weights[1] * other
        ensemble = build_ensemble([red, green], SIZE, weights)
        found = attention_maps(ensemble, images, 1)[0]
        np.testing.assert_allclose(found, mean / mean.max(), atol=1e-5)


def deep_detector():
    """Finds red squares of 8 pixels, in 12 x 12 places that it pools to 3 x 3."""
    inputs = keras.Input((96, 96, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(1, 8, strides=8, activation="relu", name="fine")(x)
    x = keras.layers.MaxPooling2D(4, name="coarse")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((8, 8, 3, 1), "float32")
    kernel[:, :, 0] = 1 / 64
    weights = np.array([[0, 5]], "float32")
    model.set_weights([kernel, np.zeros(1), weights, np.zeros(2)])
    return model


def red_square_of_8_pixels():
    image = np.zeros((1, 96, 96, 3), "uint8")
    image[0, 24:32, 64:72, 0] = 255
    return image


def test_default_finds_evidence_that_the_pooled_features_only_surround():
    model, image = deep_detector(), red_square_of_8_pixels()
    around = np.zeros((1, 96, 96))
    around[0, 20:36, 60:76] = 1  # twice the square
    fine = attention_maps(model, image, 1)
    assert map_regions(model) == (12, 12) and attention_inside(fine, around) > 0.99
    coarse = attention_maps(model, image, 1, "grad_cam")
    assert map_regions(model, "grad_cam") == (3, 3)
    assert attention_inside(coarse, around) < 0.2
    pooled = attention_maps(model, image, 1, least_regions=1)
    np.testing.assert_allclose(pooled, coarse, atol=1e-5)


def test_maps_are_enlarged_linearly():
    """One region of evidence is a tent over it and half of its neighbours."""
    (found,) = attention_maps(deep_detector(), red_square_of_8_pixels(), 1)
    distance = np.abs(np.arange(96) + 0.5 - 68) / 8
    tent = np.clip(1 - distance, 0, None)
    np.testing.assert_allclose(found[28], tent / tent.max(), atol=1e-5)


def test_evidence_of_all_branches_is_in_the_map():
    """Red by one branch, green by the other: no single layer tells of both."""
    inputs = keras.Input((96, 96, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    branches = [
        keras.layers.Conv2D(1, 8, strides=8, activation="relu", name=name)(x)
        for name in ("red", "green")
    ]
    pooled = [keras.layers.MaxPooling2D(4)(branch) for branch in branches]
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()(pooled))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    for channel, name in enumerate(("red", "green")):
        kernel = np.zeros((8, 8, 3, 1), "float32")
        kernel[:, :, channel] = 1 / 64
        model.get_layer(name).set_weights([kernel, np.zeros(1)])
    model.layers[-1].set_weights([np.array([[0, 5]], "float32"), np.zeros(2)])
    image = red_square_of_8_pixels()
    image[0, 80:88, 8:16, 1] = 255
    (found,) = attention_maps(model, image, 1)
    assert found[28, 68] > 0.9 and found[84, 12] > 0.9
    assert found[60:].sum() == pytest.approx(found[:60].sum(), rel=1e-4)


def test_no_evidence_gives_a_map_of_zeros():
    black = np.zeros((1, SIZE, SIZE, 3))
    heatmaps = attention_maps(square_detector(), black, 1)
    assert not heatmaps.any()
    assert np.isnan(attention_inside(heatmaps, np.ones((1, SIZE, SIZE)))).all()


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"images": np.zeros((SIZE, SIZE, 3))}, "`images`"),
        ({"class_indices": [0, 1]}, "`class_indices`"),
        ({"class_indices": 0.5}, "`class_indices`"),
        ({"class_indices": 2}, "0..1"),
        ({"method": "guess"}, "`method`"),
        ({"model": []}, "at least one model"),
        (
            {"model": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])},
            "RGB",
        ),
    ],
)
def test_wrong_arguments_are_refused(changed, message):
    arguments = {
        "model": square_detector(),
        "images": np.zeros((1, SIZE, SIZE, 3)),
        "class_indices": 0,
    }
    with pytest.raises(ValueError, match=message) as error:
        attention_maps(**{**arguments, **changed})
    assert "Received:" in str(error.value)
