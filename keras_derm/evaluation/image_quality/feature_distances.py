"""How far made images are from real ones, measured on feature vectors."""

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

LEAST_IMAGES, MOST_IMAGES = 20, 4000
COPY_QUANTILE = 0.01
COLUMNS = ["cell", "metric", "n", "set", "value", "deviation"]


def frechet_distance(first, second):
    """Fréchet distance between the Gaussians fitted to two sets of features.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The last trace is the sum of the
    singular values of A B^T, where A and B are the centred features over the root of
    their degrees of freedom: no root of an ill-conditioned matrix is taken. It falls
    with the number of images: compare at equal n only.

    Args:
        first, second: Features (n, d) and (m, d).

    Returns:
        The distance, a float, 0 for equal sets.

    Raises:
        ValueError: If the arrays do not fit, or a set has fewer than 2 images.

    Reference:
        Dowson and Landau, "The Fréchet distance between multivariate normal
        distributions", 1982; Heusel et al., NeurIPS 2017.
    """
    first, second = _checked(first, second)
    roots = [_covariance_root(features) for features in (first, second)]
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    spread = sum((root**2).sum() for root in roots)
    shift = ((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum()
    return float(max(shift + spread - 2 * shared, 0.0))


def _covariance_root(features):
    """R, at most (d, d), with R^T R the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.linalg.qr(centred, mode="r")


def kernel_distance(first, second, n_subsets=100, subset_size=None, seed=0):
    """Squared maximum mean discrepancy with a cubic kernel, without bias.

    The kernel is (x.y / d + 1)^3. Subsets are drawn from both sets; their mean does
    not depend on the number of images, and may be below 0. Of a larger set 4,000
    images are drawn first.

    Args:
        first, second: Features (n, d) and (m, d).
        n_subsets, seed: Number and seed of the subsets.
        subset_size: Images of each set in a subset; None for half of the smaller set
            and at most 1000, the published number. Subsets of all images would not
            vary.

    Returns:
        Tuple of the mean over the subsets and their standard deviation.

    Raises:
        ValueError: If the arrays do not fit, or a subset would have fewer than 2
            images or more than there are.

    Reference:
        Binkowski et al., "Demystifying MMD GANs", ICLR 2018.
    """
    first, second = _checked(first, second)
    fewest = min(len(first), len(second), MOST_IMAGES)
    subset_size = subset_size or min(1000, fewest // 2)
    if not 2 <= subset_size <= fewest:
        raise ValueError(
            "`subset_size` must be at least 2 and no more than the images of a set. "
            f"Received: subset_size={subset_size}, {len(first)} and {len(second)} "
            "images"
        )
    generator = np.random.default_rng(seed)
    first, second = (
        features[generator.permutation(len(features))[:MOST_IMAGES]]
        for features in (first, second)
    )
    pairs = (first, first), (second, second), (first, second)
    kernels = [cubic_kernel(*pair) for pair in pairs]
    distances = []
    for _ in range(n_subsets):
        rows, columns = (
            generator.permutation(len(features))[:subset_size]
            for features in (first, second)
        )
        chosen = (rows, rows), (columns, columns), (rows, columns)
        drawn = (k[np.ix_(*c)] for k, c in zip(kernels, chosen, strict=True))
        distances.append(unbiased_discrepancy(*drawn))
    return float(np.mean(distances)), float(np.std(distances))


def unbiased_discrepancy(first, second, between):
    """Squared maximum mean discrepancy of two sets of one size, without bias.

    Args:
        first, second: Kernels within each set, (n, n); an image is never compared with
            itself.
        between: Kernel between both, (n, n).
    """
    within = sum(
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))
        for kernel in (first, second)
    )
    return within - 2 * between.mean()


def cubic_kernel(first, second):
    """Kernel (x.y / d + 1)^3 of features (n, d) and (m, d): array (n, m)."""
    return (first @ second.T / first.shape[1] + 1) ** 3


def neighbourhood_metrics(real, made, n_neighbours=5):
    """Precision, recall, density and coverage.

    The neighbourhood of an image is the ball that reaches to its nearest neighbour
    number `n_neighbours` of its own set.

    Args:
        real, made: Features of real images (n, d) and of made ones (m, d).
        n_neighbours: Which neighbour, less than n and m.

    Returns:
        Dictionary: `precision`, share of made images in the neighbourhood of a real
        one; `recall`, share of real images in the neighbourhood of a made one;
        `density`, number of real neighbourhoods a made image is in, over
        `n_neighbours`; `coverage`, share of real images with a made one in their
        neighbourhood. Of equal sets density is about 1.

    Raises:
        ValueError: If the arrays do not fit, or there are too few images.

    Reference:
        Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing
        Generative Models", NeurIPS 2019; Naeem et al., "Reliable Fidelity and
        Diversity Metrics for Generative Models", ICML 2020.
    """
    real, made = _checked(real, made)
    if not 1 <= n_neighbours < min(len(real), len(made)):
        raise ValueError(
            "`n_neighbours` must be at least 1 and less than the images of each set. "
            f"Received: n_neighbours={n_neighbours}, {len(real)} and {len(made)} images"
        )
    real_radius, made_radius = (
        NearestNeighbors(n_neighbors=n_neighbours).fit(features).kneighbors()[0][:, -1]
        for features in (real, made)
    )
    distances = pairwise_distances(real, made)
    near_real = distances <= real_radius[:, np.newaxis]
    near_made = distances <= made_radius[np.newaxis]
    return {
        "precision": float(near_real.any(axis=0).mean()),
        "recall": float(near_made.any(axis=1).mean()),
        "density": float(near_real.sum(axis=0).mean() / n_neighbours),
        "coverage": float(near_real.any(axis=1).mean()),
    }


def memorisation(made, train, held_out):
    """Whether made images are nearer to the training images than unseen real ones.

    Args:
        made: Features of made images (n, d), or of each in all its flips and
            rotations (8, n, d), see `all_turns`: the nearest counts.
        train: Features of the generator's training images (m, d).
        held_out: Features of real images that the generator did not see, (k, d) or
            (8, k, d) as `made`.

    Returns:
        Dictionary: `memorisation_ratio`, median distance of made images to the
        nearest training image over that of held-out images, about 1 where nothing
        was learned by heart and 0 where all was; `copied_share`, share of made
        images nearer than all but 1 % of the held-out ones.

    Raises:
        ValueError: If the arrays do not fit.
    """
    nearest = []
    for turns in (np.asarray(made), np.asarray(held_out)):
        turns = turns if turns.ndim == 3 else turns[np.newaxis]
        distances = []
        for features in turns:
            features, reference = _checked(features, train)
            search = NearestNeighbors(n_neighbors=1).fit(reference)
            distances.append(search.kneighbors(features)[0][:, 0])
        nearest.append(np.min(distances, axis=0))
    limit = np.quantile(nearest[1], COPY_QUANTILE)
    return {
        "memorisation_ratio": float(np.median(nearest[0]) / np.median(nearest[1])),
        "copied_share": float((nearest[0] < limit).mean()),
    }


def all_turns(images):
    """Images in their 8 flips and rotations, (8 n, side, side, 3)."""
    turned = [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]
    return np.concatenate(turned + [image[:, :, ::-1] for image in turned])


def diversity_within_classes(features, classes):
    """Mean distance between two images of a class: `pandas.Series` by class.

    Args:
        features, classes: Arrays (n, d) and (n,). A class of one image has NaN.
    """
    features, classes = np.asarray(features, dtype=float), np.asarray(classes)
    if features.ndim != 2 or len(features) != len(classes):
        raise ValueError(
            "each row of features must have a class. Received: shape "
            f"{features.shape}, {len(classes)} classes"
        )
    means = {}
    for name in np.unique(classes):
        distances = pairwise_distances(features[classes == name])
        n_pairs = len(distances) * (len(distances) - 1)
        means[name] = distances.sum() / n_pairs if n_pairs else np.nan
    return pd.Series(means, name="diversity", dtype=float)


def quality_table(reference, sets, extractor_name, seed=0):
    """Sets of images judged alike against real ones, cell by cell.

    Every metric depends on the number of images, so all sets of a cell are cut to the
    same number, that of the smallest. Give, beside the made images, real training
    images as the floor, which no made set can be expected to pass, and as ceilings
    what is worthless: noise, and few images over and over. The cell "all" holds what
    was drawn of each cell, so that all sets are composed alike.

    Args:
        reference: Tuple of features (n, d) of real images that the generator did not
            learn from, and the cell of each (n,), such as its diagnosis.
        sets: Dictionary from the name of a set to such a tuple.
        extractor_name: Network that the features are of, `FeatureExtractor.name`.
            With "InceptionV3" the distances are called FID and KID, with any other
            they are named after it.
        seed: Seed of which images are drawn.

    Returns:
        `pandas.DataFrame`, one row a cell, metric and set: `cell`, `metric`, `n`
        (images in each set), `set`, `value`, and `deviation` over subsets, NaN but
        for the kernel distance. Cells are those that all sets have; one with fewer
        than 20 images in some set has one row that says so, and no figure.

    Raises:
        ValueError: If the arrays do not fit.
    """
    named = {"": reference, **sets}
    for name, (features, cells) in named.items():
        if len(features) != len(cells):
            raise ValueError(
                "each row of features must have a cell. Received: "
                f"{len(features)} rows, {len(cells)} cells in {name or 'reference'}"
            )
    generator = np.random.default_rng(seed)
    drawn = {name: [] for name in named}
    rows = []
    for cell in sorted(set.intersection(*(set(cells) for _, cells in sets.values()))):
        found = {
            name: np.asarray(features)[np.asarray(cells) == cell]
            for name, (features, cells) in named.items()
        }
        n_images = min(len(features) for features in found.values())
        if n_images < LEAST_IMAGES:
            rows.append((cell, "too few images", n_images, np.nan, np.nan, np.nan))
            continue
        for name, features in found.items():
            found[name] = features[generator.permutation(len(features))[:n_images]]
            drawn[name].append(found[name])
        rows += _cell_rows(found, cell, extractor_name)
    if len(drawn[""]) > 1:
        pooled = {name: np.concatenate(parts) for name, parts in drawn.items()}
        rows = _cell_rows(pooled, "all", extractor_name) + rows
    return pd.DataFrame(rows, columns=COLUMNS)


def _cell_rows(sets, cell, extractor_name):
    """Rows in the order of `COLUMNS`; the kernel distance leads."""
    reference, rows = sets[""], []
    for name, features in sets.items():
        if name:
            mean, deviation = kernel_distance(reference, features)
            values = {
                "kernel distance": mean,
                "Fréchet distance": frechet_distance(reference, features),
                **neighbourhood_metrics(reference, features),
                "diversity": diversity_within_classes(features, [0] * len(features))[0],
            }
            for metric, value in values.items():
                metric = _metric_name(metric, extractor_name)
                rows.append((cell, metric, len(reference), name, value, deviation))
                deviation = np.nan  # of the kernel distance alone
    return rows


def _metric_name(metric, extractor_name):
    """Name of a metric and its network: FID and KID with InceptionV3 alone."""
    published = {"Fréchet distance": "FID", "kernel distance": "KID"}
    if extractor_name == "InceptionV3" and metric in published:
        return published[metric]
    return f"{metric} ({extractor_name})"


def _checked(first, second):
    first, second = (np.asarray(features, dtype=float) for features in (first, second))
    fits = first.ndim == second.ndim == 2 and first.shape[1] == second.shape[1]
    if not fits or min(len(first), len(second)) < 2:
        raise ValueError(
            "features must be two arrays (n, d) and (m, d) of at least 2 images each. "
            f"Received: shapes {first.shape} and {second.shape}"
        )
    return first, second
