"""The whole set as the classifier sees it: features, their map, their neighbours."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import NearestNeighbors

from keras_derm.classifiers import ensemble_members
from keras_derm.explain.checks import check_images
from keras_derm.pipeline.autotuning import without_autotuning

LEAST_POINTS = 5
POOLINGS = (
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Flatten,
)


def features(model, images, member=None, batch_size=64):
    """Compute the features that the classifier decides by: its pooled layer.

    Args:
        model: Classifier or ensemble, RGB in [0, 255] in.
        images: Array `(n, height, width, 3)`, RGB in [0, 255].
        member: Name of one member of an ensemble; None for the features of all, side
            by side, each member's divided by their root mean square over the images
            so that none outweighs the others.
        batch_size: Images at once.

    Returns:
        float32 array `(n, n_features)`.

    Raises:
        ValueError: If there is no such member, or a member has no pooling layer.

    Example:
        >>> points = embed(features(ensemble, images), seed=0)
    """
    images = check_images(images)
    members = ensemble_members(model)
    if member is not None:
        names = [one.name for one in members]
        if member not in names:
            raise ValueError(f"`member` must be one of {names}. Received: {member!r}")
        members = [members[names.index(member)]]
    found = [_pooled(one, images, batch_size) for one in members]
    if len(found) > 1:
        found = [values / np.sqrt(np.mean(values**2)) for values in found]
    return np.concatenate(found, axis=1)


def choose_points(diagnosis, synthetic, n_most=2000, seed=0):
    """Draw a subset in which every diagnosis, real and synthetic, has an equal place.

    Args:
        diagnosis: Array `(n,)` of diagnoses.
        synthetic: bool array `(n,)`.
        n_most: Most images in all; each diagnosis, real or synthetic, gets an equal
            share of them, or all that it has.
        seed: Seed of the draw.

    Returns:
        int array of positions, ascending.
    """
    diagnosis, synthetic = np.asarray(diagnosis), np.asarray(synthetic, bool)
    generator = np.random.default_rng(seed)
    cells = [
        np.flatnonzero((diagnosis == name) & (synthetic == kind))
        for name in np.unique(diagnosis)
        for kind in (False, True)
    ]
    cells = [cell for cell in cells if len(cell)]
    chosen = [generator.permutation(cell)[: n_most // len(cells)] for cell in cells]
    return np.sort(np.concatenate(chosen))


def embed(features, seed=0, n_neighbors=15, min_dist=0.1):
    """Lay features out in the plane so that neighbours stay neighbours (UMAP).

    The same features and seed give the same points. Distances between far groups, and
    the sizes of groups, mean nothing: `neighbour_mixing` measures in the features.

    Args:
        features: Array `(n, n_features)`, finite, 5 rows or more.
        seed: Seed of the layout.
        n_neighbors: Neighbours that count as near.
        min_dist: How close points may come in the plane.

    Returns:
        float32 array `(n, 2)`.

    Raises:
        ValueError: If there are too few rows or values are not finite.

    Reference:
        [McInnes et al., UMAP, 2018](https://arxiv.org/abs/1802.03426)
    """
    import umap  # here, for it compiles itself: about ten seconds

    features = _check_features(features)
    layout = umap.UMAP(
        n_neighbors=min(n_neighbors, len(features) - 1),
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,
    )
    return layout.fit_transform(features)


def neighbour_mixing(features, diagnosis, synthetic, seed=0):
    """Measure how synthetic images lie among real ones, in the features.

    Args:
        features: Array `(n, n_features)` from `features`.
        diagnosis, synthetic: As in `choose_points`.
        seed: Seed of which images are drawn where one kind has more.

    Returns:
        dict:

        - `same_class`: share of the synthetic images whose nearest real image has the
          diagnosis they were made for.
        - `same_class_real`: the same share among the real images, each against the
          other real ones: what to hope for.
        - `same_class_chance`: the same for synthetic images dropped at random.
        - `two_sample_accuracy`: how often the nearest other image tells real from
          synthetic, among equally many of both in every diagnosis: 0.5 where they
          mix, 1 where a classifier can always tell them apart, less than 0.5 where
          synthetic images sit on the real ones they copy.
        - `n_compared`: images of each kind that this was measured on.

        A value is NaN where one of the kinds is missing.

    Raises:
        ValueError: If lengths differ or features are not finite.

    Reference:
        - [Two-sample test by classifier: Lopez-Paz and Oquab, 2017](
          https://arxiv.org/abs/1610.06545)
        - [By the nearest neighbour: Xu et al., 2018](https://arxiv.org/abs/1806.07755)
    """
    features = _check_features(features, least=1)
    diagnosis, synthetic = np.asarray(diagnosis), np.asarray(synthetic, bool)
    if not len(features) == len(diagnosis) == len(synthetic):
        raise ValueError(
            "`features`, `diagnosis` and `synthetic` must be equally long. Received: "
            f"{len(features)}, {len(diagnosis)} and {len(synthetic)}"
        )
    real, made = np.flatnonzero(~synthetic), np.flatnonzero(synthetic)
    found = dict.fromkeys(
        ("same_class", "same_class_real", "same_class_chance", "two_sample_accuracy"),
        float("nan"),
    )
    if len(real) > 1:
        other = real[_nearest(features[real])]
        found["same_class_real"] = float(np.mean(diagnosis[other] == diagnosis[real]))
    if len(real) and len(made):
        nearest = real[_nearest(features[real], features[made])]
        found["same_class"] = float(np.mean(diagnosis[nearest] == diagnosis[made]))
        found["same_class_chance"] = float(
            np.mean([np.mean(diagnosis[real] == name) for name in diagnosis[made]])
        )
    matched = _matched(diagnosis, synthetic, np.random.default_rng(seed))
    if len(matched):
        other = matched[_nearest(features[matched])]
        alike = synthetic[other] == synthetic[matched]
        found["two_sample_accuracy"] = float(np.mean(alike))
    return {**found, "n_compared": len(matched) // 2}


def _pooled(model, images, batch_size):
    """Output of the model's last pooling layer for images of any size."""
    poolings = [layer for layer in model.layers if isinstance(layer, POOLINGS)]
    if not poolings:
        raise ValueError(
            "The model has no pooling layer whose output could be its features. "
            f"Received: {model.name} with layers "
            f"{[layer.name for layer in model.layers]}"
        )
    resize = keras.layers.Resizing(*model.input_shape[1:3])
    batches = tf.data.Dataset.from_tensor_slices(images).batch(batch_size)
    batches = batches.map(lambda batch: resize(tf.cast(batch, tf.float32)))
    batches = without_autotuning(batches)
    extractor = keras.Model(model.inputs[0], poolings[-1].output)
    return extractor.predict(batches, verbose=0).astype("float32")


def _check_features(features, least=LEAST_POINTS):
    features = np.asarray(features, "float32")
    if features.ndim != 2 or len(features) < least or not np.isfinite(features).all():
        raise ValueError(
            f"`features` must be finite and have {least} rows or more. "
            f"Received: shape {features.shape}, "
            f"{np.size(features) - np.isfinite(features).sum()} values not finite"
        )
    return features


def _nearest(points, queries=None):
    """Position of the point nearest to each query, or of each point's nearest other."""
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(points)
    return search.kneighbors(queries, return_distance=False)[:, 0]


def _matched(diagnosis, synthetic, generator):
    """Positions of equally many real and synthetic images of each diagnosis."""
    chosen = []
    for name in np.unique(diagnosis):
        kinds = [np.flatnonzero((diagnosis == name) & (synthetic == k)) for k in (0, 1)]
        n = min(map(len, kinds))
        chosen += [generator.permutation(kind)[:n] for kind in kinds]
    return np.sort(np.concatenate(chosen)) if chosen else np.array([], int)
