"""Grad-CAM heatmaps of classifiers and of averaging ensembles."""

import cv2
import keras
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

METHODS = {"grad_cam": Gradcam, "grad_cam_plus_plus": GradcamPlusPlus}


def grad_cam(model, images, class_indices, method="grad_cam", batch_size=16):
    """Compute how strongly each image region speaks for a class.

    The class score is the logit (the softmax is taken off), the feature maps are
    those that the classifier pools: the output of the last layer with spatial
    extent. For an ensemble, every member sees the images at its own size; the
    members' maps, each scaled to a maximum of 1, are averaged.

    Args:
        model: Flat functional classifier (RGB in [0, 255] in, backbone graph, global
            pooling, softmax out); or an ensemble: a functional model whose members
            are nested models, or a list of classifiers.
        images: Array `(n, height, width, 3)`, RGB in [0, 255], any numeric dtype.
        class_indices: The class to explain for each image: int, or ints `(n,)`.
        method: `"grad_cam"` or `"grad_cam_plus_plus"`.
        batch_size: Images explained at once; bounds the memory.

    Returns:
        float32 array `(n, height, width)` in [0, 1], the maximum of each map being
        1. A map without any positive evidence for the class is all 0.

    Raises:
        ValueError: If an argument has the wrong shape or name, or the model has no
            feature maps to explain.

    Reference:
        - [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)
        - [Chattopadhay et al., 2018](https://arxiv.org/abs/1710.11063)
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(METHODS)}. Received: {method!r}"
        )
    images = _check_images(images)
    members = ensemble_members(model)
    class_indices = _check_classes(class_indices, len(images), members[0])
    heatmaps = np.mean(
        [
            _member_heatmaps(member, images, class_indices, METHODS[method], batch_size)
            for member in members
        ],
        axis=0,
    )
    return _scale_to_one(heatmaps).astype("float32")


def ensemble_members(model):
    """List the classifiers that `model` averages; a single classifier is its own.

    Args:
        model: Classifier, ensemble with nested members, or list of classifiers.

    Returns:
        List of flat functional models.

    Raises:
        ValueError: If `model` is an empty list.
    """
    if isinstance(model, (list, tuple)):
        if not model:
            raise ValueError("An ensemble needs at least one model. Received: []")
        return [member for part in model for member in ensemble_members(part)]
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [member for part in nested for member in ensemble_members(part)] or [model]


def feature_layer(model):
    """Find the layer whose feature maps the classifier pools.

    Args:
        model: Flat functional classifier.

    Returns:
        The last layer with a four-dimensional output of more than one position:
        the one before the pooling, or an earlier one where the images are so small
        that the backbone leaves a single position.

    Raises:
        ValueError: If there is none.
    """
    passed_over = (keras.layers.InputLayer, keras.layers.ZeroPadding2D)
    for layer in reversed(model.layers):
        shape = getattr(getattr(layer, "output", None), "shape", ())
        spatial = len(shape) == 4 and tuple(shape[1:3]) != (1, 1)
        if spatial and not isinstance(layer, passed_over):
            return layer
    raise ValueError(
        "The model has no feature maps: Grad-CAM needs a convolutional classifier. "
        f"Received: {model.name} with layers {[layer.name for layer in model.layers]}"
    )


def overlay(images, heatmaps, opacity=0.5):
    """Paint heatmaps over images: blue is no evidence, red the most.

    Args:
        images: Array `(n, height, width, 3)`, RGB in [0, 255].
        heatmaps: Array `(n, height, width)` in [0, 1].
        opacity: Share of the colour map in the result, in [0, 1].

    Returns:
        uint8 array `(n, height, width, 3)`, RGB.

    Raises:
        ValueError: If the shapes do not fit each other.
    """
    images, heatmaps = _check_images(images), np.asarray(heatmaps)
    _check_same_shape("heatmaps", heatmaps.shape, images.shape[:3])
    levels = np.rint(255 * np.clip(heatmaps, 0, 1)).astype("uint8")
    colours = [
        cv2.applyColorMap(level, cv2.COLORMAP_JET)[..., ::-1] for level in levels
    ]
    painted = (1 - opacity) * images + opacity * np.asarray(colours)
    return np.rint(np.clip(painted, 0, 255)).astype("uint8")


def attention_inside(heatmaps, masks):
    """Measure the share of the attention that lies in the lesion.

    Args:
        heatmaps: Array `(n, height, width)`, not negative.
        masks: Array `(n, height, width)`; a pixel is lesion where it is not 0.

    Returns:
        float array `(n,)` in [0, 1]; NaN for a map that is all 0. Compare it with
        the share of the image that the lesion covers: a map that ignores the lesion
        scores just that.

    Raises:
        ValueError: If the shapes differ.
    """
    heatmaps, masks = np.asarray(heatmaps, "float64"), np.asarray(masks) != 0
    _check_same_shape("masks", masks.shape, heatmaps.shape)
    total = heatmaps.sum(axis=(1, 2))
    inside = (heatmaps * masks).sum(axis=(1, 2))
    return np.divide(inside, total, out=np.full(len(total), np.nan), where=total > 0)


def _member_heatmaps(model, images, class_indices, explainer_class, batch_size):
    """Explain `images` with one classifier at its size; maps at the images' size."""
    layer = feature_layer(model).name
    explainer = explainer_class(model, model_modifier=ReplaceToLinear(), clone=True)
    resize = _resizing_to_input(model, images)
    maps = []
    for start in range(0, len(images), batch_size):
        stop = start + batch_size
        maps += list(
            explainer(
                CategoricalScore(class_indices[start:stop].tolist()),
                resize(images[start:stop]),
                penultimate_layer=layer,
                seek_penultimate_conv_layer=False,
                expand_cam=False,
                normalize_cam=False,
            )
        )
    width_height = images.shape[2], images.shape[1]
    maps = [cv2.resize(np.asarray(coarse, "float32"), width_height) for coarse in maps]
    return _scale_to_one(np.asarray(maps))


def _resizing_to_input(model, images):
    height, width = model.input_shape[1:3]
    if height is None or (height, width) == images.shape[1:3]:
        return lambda batch: batch
    resizing = keras.layers.Resizing(height, width)
    return lambda batch: keras.ops.convert_to_numpy(resizing(batch))


def _scale_to_one(heatmaps):
    """Divide each map by its maximum, which keeps 0 where there is no evidence."""
    peak = heatmaps.max(axis=(1, 2), keepdims=True)
    return np.divide(heatmaps, peak, out=np.zeros_like(heatmaps), where=peak > 0)


def _check_images(images):
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(
            "`images` must be a non-empty array (n, height, width, 3). "
            f"Received: shape {images.shape}"
        )
    return images.astype("float32")


def _check_classes(class_indices, n_images, model):
    n_classes = model.output_shape[-1]
    class_indices = np.asarray(class_indices)
    if class_indices.ndim == 0:
        class_indices = np.full(n_images, class_indices)
    whole = np.issubdtype(class_indices.dtype, np.integer)
    if not whole or class_indices.shape != (n_images,):
        raise ValueError(
            f"`class_indices` must be an int or {n_images} ints, one per image. "
            f"Received: {class_indices.dtype} array of shape {class_indices.shape}"
        )
    if class_indices.min() < 0 or class_indices.max() >= n_classes:
        raise ValueError(
            f"`class_indices` must lie in 0..{n_classes - 1}. "
            f"Received: {class_indices.min()}..{class_indices.max()}"
        )
    return class_indices


def _check_same_shape(name, shape, expected):
    if shape != expected:
        raise ValueError(f"`{name}` must have the shape {expected}. Received: {shape}")
