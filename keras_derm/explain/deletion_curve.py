"""Does the probability fall when the attended pixels are taken away?"""

import cv2
import numpy as np

from keras_derm.explain.checks import (
    check_class_indices,
    check_images,
    check_same_shape,
)

FILLS = ("blur", "mean")
BLUR = 1 / 8  # standard deviation as a share of the image's longer side


def deletion_curve(
    model, images, heatmaps, class_indices, n_steps=20, fill="blur", seed=0
):
    """Replace ever more of the most attended pixels and watch the probability.

    A map that shows what the classifier relies on makes the probability of the class
    fall early. Compare it with the curve of `random_maps`: taking pixels away at
    random makes it fall too, only later.

    Args:
        model: Classifier or ensemble, RGB in [0, 255] to probabilities
            `(batch, n_classes)`.
        images: Array `(n, height, width, 3)`, RGB in [0, 255], of the model's size.
        heatmaps: Array `(n, height, width)`; the largest values go first, pixels of
            the same value in random order.
        class_indices: The class to watch for each image: int, or ints `(n,)`.
        n_steps: Steps from the whole image to none of it.
        fill: What stands in for a pixel: `"blur"`, the image blurred until no
            structure is left, or `"mean"`, the mean colour of the image.
        seed: Seed of the order among pixels of the same value.

    Returns:
        float array `(n, n_steps + 1)`: the probability with 0, 1 / n_steps, ..., 1 of
        the pixels replaced.

    Raises:
        ValueError: If an argument has the wrong shape, name or range.

    Reference:
        [Petsiuk et al., RISE, 2018](https://arxiv.org/abs/1806.07421)
    """
    images, heatmaps = check_images(images), np.asarray(heatmaps)
    check_same_shape("heatmaps", heatmaps.shape, images.shape[:3])
    n_classes = model.output_shape[-1]
    class_indices = check_class_indices(class_indices, len(images), n_classes)
    if fill not in FILLS:
        raise ValueError(f"`fill` must be one of {FILLS}. Received: {fill!r}")
    if n_steps < 1:
        raise ValueError(f"`n_steps` must be 1 or more. Received: {n_steps}")
    images = images.astype("float32")
    if fill == "blur":
        sigma = BLUR * max(images.shape[1:3])
        filled = [cv2.GaussianBlur(image, (0, 0), sigma) for image in images]
    else:
        filled = images.mean(axis=(1, 2), keepdims=True)
    ranks = _ranks(heatmaps, seed)
    n_gone = np.rint(np.linspace(0, ranks[0].size, n_steps + 1))
    curve = np.empty((len(images), n_steps + 1))
    for i, k in enumerate(class_indices):
        gone = ranks[i] < n_gone[:, None, None]
        altered = np.where(gone[..., None], filled[i], images[i])
        curve[i] = model.predict_on_batch(altered)[:, k]
    return curve


def area_under(curve):
    """Mean height of each deletion curve: the area under it, by trapezoids.

    Args:
        curve: Array `(n, n_steps + 1)` from `deletion_curve`.

    Returns:
        float array `(n,)` in [0, 1]; the smaller, the more the map says.
    """
    curve = np.asarray(curve, "float64")
    return np.trapezoid(curve, axis=1) / (curve.shape[1] - 1)


def random_maps(n, height, width, seed=0, cells=8):
    """Draw maps that know nothing of the image: the floor of a deletion curve.

    Random in patches, as attention comes in patches; pixels drawn singly would leave
    the image readable for much longer.

    Args:
        n, height, width: Number of maps, and their size in pixels.
        seed: Seed.
        cells: Patches along each side.

    Returns:
        float32 array `(n, height, width)` in [0, 1], uniform on each patch's centre
        and interpolated between.
    """
    coarse = np.random.default_rng(seed).random((n, cells, cells)).astype("float32")
    return np.array([cv2.resize(one, (width, height)) for one in coarse])


def _ranks(heatmaps, seed):
    """Position of each pixel in the order of deletion, `(n, height, width)`."""
    generator = np.random.default_rng(seed)
    flat = heatmaps.reshape(len(heatmaps), -1)
    ranks = np.empty(flat.shape, int)
    for row, values in enumerate(flat):
        order = np.lexsort((generator.random(len(values)), -values))
        ranks[row, order] = np.arange(len(values))
    return ranks.reshape(heatmaps.shape)
