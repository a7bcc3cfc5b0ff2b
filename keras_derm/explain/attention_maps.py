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
from keras_derm.explain.feature_layers import feature_layers
from keras_derm.layers import RandomResizedCrop

METHODS = {
    "layer_cam": Layercam,
    "grad_cam": Gradcam,
    "grad_cam_plus_plus": GradcamPlusPlus,
    "smooth_grad": Saliency,
}
OF_PIXELS = ("smooth_grad",)
LEAST_REGIONS = {"layer_cam": 12}
"""Regions along each side that a map has at least, where the network has as many; the
other methods read what the classifier pools, as their papers do."""

# The SmoothGrad paper: noise of 10 to 20 % of the range of values; little is gained
# beyond 50 samples, and half of them already look the same.
SMOOTH_GRAD_SAMPLES = 25
SMOOTH_GRAD_NOISE = 0.15
SMOOTH_GRAD_AT_ONCE = 5
"""Noisy copies of one image in a batch, always as many: kernels round otherwise where
a batch is larger, and a gradient that flips shows it."""
FADING = 0.125
"""Share of the part that a classifier sees over which its map fades at each end."""
PLAIN = ("seek_penultimate_conv_layer", "expand_cam", "normalize_cam")


def attention_maps(
    model,
    images,
    class_indices,
    method="layer_cam",
    seed=0,
    batch_size=16,
    least_regions=None,
):
    """Compute how strongly each image region speaks for a class.

    The class score is the logit (the softmax is taken off). For an ensemble, every
    member sees the images at its own size; the members' maps, each scaled to a
    maximum of 1, are averaged with the weights that the members have in the ensemble.

    - `layer_cam`: evidence in earlier feature maps, the last ones of at least 12 x 12
      positions (`feature_layers`). Each position is weighed by its own gradient, so
      that maps of earlier layers can be read.
    - `grad_cam`, `grad_cam_plus_plus`: evidence in the feature maps that the
      classifier pools. A channel has one weight for the whole image, which fits these
      last maps alone; they are coarse, 3 x 3 positions of an image of 96 pixels.
    - `smooth_grad`: how much the score changes with each pixel, in either direction;
      the mean absolute gradient over noisy copies of the image.

    All but SmoothGrad show only what speaks for the class. Maps are enlarged to the
    images linearly.

    Args:
        model: Flat functional classifier (RGB in [0, 255] in, backbone graph, global
            pooling, softmax out); or an ensemble: a functional model whose members
            are nested models, or a list of classifiers.
        images: Array `(n, height, width, 3)`, RGB in [0, 255], any numeric dtype.
        class_indices: The class to explain for each image: int, or ints `(n,)`.
        method: A name in `METHODS`.
        seed: Seed of SmoothGrad's noise; the other methods draw nothing.
        batch_size: Images explained at once; bounds the memory. `smooth_grad` takes
            five noisy copies of one at once.
        least_regions: Least positions along each side of the feature maps that are
            read, or the most that the network has; None for those named above.

    Returns:
        float32 array `(n, height, width)` in [0, 1], the maximum of each map being
        1. A map without any positive evidence for the class is all 0.

    Raises:
        ValueError: If an argument has the wrong shape or name, or the model has no
            feature maps to explain.

    Reference:
        - [LayerCAM: Jiang et al., 2021](https://doi.org/10.1109/TIP.2021.3089943)
        - [Grad-CAM: Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)
        - [Grad-CAM++: Chattopadhay et al., 2018](https://arxiv.org/abs/1710.11063)
        - [SmoothGrad: Smilkov et al., 2017](https://arxiv.org/abs/1706.03825)
    """
    maps = member_attention_maps(
        model, images, class_indices, method, seed, batch_size, least_regions
    )
    return average_maps(maps, ensemble_weights(model))


def member_attention_maps(
    model,
    images,
    class_indices,
    method="layer_cam",
    seed=0,
    batch_size=16,
    least_regions=None,
):
    """Compute the attention map of every member of an ensemble by itself.

    Args:
        model, images, class_indices, method, seed, batch_size, least_regions: As in
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
    class_indices = check_class_indices(class_indices, len(images), n_classes)
    if method in OF_PIXELS:
        explained = images, class_indices, method, seed
        return [_pixel_maps(member, *explained) for member in members]
    least_regions = least_regions or LEAST_REGIONS.get(method, 1)
    explained = images, class_indices, method, batch_size, least_regions
    return [_region_maps(member, *explained) for member in members]


def average_maps(maps, weights=None):
    """Average the members' maps; the maximum of each average is 1 again.

    Args:
        maps: List of arrays `(n, height, width)`, as from `member_attention_maps`.
        weights: Weight of each member, as from `ensemble_weights`; None for the same.

    Returns:
        float32 array `(n, height, width)` in [0, 1].
    """
    return _scale_to_one(np.average(maps, axis=0, weights=weights)).astype("float32")


def map_regions(model, method="layer_cam"):
    """Tell how many regions of an image the map of a classifier can tell apart.

    Args:
        model: A flat functional classifier; of an ensemble, one of its members.
        method: A name in `METHODS`.

    Returns:
        Tuple of rows and columns; None for a method that judges each pixel.
    """
    if method in OF_PIXELS:
        return None
    layers = feature_layers(model, LEAST_REGIONS.get(method, 1))
    return min(tuple(layer.output.shape[1:3]) for layer in layers)


def _pixel_maps(model, images, class_indices, method, seed):
    """Explain `images` with one classifier at its size; maps at the images' size."""
    explainer = METHODS[method](_logits(model))
    maps = []
    for rows, _, image in _batches(model, images, class_indices, 1):
        score = CategoricalScore(class_indices[rows].tolist() * SMOOTH_GRAD_AT_ONCE)
        found = _smooth_grad(explainer, score, image[0], [seed, *rows])
        maps.append(_spread(found, images.shape[1:3]))
    return _scale_to_one(np.asarray(maps))


def _region_maps(model, images, class_indices, method, batch_size, least_regions):
    """As `_pixel_maps`, by the feature maps of a layer, or the sum of several."""
    explainer = METHODS[method](_logits(model))
    layers, seen = feature_layers(model, least_regions), _share_seen(model)
    maps = []
    for _, score, batch in _batches(model, images, class_indices, batch_size):
        found = [_class_activation(explainer, score, batch, one) for one in layers]
        maps += [
            sum(_spread(one, images.shape[1:3], seen) for one in of_image)
            for of_image in zip(*found, strict=True)
        ]
    return _scale_to_one(np.asarray(maps))


def _batches(model, images, class_indices, batch_size):
    """Rows, the score to explain, and the images at the size of the model."""
    resize = _resizing_to_input(model, images)
    for start in range(0, len(images), batch_size):
        rows = np.arange(start, min(start + batch_size, len(images)))
        score = CategoricalScore(class_indices[rows].tolist())
        yield rows, score, resize(images[rows].astype("float32"))


def _class_activation(explainer, score, batch, layer):
    """The feature maps as they are, without tf-keras-vis' finishing."""
    plain = dict.fromkeys(PLAIN, False)
    maps = explainer(score, batch, penultimate_layer=layer.name, **plain)
    return np.asarray(maps, "float32")


def _share_seen(model):
    """Share of each side, in the middle, that the feature maps of a model cover."""
    sizes = [one.size for one in model.layers if isinstance(one, RandomResizedCrop)]
    return min([1.0, *(size / model.input_shape[1] for size in sizes)])


def _spread(coarse, height_width, share=1.0):
    """A map enlarged over the middle of an image; it fades to 0 where that ends."""
    inner = [max(1, round(share * length)) for length in height_width]
    whole = np.zeros(height_width, "float32")
    top, left = ((n - m) // 2 for n, m in zip(height_width, inner, strict=True))
    part = whole[top : top + inner[0], left : left + inner[1]]
    part[:] = cv2.resize(coarse, (inner[1], inner[0]), interpolation=cv2.INTER_LINEAR)
    if share < 1:  # else a frame would be seen that is none of the lesion's
        rows, columns = map(_fading, inner)
        part *= rows[:, None] * columns
    return whole


def _fading(length):
    """1 in the middle, and a slope to 0 over `FADING` of the length at both ends."""
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.minimum(1, from_end / (FADING * length)).astype("float32")


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


def _smooth_grad(explainer, score, image, seed):
    """Mean absolute gradient over noisy copies of an image.

    tf-keras-vis' own smoothing draws from NumPy's global state, which no seed of ours
    governs. Each image has a generator of its own, so that its map does not depend on
    the images beside it.
    """
    generator = np.random.default_rng(seed)
    spread = SMOOTH_GRAD_NOISE * np.ptp(image)
    maps = []
    for _ in range(SMOOTH_GRAD_SAMPLES // SMOOTH_GRAD_AT_ONCE):
        noise = generator.standard_normal((SMOOTH_GRAD_AT_ONCE, *image.shape))
        noisy = image + (spread * noise).astype("float32")
        maps.append(explainer(score, noisy, normalize_map=False))
    return np.mean(maps, axis=(0, 1))


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
