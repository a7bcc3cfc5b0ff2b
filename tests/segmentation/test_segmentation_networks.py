"""The networks, their loss, and what calibration does."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_derm.catalog import split_catalog
from keras_derm.phantom import render
from keras_derm.segmentation import (
    DiceCrossEntropy,
    ModelFinder,
    SegmentationExamples,
    calibrate_border,
    fcn,
    segmentation_objective,
    train_segmenter,
    unet,
)
from keras_derm.segmentation.outputs import LOGITS
from keras_derm.segmentation.training import calibration_error
from keras_derm.settings import OptimizationSettings, TrainSegmenterSettings
from keras_derm.training import predict

SIDE = 32  # small, for tests


def test_fcn_has_the_published_filters():
    model = fcn(64)
    convolutions = [
        layer for layer in model.layers if type(layer) is keras.layers.Conv2D
    ]
    assert [layer.filters for layer in convolutions[:6:2]] == [16, 32, 64]
    pools = [x for x in model.layers if isinstance(x, keras.layers.MaxPooling2D)]
    back = [x for x in model.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert len(pools) == len(back) == 3
    assert model.output_shape == (None, 64, 64, 1)


def test_unet_is_small_enough_for_three_megabytes_of_int8():
    model = unet(64)
    assert model.output_shape == (None, 64, 64, 1)
    assert model.count_params() < 2.5e6
    found = model.predict(np.full((1, 64, 64, 3), 128, "float32"), verbose=0)
    assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("build, side", [(fcn, 30), (unet, 80)])
def test_sizes_that_cannot_be_halved_are_refused(build, side):
    with pytest.raises(ValueError, match=f"multiple of .*Received: {side}"):
        build(side)


def test_loss_is_half_cross_entropy_half_one_minus_dice():
    truth = np.zeros((2, 4, 4, 1), "float32")
    truth[:, :2] = 1
    told = np.full_like(truth, 0.8)
    told[1] = truth[1] * 0.9 + 0.05
    loss = DiceCrossEntropy(smoothing=0, reduction=None)
    entropy = -(truth * np.log(told) + (1 - truth) * np.log(1 - told)).mean((1, 2, 3))
    total = truth.sum((1, 2, 3)) + told.sum((1, 2, 3))
    dice = 2 * (truth * told).sum((1, 2, 3)) / total
    np.testing.assert_allclose(
        loss(truth, told), 0.5 * entropy + 0.5 * (1 - dice), rtol=1e-5
    )
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    np.testing.assert_allclose(again(truth, told), loss(truth, told))


def test_scores_of_an_epoch_are_dice_and_jaccard_of_the_masks():
    truth, told = np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 1))
    truth[0, :2], told[0, 1:3] = 1, 0.9  # half of each; the second has no lesion
    scores = segmentation_objective().scores(truth, told)
    assert scores["val_dice"] == pytest.approx((0.5 + 1) / 2)
    assert scores["val_jaccard"] == pytest.approx((1 / 3 + 1) / 2)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    catalog = render(48, 5, 64, directory=folder / "data", progress=False)
    catalog = split_catalog(catalog, (0.6, 0.2, 0.2), 0)
    return SegmentationExamples.of(catalog, SIDE, folder / "prepared")


@pytest.fixture(scope="module")
def trained(examples, tmp_path_factory):
    settings = TrainSegmenterSettings(
        network="fcn",
        image_size=SIDE,
        epochs=6,
        batch_size=8,
        learning_rate=0.01,
        augmentation_strength=0,
        loss="dice_cross_entropy",
        optimization=OptimizationSettings(optimizer="adam"),
    ).complete()
    return train_segmenter(examples, settings, tmp_path_factory.mktemp("trained"))


def dice_of(model, examples, split):
    rows = examples.rows(split)
    told = predict(model, examples.dataset(rows, batch_size=16))
    truth = np.asarray(examples.masks[rows])[..., None]
    return segmentation_objective().scores(truth, told)["val_dice"]


def test_training_finds_lesions_it_has_not_seen(trained, examples):
    everything = 2 * examples.masks.mean() / (1 + examples.masks.mean())
    assert dice_of(trained, examples, "test") > everything + 0.1


def test_examples_are_images_with_their_masks_moved_alike(examples):
    from keras_derm.segmentation.augmentation import segmentation_augmentation

    chain = segmentation_augmentation(seed=1)
    rows = examples.rows("train")[:8]
    once, again = (
        next(
            iter(
                examples.dataset(
                    rows, augmentation=chain, batch_size=8, shuffle=True, repeat=True
                )
            )
        )
        for _ in range(2)
    )
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first, second)
    images, masks = (np.asarray(part) for part in once)
    assert masks.shape == (8, SIDE, SIDE, 1) and set(np.unique(masks)) == {0, 1}
    plain = next(iter(examples.dataset(rows, batch_size=8)))
    # Lesions are darker than skin; after the same moves they still are.
    for pictures, lesions in (plain, (images, masks)):
        dark, light = (
            np.mean(np.asarray(pictures)[np.asarray(lesions)[..., 0] == level])
            for level in (1, 0)
        )
        assert light > dark + 10


def test_drawn_examples_keep_validation_and_made_images(examples):
    some = examples.drawn(10, seed=0)
    assert some.n_real == 10
    assert len(some.rows("val")) == len(examples.rows("val"))
    assert len(some.masks) == len(some.catalog)
    table = examples.catalog.table.set_index("isic_id")
    position = table.index.get_loc(some.catalog.table["isic_id"].iloc[3])
    np.testing.assert_array_equal(some.masks[3], examples.masks[position])


def test_calibration_lowers_the_error_of_unsure_pixels_and_keeps_the_graph(
    trained, examples
):
    model = keras.models.clone_model(trained)
    model.set_weights(trained.get_weights())
    layer = model.get_layer(LOGITS)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 3, bias * 3 + 1])  # too sure of itself
    found = calibrate_border(model, examples)
    assert found["after"] < found["before"]
    assert found["slope"] < 1
    unsure = predict(model, examples.dataset(examples.rows("val"), batch_size=16))
    assert len(model.layers) == len(trained.layers)
    assert np.isfinite(unsure).all()


def test_calibration_error_is_the_gap_between_told_and_true():
    assert calibration_error(np.full(100, 0.7), np.arange(100) < 70) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), np.zeros(10, bool)) == pytest.approx(0.9)


def test_a_model_outlines_one_photograph_of_any_size(trained):
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), "uint8")
    found = ModelFinder("fcn", trained).find(image)
    assert found.mask.shape == found.probability.shape == (50, 70)


def test_settings_of_a_network_are_completed():
    settings = TrainSegmenterSettings(network="fcn").complete()
    assert (settings.image_size, settings.epochs) == (224, 30)
    assert (settings.learning_rate, settings.loss) == (1e-4, "cross_entropy")
    with pytest.raises(ValueError, match="fcn has none"):
        TrainSegmenterSettings(network="fcn", weights="imagenet")
    assert dataclasses.replace(settings, epochs=3).complete().epochs == 3
