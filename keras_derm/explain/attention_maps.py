"""Attention maps of classifiers and of averaging ensembles."""

import weakref

import cv2
import keras
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.utils.scores import CategoricalScore

from keras_derm.classifiers import ensemble_members, ensemble_weights
from keras_derm.explain.checks import check_class_indices, check_images
from keras_derm.layers import RandomResizedCrop

METHODS = {
    "grad_cam": Gradcam,
    "grad_cam_plus_plus": GradcamPlusPlus,
    "layer_cam": Layercam,
    "smooth_grad": Saliency,
}
# The SmoothGrad paper: noise of 10 to 20 % of the range of values; little is gained
# beyond 50 samples, and half of them already look the same.
SMOOTH_GRAD_SAMPLES = 25
SMOOTH_GRAD_NOISE = 0.15
PLAIN = ("seek_penultimate_conv_layer", "expand_cam", "normalize_cam")


def attention_maps(
    model, images, class_indices, method="grad_cam", seed=0, batch_size=16
):
    """Compute how strongly each image region speaks for a class.

    The class score is the logit (the softmax is taken off). For an ensemble, every
    member sees the images at its own size; the members' maps, each scaled to a
    maximum of 1, are averaged with the weights that the members have in the ensemble.

    - `grad_cam`, `grad_cam_plus_plus`, `layer_cam`: evidence in the feature maps that
      the classifier pools, the output of the last layer with spatial extent. They are
      as coarse as those maps and show only what speaks for the class.
    - `smooth_grad`: how much the score changes with each pixel, in either direction;
      the mean absolute gradient over noisy copies of the image.

    Args:
        model: Flat functional classifier (RGB in [0, 255] in, backbone graph, global
            pooling, softmax out); or an ensemble: a functional model whose members
            are nested models, or a list of classifiers.
        images: Array `(n, height, width, 3)`, RGB in [0, 255], any numeric dtype.
        class_indices: The class to explain for each image: int, or ints `(n,)`.
        method: A name in `METHODS`.
        seed: Seed of SmoothGrad's noise; the other methods draw nothing.
        batch_size: Images explained at once; bounds the memory.

    Returns:
        float32 array `(n, height, width)` in [0, 1], the maximum of each map being
        1. A map without any positive evidence for the class is all 0.

    Raises:
        ValueError: If an argument has the wrong shape or name, or the model has no
            feature maps to explain.

    Reference:
        - [Grad-CAM: Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)
        - [Grad-CAM++: Chattopadhay et al., 2018](https://arxiv.org/abs/1710.11063)
        - [LayerCAM: Jiang et al., 2021](https://doi.org/10.1109/TIP.2021.3089943)
        - [SmoothGrad: Smilkov et al., 2017](https://arxiv.org/abs/1706.03825)
    """
    maps = member_attention_maps(model, images, class_indices, method, seed, batch_size)
    return average_maps(maps, ensemble_weights(model))


def member_attention_maps(
    model, images, class_indices, method="grad_cam", seed=0, batch_size=16
):
    """Compute the attention map of every member of an ensemble by itself.

    Args:
        model, images, class_indices, method, seed, batch_size: As in
            `attention_maps`.

    Returns:
        List of float32 arrays `(n, height, width)` in [0, 1], in the order of
        `ensemble_members(model)`; one array for a single classifier.

    Raises:
        ValueError: As `attention_maps`.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(METHODS)}. Received: {method!r}"
        )
    images = check_images(images)
    members = ensemble_members(model)
    for member in members:
        _check_input(member)
    n_classes = members[0].output_shape[-1]
    explained = images, check_class_indices(class_indices, len(images), n_classes)
    return [
        _member_maps(member, *explained, method, seed, batch_size) for member in members
    ]


def average_maps(maps, weights=None):
    """Average the members' maps; the maximum of each average is 1 again.

    Args:
        maps: List of arrays `(n, height, width)`, as from `member_attention_maps`.
        weights: Weight of each member, as from `ensemble_weights`; None for the same.

    Returns:
        float32 array `(n, height, width)` in [0, 1].
    """
    return _scale_to_one(np.average(maps, axis=0, weights=weights)).astype("float32")


def feature_layer(model):
    """Find the layer whose feature maps a flat functional classifier pools.

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
        "The model has no feature maps: class activation maps need a convolutional "
        f"classifier. Received: {model.name} with layers "
        f"{[layer.name for layer in model.layers]}"
    )


def _member_maps(model, images, class_indices, method, seed, batch_size):
    """Explain `images` with one classifier at its size; maps at the images' size."""
    explainer = METHODS[method](_logits(model))
    layer = feature_layer(model).name if method != "smooth_grad" else None
    resize = _resizing_to_input(model, images)
    maps = []
    for start in range(0, len(images), batch_size):
        rows = np.arange(start, min(start + batch_size, len(images)))
        score = CategoricalScore(class_indices[rows].tolist())
        batch = resize(images[rows].astype("float32"))
        if method == "smooth_grad":
            maps += list(_smooth_grad(explainer, score, batch, seed, rows))
        else:
            # The feature maps as they are, without tf-keras-vis' finishing.
            plain = dict.fromkeys(PLAIN, False)
            maps += list(explainer(score, batch, penultimate_layer=layer, **plain))
    seen = 1.0 if method == "smooth_grad" else _share_seen(model)
    maps = [
        _spread(np.asarray(one, "float32"), images.shape[1:3], seen) for one in maps
    ]
    return _scale_to_one(np.asarray(maps))


def _share_seen(model):
    """Share of each side, in the middle, that the feature maps of a model cover."""
    sizes = [one.size for one in model.layers if isinstance(one, RandomResizedCrop)]
    return min([1.0, *(size / model.input_shape[1] for size in sizes)])


def _spread(coarse, height_width, share):
    """A map over the middle of an image, and 0 around it."""
    inner = [max(1, round(share * length)) for length in height_width]
    whole = np.zeros(height_width, "float32")
    top, left = ((n - m) // 2 for n, m in zip(height_width, inner, strict=True))
    part = whole[top : top + inner[0], left : left + inner[1]]
    part[:] = cv2.resize(coarse, (inner[1], inner[0]))
    return whole


_WITHOUT_SOFTMAX = weakref.WeakKeyDictionary()
"""Of each classifier explained: another one would stay in its graph with every call."""


def _logits(model):
    """The model without the softmax at its end; it shares all other layers.

    Inputs and outputs are lists, as tf-keras-vis calls it with one.
    """
    last = model.layers[-1]
    config = last.get_config()
    if config.get("activation") is None:
        return keras.Model(model.inputs, model.outputs)
    if model not in _WITHOUT_SOFTMAX:
        linear = type(last).from_config({**config, "activation": "linear"})
        _WITHOUT_SOFTMAX[model] = keras.Model(model.inputs, [linear(last.input)])
    logits = _WITHOUT_SOFTMAX[model]
    logits.layers[-1].set_weights(last.get_weights())  # they may have changed since
    return logits


def _smooth_grad(explainer, score, batch, seed, rows):
    """Mean absolute gradient over noisy copies of each image.

    tf-keras-vis' own smoothing draws from NumPy's global state, which no seed of ours
    governs. Each image has a generator of its own, so that its map does not depend on
    the batch it came in.
    """
    generators = [np.random.default_rng([seed, row]) for row in rows]
    spread = batch.max(axis=(1, 2, 3)) - batch.min(axis=(1, 2, 3))
    total = 0
    for _ in range(SMOOTH_GRAD_SAMPLES):
        noise = [
            SMOOTH_GRAD_NOISE * sigma * generator.standard_normal(batch.shape[1:])
            for generator, sigma in zip(generators, spread, strict=True)
        ]
        noisy = batch + np.asarray(noise, "float32")
        total = total + explainer(score, noisy, normalize_map=False)
    return np.asarray(total) / SMOOTH_GRAD_SAMPLES


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


def _check_input(model):
    shape = model.input_shape
    if len(shape) != 4 or shape[-1] != 3 or len(model.output_shape) != 2:
        raise ValueError(
            "`model` must take RGB images (batch, height, width, 3) and give one score "
            f"a class (batch, n_classes). Received: {model.name} taking {shape} and "
            f"giving {model.output_shape}"
        )
