"""Networks that outline lesions, and how they are trained."""

from keras_derm.segmentation.examples import (
    SegmentationExamples,
    as_squares,
    with_masks,
)
from keras_derm.segmentation.fcn import fcn
from keras_derm.segmentation.largest_component import LargestComponent, with_outline
from keras_derm.segmentation.losses import DiceCrossEntropy
from keras_derm.segmentation.made_masks import made_masks
from keras_derm.segmentation.model_finder import ModelFinder
from keras_derm.segmentation.objective import segmentation_objective
from keras_derm.segmentation.training import (
    build_segmenter,
    calibrate_border,
    train_segmenter,
)
from keras_derm.segmentation.unet import unet

__all__ = [
    "DiceCrossEntropy",
    "LargestComponent",
    "ModelFinder",
    "SegmentationExamples",
    "as_squares",
    "build_segmenter",
    "calibrate_border",
    "fcn",
    "made_masks",
    "segmentation_objective",
    "train_segmenter",
    "unet",
    "with_masks",
    "with_outline",
]
