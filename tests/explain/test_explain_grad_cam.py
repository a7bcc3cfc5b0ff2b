"""Heatmaps point at the evidence, depend on the weights, and average members."""

import keras
import numpy as np
import pytest

from keras_derm.explain import attention_inside, grad_cam, overlay
from keras_derm.explain.grad_cam import ensemble_members, feature_layer

SIZE = 32


def square_detector(size=SIZE):
    """Classifier whose logit of class 1 is the mean redness: known by construction."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
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


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus"])
@pytest.mark.parametrize("class_index, peak", [(1, (8, 8)), (0, (24, 24))])
def test_heatmap_lies_on_the_square_of_the_class(method, class_index, peak):
    heatmaps = grad_cam(square_detector(), red_and_green_squares(), class_index, method)
    assert heatmaps.shape == (1, SIZE, SIZE) and heatmaps.dtype == "float32"
    assert heatmaps.min() >= 0 and heatmaps.max() == 1
    around = np.zeros((1, SIZE, SIZE))
    around[0, peak[0] - 8 : peak[0] + 8, peak[1] - 8 : peak[1] + 8] = 1
    assert attention_inside(heatmaps, around) > 0.99


def test_heatmap_equals_the_class_activation_map_where_a_dense_layer_follows_pooling():
    """With global pooling and one dense layer Grad-CAM is CAM: sum of w * features."""
    model = square_detector()
    images = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), "uint8")
    features = keras.Model(model.inputs, model.get_layer("conv").output)
    coarse = features.predict(images.astype("float32"), verbose=0)[..., 0]
    expected = coarse / coarse.max(axis=(1, 2), keepdims=True)
    # The centre of each cell of four pixels lies between pixels 1 and 2.
    heatmaps = grad_cam(model, images, 1)
    centres = heatmaps[:, 2:-2, 2:-2]
    found = centres.reshape(3, 7, 4, 7, 4).mean(axis=(2, 4))
    corners = expected[:, :-1, :-1] + expected[:, 1:, :-1]
    corners = (corners + expected[:, :-1, 1:] + expected[:, 1:, 1:]) / 4
    scale = found.mean() / corners.mean()
    np.testing.assert_allclose(found, corners * scale, rtol=0.05)


def test_random_weights_change_the_map():
    """Adebayo et al., 2018: a map that survives other weights explains nothing."""
    images = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3), "uint8")
    heatmaps = []
    for model in (random_classifier(seed) for seed in (0, 1)):
        # The likeliest class has positive evidence somewhere, so a map to compare.
        y_pred = model.predict(images.astype("float32"), verbose=0).argmax(axis=1)
        heatmaps.append(grad_cam(model, images, y_pred))
        assert heatmaps[-1].max(axis=(1, 2)).all()
    correlation = np.corrcoef(heatmaps[0].ravel(), heatmaps[1].ravel())[0, 1]
    assert correlation < 0.7


def test_explaining_leaves_the_classifier_as_it_was():
    model = random_classifier(0)
    images = np.full((1, 64, 64, 3), 128.0, "float32")
    before = model.predict(images, verbose=0)
    grad_cam(model, images, 0)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)
    assert model.get_layer("probabilities").activation is keras.activations.softmax


def test_ensemble_averages_its_members_at_the_size_of_the_images():
    large, small = square_detector(SIZE), square_detector(16)
    inputs = keras.Input((SIZE, SIZE, 3))
    resized = keras.layers.Resizing(16, 16)(inputs)
    ensemble = keras.Model(
        inputs, keras.layers.Average()([large(inputs), small(resized)])
    )
    assert ensemble_members(ensemble) == [large, small]
    images = red_and_green_squares()
    mean = (grad_cam(large, images, 1) + grad_cam(small, images, 1)) / 2
    for model in (ensemble, [large, small]):
        heatmaps = grad_cam(model, images, 1)
        np.testing.assert_allclose(heatmaps, mean / mean.max(), atol=1e-5)


def test_feature_maps_are_those_before_pooling():
    assert feature_layer(random_classifier(0, size=64)).name == "out_relu"
    # At 32 pixels MobileNetV2 ends in one position, which has no "where".
    earlier = feature_layer(random_classifier(0, size=32))
    assert earlier.name == "block_13_expand_relu"
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="no feature maps"):
        feature_layer(flat)


def test_no_evidence_gives_a_map_of_zeros():
    black = np.zeros((1, SIZE, SIZE, 3))
    heatmaps = grad_cam(square_detector(), black, 1)
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
    ],
)
def test_wrong_arguments_are_refused(changed, message):
    arguments = {
        "model": square_detector(),
        "images": np.zeros((1, SIZE, SIZE, 3)),
        "class_indices": 0,
    }
    with pytest.raises(ValueError, match=message) as error:
        grad_cam(**{**arguments, **changed})
    assert "Received:" in str(error.value)


def test_attention_is_the_share_of_the_map_in_the_mask():
    heatmaps = np.zeros((2, 4, 4))
    heatmaps[0, 0] = 1
    heatmaps[1] = 0.25
    masks = np.zeros((2, 4, 4), bool)
    masks[:, 0, 0] = True
    np.testing.assert_allclose(attention_inside(heatmaps, masks), [1 / 4, 1 / 16])
    with pytest.raises(ValueError, match="`masks`"):
        attention_inside(heatmaps, masks[:1])


def test_overlay_keeps_the_image_and_marks_evidence_red_and_its_absence_blue():
    images = np.full((1, 2, 2, 3), 100, "uint8")
    heatmaps = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    painted = overlay(images, heatmaps)
    assert painted.dtype == "uint8" and painted.shape == images.shape
    assert painted[0, 0, 0].argmax() == 0 and painted[0, 0, 1].argmax() == 2
    np.testing.assert_array_equal(overlay(images, heatmaps, opacity=0), images)
