"""What a segmenter is trained for."""

import keras
import numpy as np

from keras_derm.segmentation.losses import DiceCrossEntropy
from keras_derm.training import Objective

LOSSES = {
    "cross_entropy": keras.losses.BinaryCrossentropy,
    "dice_cross_entropy": DiceCrossEntropy,
}


def segmentation_objective(loss="dice_cross_entropy"):
    """Objective of a segmenter: the epoch with the best mean Dice is kept.

    Args:
        loss: "cross_entropy", which is published for the FCN, or "dice_cross_entropy".

    Returns:
        `keras_derm.training.Objective` with `val_dice` and `val_jaccard`, means over
        the images of val at a probability of one half, in the square that the network
        sees.
    """
    return Objective(
        loss=LOSSES[loss](),
        scores=_scores,
        monitors={"val_dice": "max", "val_jaccard": "max"},
        best="val_dice",
        metrics=lambda: [keras.metrics.BinaryAccuracy(name="pixel_accuracy")],
    )


def _scores(targets, predictions):
    truth, found = targets > 0.5, predictions > 0.5
    axes = (1, 2, 3)
    both = (truth & found).sum(axis=axes)
    total = truth.sum(axis=axes) + found.sum(axis=axes)
    either = total - both
    dice = np.divide(2 * both, total, out=np.ones(len(both)), where=total > 0)
    jaccard = np.divide(both, either, out=np.ones(len(both)), where=either > 0)
    return {"val_dice": float(dice.mean()), "val_jaccard": float(jaccard.mean())}
