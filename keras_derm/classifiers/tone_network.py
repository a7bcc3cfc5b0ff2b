"""The network that estimates skin tone from a photograph, and what it learns by.

It gives one number, the place of the person's label on its scale, counted from the
lightest. Beside it, it may learn the colour of the skin in the clinical photograph of
the same lesion, which only a training image needs to have.
"""

import keras
import numpy as np
from keras import ops
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from keras_derm.classifiers.backbones import build_backbone
from keras_derm.networks import AttentionPooling
from keras_derm.training import Objective

TWIN_WEIGHT = 0.25
"""Weight of each colour of the clinical photograph beside the tone."""

EVIDENCE = 64
"""Number of values that the evidence of a place, and the head, are made of."""

EARLY_MAPS = {
    "MobileNetV2": ("expanded_conv_project_BN", "block_2_add", "block_5_add"),
}
"""Layers whose maps, down to an eighth of the image's side, are evidence."""

MIDDLE_MAP = {"MobileNetV2": "block_9_add"}
"""The layer in the middle whose map is evidence where the whole backbone is."""

MOST_WEIGHT = 6.0
FEW = 8.0
"""Photographs that are added to the count of every label, so that one alone does not
outweigh all others."""


def build_tone_network(
    backbone, image_size, n_outputs, weights=None, depth="early", dropout=0.2
):
    """Evidence of the early maps of a backbone, weighted by place, and a small head.

    Tone is a colour, which the last maps of a network that learned to tell objects
    apart have mostly left behind, and is to be read where there is skin: the image and
    the early maps are brought to one size, each place is turned into evidence by
    itself, and an attention over the places pools it. The early part of the backbone is
    not trained. With `depth` "early" the network ends there; with "whole" the rest of
    the backbone is trained, and a middle and the last map, pooled, are evidence too.

    Args:
        backbone: A name in `EARLY_MAPS`.
        image_size: Side of the square input in pixels.
        n_outputs: Number of values it learns; the first is the tone.
        weights: As `build_classifier` takes them.
        depth: "early" or "whole".
        dropout: Rate before each dense layer of the head.

    Returns:
        Functional `keras.Model`: float RGB in [0, 255], `(batch, side, side, 3)`, to
        `(batch, n_outputs)`, standardised.
    """
    network = build_backbone(backbone, image_size, weights)
    early = [network.get_layer(name).output for name in EARLY_MAPS[backbone]]
    places = _at_one_size([network.get_layer("input_scaling").output, *early])
    for layer in keras.Model(network.inputs, early).layers:
        layer.trainable = False
    x = keras.layers.BatchNormalization(name="evidence_scaling")(places)
    for number in (1, 2):
        x = keras.layers.Conv2D(
            EVIDENCE, 1, activation="silu", name=f"evidence_{number}"
        )(x)
    x = AttentionPooling(name="attention")(x)
    if depth == "whole":
        middle = network.get_layer(MIDDLE_MAP[backbone]).output
        middle = AttentionPooling(name="middle_attention")(middle)
        last = keras.layers.GlobalAveragePooling2D(name="pooling")(network.output)
        x = keras.layers.Concatenate(name="features")([last, middle, x])
    x = keras.layers.Dropout(dropout, name="dropout_1")(x)
    x = keras.layers.Dense(EVIDENCE, "silu", name="hidden")(x)
    x = keras.layers.Dropout(dropout, name="dropout_2")(x)
    x = keras.layers.Dense(n_outputs, kernel_initializer="zeros", name="tone")(x)
    return keras.Model(network.inputs[0], x, name=f"tone_{backbone.lower()}_{depth}")


def _at_one_size(maps):
    """Maps of falling size, averaged to that of the last, beside each other."""
    side = maps[-1].shape[1]
    pooled = [
        keras.layers.AveragePooling2D(each.shape[1] // side)(each)
        if each.shape[1] > side
        else each
        for each in maps
    ]
    return keras.layers.Concatenate(name="places")(pooled)


def with_units(network, mean, deviation):
    """The network's first value alone, in labels from the lightest.

    Args:
        network: What `build_tone_network` gave, trained.
        mean, deviation: By which its targets were standardised.

    Returns:
        `keras.Model` from images to `(batch, 1)`.
    """
    head = network.get_layer("tone")
    kernel, bias = head.get_weights()
    x = network.get_layer("dropout_2").output
    tone = keras.layers.Dense(1, name="tone_in_labels")
    model = keras.Model(network.inputs[0], tone(x), name=network.name)
    tone.set_weights([kernel[:, :1] * deviation, bias[:1] * deviation + mean])
    return model


def label_weights(ranks):
    """Weight of each training photograph: the root of how rare its label is.

    Args:
        ranks: (n,), place of each label on its scale.

    Returns:
        float32 array (n,), with mean about 1 and none above 6.
    """
    counts = np.bincount(ranks) + FEW
    weights = counts[ranks] ** -0.5
    return (weights / weights.mean()).clip(0, MOST_WEIGHT).astype("float32")


@keras.saving.register_keras_serializable(package="keras_derm")
class ToneLoss(keras.losses.Loss):
    """Huber loss of the tone and of the colours beside it, without those not known.

    Args:
        delta: Error, in standard deviations, from which it grows linearly.
        reduction: As `keras.losses.Loss` takes it.
        name: Name of the loss.

    Call arguments: standardised targets, NaN where one is not known, and predictions,
    both `(batch, n_outputs)`.

    Example:
        >>> loss = ToneLoss()
    """

    def __init__(self, delta=2.0, reduction="sum_over_batch_size", name="tone_loss"):
        super().__init__(name=name, reduction=reduction)
        self.delta = delta

    def call(self, y_true, y_pred):
        known = ops.isfinite(y_true)
        error = ops.abs(y_pred - ops.where(known, y_true, 0.0))
        huber = ops.where(
            error < self.delta,
            0.5 * error**2,
            self.delta * error - 0.5 * self.delta**2,
        )
        n_beside = y_pred.shape[-1] - 1
        weights = ops.convert_to_tensor([1.0] + [TWIN_WEIGHT] * n_beside)
        return ops.sum(ops.where(known, huber, 0.0) * weights, axis=-1)

    def get_config(self):
        return super().get_config() | {"delta": self.delta}


def tone_objective(dark, light):
    """Objective of the network: the epoch with the best order is kept.

    Args:
        dark, light: Bool arrays over the validation photographs: whose label is of the
            dark, and of the light tone group.

    Returns:
        `keras_derm.training.Objective` with `val_order`, the mean of the rank
        correlation and of 2 AUC - 1 of dark against the rest and against light (of
        those that are defined), `val_spearman`, and `val_error` in deviations.
    """

    def scores(targets, predictions):
        truth, told = targets[:, 0], predictions[:, 0]
        spearman = float(spearmanr(truth, told).statistic)
        orders = [spearman, _gini(told, dark, ~dark), _gini(told, dark, light)]
        return {
            "val_order": float(np.nanmean(orders)),
            "val_spearman": spearman,
            "val_error": float(np.abs(truth - told).mean()),
        }

    return Objective(
        loss=ToneLoss(),
        scores=scores,
        monitors={"val_order": "max", "val_spearman": "max", "val_error": "min"},
        best="val_order",
    )


def _gini(values, positive, negative):
    """2 AUC - 1 of one side against the other, NaN where a side is empty."""
    if not (positive.any() and negative.any()):
        return np.nan
    kept = positive | negative
    return 2 * roc_auc_score(positive[kept], values[kept]) - 1


def fit_cuts(ranks, values, n_labels, kappa, n_rounds=4, n_places=101):
    """Find the values between the labels that give the best kappa.

    Args:
        ranks: (n,), places of the labels of validation photographs.
        values: (n,), what the network gives them.
        n_labels: Number of labels of the scale.
        kappa: Function of two arrays of places and `n_labels`, such as
            `keras_derm.evaluation.weighted_kappa`.
        n_rounds, n_places: Rounds of coordinate ascent, and quantiles tried in each.

    Returns:
        Tuple of `n_labels - 1` ascending floats.
    """
    shares = np.cumsum(np.bincount(ranks, minlength=n_labels))[:-1] / len(ranks)
    cuts = np.quantile(values, shares)
    places = np.quantile(values, np.linspace(0, 1, n_places))
    best = kappa(ranks, np.searchsorted(cuts, values), n_labels)
    for _ in range(n_rounds):
        for i in range(len(cuts)):
            for place in places:
                tried = cuts.copy()
                tried[i] = place
                if np.any(np.diff(tried) < 0):
                    continue
                found = kappa(ranks, np.searchsorted(tried, values), n_labels)
                if found > best + 1e-9:
                    best, cuts = found, tried
    return tuple(cuts.tolist())
