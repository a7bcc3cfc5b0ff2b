"""Train a segmenter, and calibrate what it says of the border."""

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from keras_derm.networks import set_weights
from keras_derm.segmentation.augmentation import segmentation_augmentation
from keras_derm.segmentation.fcn import fcn
from keras_derm.segmentation.objective import segmentation_objective
from keras_derm.segmentation.outputs import LOGITS
from keras_derm.segmentation.unet import unet
from keras_derm.training import default_strategy, fit, predict

UNSURE = (0.02, 0.98)
"""Probabilities between which a pixel has a part in the calibration."""

N_CALIBRATION_PIXELS = 200_000


def build_segmenter(network, image_size, weights=None):
    """The network of a name in `keras_derm.settings.train_segmenter.NETWORKS`."""
    return fcn(image_size) if network == "fcn" else unet(image_size, weights)


def train_segmenter(examples, settings, folder):
    """Train a segmenter, or go on with its training.

    Args:
        examples: `SegmentationExamples`.
        settings: `keras_derm.settings.TrainSegmenterSettings`, complete.
        folder: Folder of the training.

    Returns:
        `keras.Model` from RGB images in [0, 255], `(batch, side, side, 3)`, to the
        probability of lesion, `(batch, side, side, 1)`: that of the epoch with the
        best Dice on val.
    """
    keras.utils.set_random_seed(settings.seed)
    with default_strategy().scope():
        model = build_segmenter(settings.network, settings.image_size, settings.weights)
    train = examples.rows("train")
    order = {
        "batch_size": settings.batch_size,
        "shuffle": True,
        "repeat": True,
        "seed": settings.seed,
    }
    chain = segmentation_augmentation(settings.seed, settings.augmentation_strength)
    return fit(
        model,
        lambda n: examples.dataset(train, augmentation=chain, first_batch=n, **order),
        examples.dataset(examples.rows("val"), batch_size=32),
        folder,
        segmentation_objective(settings.loss),
        settings.optimization,
        epochs=settings.epochs,
        steps_per_epoch=max(1, examples.n_real // settings.batch_size),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        unaugmented=examples.dataset(train, **order),
    )


def calibrate_border(model, examples, seed=0):
    """Make the probabilities of unsure pixels those with which they are lesion.

    A slope and an offset of the logits, fitted on the pixels of val of which the
    network is not sure (Platt's scaling); they go into the last convolution, so that
    the network stays as it is.

    Args:
        model: Trained segmenter; its last convolution is changed.
        examples: `SegmentationExamples`.
        seed: Seed of the draw of pixels.

    Returns:
        Dict of `slope`, `offset`, `n_pixels`, and the expected calibration error of
        these pixels `before` and `after`.

    Reference:
        Platt 1999, Probabilistic outputs for support vector machines.
    """
    rows = examples.rows("val")
    probabilities = predict(model, examples.dataset(rows, batch_size=32))[..., 0]
    unsure = (probabilities > UNSURE[0]) & (probabilities < UNSURE[1])
    told = probabilities[unsure].astype("float64")
    truth = np.asarray(examples.masks[rows])[unsure]
    found = {"slope": 1.0, "offset": 0.0, "n_pixels": len(told)}
    if len(np.unique(truth)) < 2:
        return found | {"before": None, "after": None}
    drawn = np.random.default_rng(seed).permutation(len(told))[:N_CALIBRATION_PIXELS]
    logits = np.log(told / (1 - told))
    fitted = LogisticRegression(C=np.inf).fit(logits[drawn, None], truth[drawn])
    slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    layer = model.get_layer(LOGITS)
    kernel, bias = layer.get_weights()
    set_weights(layer, [kernel * slope, bias * slope + offset])
    after = 1 / (1 + np.exp(-slope * logits - offset))
    return found | {
        "slope": slope,
        "offset": offset,
        "before": calibration_error(told, truth),
        "after": calibration_error(after, truth),
    }


def calibration_error(probabilities, truth, n_bins=15):
    """Expected calibration error of pixels, by bins of equal width.

    Args:
        probabilities: (n,), in [0, 1].
        truth: (n,), bool.
        n_bins: Number of bins.
    """
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    gaps = np.bincount(bins, probabilities - truth, n_bins)
    return float(np.abs(gaps).sum() / counts.sum())
