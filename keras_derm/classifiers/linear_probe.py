"""A softmax alone, fitted to what a pretrained network sees."""

import copy
import warnings

import keras
import numpy as np
import tensorflow as tf
from rich.progress import track
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Factors of half the squared weights that are tried, the log-losses being summed."""

MIRRORED = ((), (2,))
"""Axes along which images are turned over, for each view: as they are, mirrored."""

MOST_ITERATIONS = 300
"""Of L-BFGS; with the least penalty it may end before the minimum."""


def fit_linear_probe(
    model, train, targets, val, val_targets, sample_weights=None, adjustment=0.0
):
    """Fit the softmax of a classifier, all of whose other layers stay as they are.

    Multinomial logistic regression on the features of the images and of their mirror
    images, each scaled to mean 0 and variance 1, by L-BFGS: nothing is drawn by
    chance. Of `PENALTIES`, the strongest first, the last one counts by which the
    log-loss on validation still falls. The scaling becomes part of the weights of the
    softmax.

    Fine-tuning on one archive may spoil what a network has learned from a million
    other photographs, and so what it tells of other archives (Kumar et al.,
    "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution",
    ICLR 2022).

    Args:
        model: `build_classifier` without hidden units; its softmax is written.
        train: Batches of training images, RGB in [0, 255], `(batch, side, side, 3)`.
        targets: Their classes in this order, `(n,)`, each at least once.
        val: Batches of validation images.
        val_targets: Their classes, `(n_val,)`.
        sample_weights: Weight of each training image in the loss, `(n,)`; None for the
            same.
        adjustment: Factor of the logarithms of the frequencies that are taken out of
            the logits, as of `LogitAdjustedCrossentropy`, whose minimum this is.

    Returns:
        `model`.

    Raises:
        ValueError: Something is between the layer "pooling" and the softmax that would
            have to learn.
    """
    softmax = model.get_layer("probabilities")
    outputs = model.get_layer("pooling").output
    n_features = outputs.shape[-1]
    if softmax.kernel.shape[0] != n_features:
        raise ValueError(
            "a linear probe has no hidden units. Received: a softmax of "
            f"{softmax.kernel.shape[0]} values behind {n_features} features"
        )
    network = keras.Model(model.inputs[0], outputs)
    kernel, bias = fit_softmax(
        view_features(network, train, "Features"),
        targets,
        view_features(network, val, "Features of validation"),
        val_targets,
        sample_weights,
        adjustment,
    )
    softmax.set_weights([kernel.astype("float32"), bias.astype("float32")])
    return model


def view_features(network, batches, description="Features", views=MIRRORED):
    """What a network says of images, and of the same images turned over.

    Args:
        network: Model of one input, whose output is `(batch, n_features)`.
        batches: Batches of images, RGB in [0, 255], `(batch, side, side, 3)`.
        description: What the progress bar says.
        views: Axes of a batch along which it is turned over, for each view.

    Returns:
        Array `(n_views, n, n_features)`, float32.
    """
    network = tf.function(network, reduce_retracing=True)
    found = [[] for _ in views]
    for images in track(batches, description, transient=True):
        images = tf.cast(images, tf.float32)
        for features, axes in zip(found, views, strict=True):
            view = tf.reverse(images, axes) if axes else images
            features.append(np.asarray(network(view, training=False)))
    return np.stack([np.concatenate(of_view) for of_view in found])


def fit_softmax(
    features,
    targets,
    val_features,
    val_targets,
    sample_weights=None,
    adjustment=0.0,
    penalties=PENALTIES,
    widths=None,
):
    """Weights of a softmax by logistic regression, as `fit_linear_probe` has them.

    Args:
        features: Features of views of the images, `(n_views, n, n_features)`; the views
            of an image count as one image.
        targets: Classes of the images, `(n,)`, each at least once.
        val_features: The same of validation, `(n_views, n_val, n_features)`.
        val_targets: Classes of these, `(n_val,)`.
        sample_weights: As of `fit_linear_probe`.
        adjustment: As of `fit_linear_probe`.
        penalties: Those that are tried.
        widths: How many of the features, in their order, are of each source. Each
            source is scaled to the same variance in all, so that one of few numbers is
            not penalised more than one of thousands. None for one source.

    Returns:
        Kernel `(n_features, n_classes)` and bias `(n_classes,)`, float64.
    """
    n_views = len(features)
    rows, val_rows = (
        np.concatenate(part).astype("float64") for part in (features, val_features)
    )
    scaler = StandardScaler().fit(rows)
    if widths is not None:
        scaler.scale_ /= np.repeat(np.sqrt(max(widths) / np.array(widths)), widths)
    rows, val_rows = scaler.transform(rows), scaler.transform(val_rows)
    weights = np.ones(len(targets)) if sample_weights is None else sample_weights
    weights = np.tile(weights, n_views) / n_views
    classes, truth = np.tile(targets, n_views), np.tile(val_targets, len(val_features))
    # From the strongest, whose minimum is near; each begins where the last one ended.
    regression = LogisticRegression(max_iter=MOST_ITERATIONS, warm_start=True)
    best, least = None, np.inf
    penalties = sorted(penalties, reverse=True)
    for penalty in track(penalties, "Logistic regressions", transient=True):
        regression.set_params(C=1 / penalty)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.fit(rows, classes, weights)
        said = regression.predict_proba(val_rows)
        loss = log_loss(truth, said, labels=regression.classes_)
        if loss >= least:
            break
        best, least = copy.deepcopy(regression), loss
    coefficients, intercept = _of_every_class(best)
    kernel = (coefficients / scaler.scale_).T
    bias = intercept - scaler.mean_ @ kernel
    bias -= adjustment * np.log(np.bincount(targets) / len(targets))
    return kernel, bias


def _of_every_class(regression):
    """Coefficients and intercepts of a softmax; of two classes scikit-learn has one."""
    coefficients, intercept = regression.coef_, regression.intercept_
    if len(regression.classes_) > 2:
        return coefficients, intercept
    halves = np.array([-0.5, 0.5])
    return halves[:, None] * coefficients, halves * intercept
