"""The averaging ensemble."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from keras_derm.classifiers.ensemble_weights import WeightedAverage, checked_weights
from keras_derm.files import atomic_path
from keras_derm.training import in_float32

MOST_GROWTH, LEAST_SUSPECT = 20, 50_000_000
"""Times that a saved model may grow when it is unpacked, and bytes from which on."""


@keras.saving.register_keras_serializable(package="keras_derm")
class SymmetricViews(keras.layers.Layer):
    """Quarter turns of square images and their mirror images, a batch after the other.

    Under none of them does a lesion change its diagnosis.

    Args:
        n_views: 4 for the quarter turns, 8 for their mirror images too.

    Call arguments: images `(batch, side, side, channels)`.

    Returns:
        `(n_views * batch, side, side, channels)`; the images as they are come first.

    Raises:
        ValueError: `n_views` is neither 4 nor 8.

    Example:
        >>> views = SymmetricViews(4)(images)
    """

    def __init__(self, n_views=8, **kwargs):
        super().__init__(**kwargs)
        if n_views not in (4, 8):
            raise ValueError(f"`n_views` must be 4 or 8. Received: {n_views!r}")
        self.n_views = n_views

    def call(self, images):
        turned = keras.ops.transpose(images, (0, 2, 1, 3))
        # Slices, not ops.flip, which TFLite may quantise by a wrong scale.
        views = [images, turned[:, ::-1], images[:, ::-1, ::-1], turned[:, :, ::-1]]
        if self.n_views == 8:
            views += [view[:, :, ::-1] for view in views]
        return keras.ops.concatenate(views, axis=0)

    def compute_output_shape(self, input_shape):
        batch, *rest = input_shape
        return (None if batch is None else self.n_views * batch, *rest)

    def get_config(self):
        return {**super().get_config(), "n_views": self.n_views}


def build_ensemble(members, image_size, weights=None, n_views=1):
    """Average the probabilities of several classifiers in one model.

    Args:
        members: List of classifiers over the same classes, each taking square
            [0, 255] RGB images of its own size. Of two with one name the second is
            given another.
        image_size: Side in pixels of the one image the ensemble takes; it is
            resized for each member inside the graph.
        weights: Weight of each member, not negative, with the sum 1, as
            `fit_ensemble_weights` gives; None for the same weight. They are part of
            the model.
        n_views: 1; or 4 or 8, by which each member is averaged over as many
            `SymmetricViews` of the image, so many times the work.

    Returns:
        Functional `keras.Model`: `(batch, image_size, image_size, 3)` to
        probabilities `(batch, n_classes)`.

    Raises:
        ValueError: The members disagree on the number of classes, there are none, or
            the weights are not one a member and on the simplex.

    Reference:
        Thomas et al., SN-GAN ensemble: mean of the members' softmax outputs.
    """
    members = _differently_named(members)
    widths = {member.output_shape[-1] for member in members}
    if len(widths) != 1:
        raise ValueError(
            "`members` must be classifiers over the same classes. Received: "
            f"{len(members)} members with {sorted(widths)} classes"
        )
    if weights is not None:
        weights = checked_weights(weights, len(members))
    inputs = keras.Input((image_size, image_size, 3), name="image")
    outputs = []
    for member in members:
        side = member.input_shape[1]
        images = inputs
        if side != image_size:
            # The op, not keras.layers.Resizing: that layer's call turns training
            # mode on for the members behind it. Bilinear as TFLite has it.
            images = keras.ops.image.resize(inputs, (side, side))
        outputs.append(_over_views(member, images, n_views))
    mean = outputs[0]
    if len(outputs) > 1 and weights is not None:
        mean = WeightedAverage(weights, name="probabilities")(outputs)
    elif len(outputs) > 1:
        mean = keras.layers.Average(name="probabilities")(outputs)
    return keras.Model(inputs, mean, name="ensemble")


def _over_views(member, images, n_views):
    """Mean of a member's probabilities over the views of each image."""
    if n_views == 1:
        return member(images)
    outputs = member(SymmetricViews(n_views)(images))
    each = keras.ops.reshape(outputs, (n_views, -1, member.output_shape[-1]))
    return keras.ops.mean(each, axis=0)


def _differently_named(members):
    """The members, those whose name another has under one of their own."""
    named, taken = [], set()
    for member in members:
        name, number = member.name, 1
        while name in taken:
            number += 1
            name = f"{member.name}_{number}"
        taken.add(name)
        if name != member.name:
            member = keras.Model(member.inputs[0], member.outputs[0], name=name)
        named.append(member)
    return named


def views_of(model):
    """Over how many views of an image `build_ensemble` was told to average."""
    views = (one.n_views for one in model.layers if isinstance(one, SymmetricViews))
    return next(views, 1)


def ensemble_members(model):
    """List the classifiers that `model` averages; a single classifier is its own.

    Args:
        model: Classifier, ensemble with nested members, or list of classifiers, whose
            weights are the same.

    Returns:
        List of flat functional models.

    Raises:
        ValueError: `model` is an empty list, or nests a network that is not itself a
            classifier over the same classes.
    """
    return [member for member, _ in _weighted_members(model)]


def ensemble_weights(model):
    """Weight of each of `ensemble_members`: a list of float with the sum 1."""
    return [weight for _, weight in _weighted_members(model)]


def _weighted_members(model):
    parts = _parts(model)
    if parts == [model]:
        return [(model, 1.0)]
    shares = [1 / len(parts)] * len(parts)
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, WeightedAverage):
            shares = layer.weights_of_members
    return [
        (member, share * weight)
        for share, part in zip(shares, parts, strict=True)
        for member, weight in _weighted_members(part)
    ]


def models_of(ensemble):
    """The ensemble, as "ensemble", and each of its members by name."""
    members = {member.name: member for member in ensemble_members(ensemble)}
    return {"ensemble": ensemble} | members


def _parts(model):
    """What `model` averages itself; a single classifier alone."""
    if isinstance(model, (list, tuple)):
        if not model:
            raise ValueError("An ensemble needs at least one model. Received: []")
        return list(model)
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    for part in nested:
        if part.output_shape != model.output_shape:
            raise ValueError(
                f"{model.name} holds {part.name} as one layer, whose output is not the "
                "model's: build the head on `backbone.output`, so that the layers lie "
                f"flat. Received: {part.name} giving {part.output_shape} in "
                f"{model.name} giving {model.output_shape}"
            )
    return nested or [model]


def save_small(model, path):
    """Save a classifier or an ensemble as `.keras`, about half as large as Keras does.

    Its weights are rounded to the 11 significant bits of half precision, in the range
    of float32, and the file is packed. `model` keeps those that it has.

    Args:
        model: Functional `keras.Model`.
        path: The `.keras` file.
    """
    exact = model.get_weights()
    model.set_weights([_rounded(one) for one in exact])
    try:
        with atomic_path(path) as temporary:
            model.save(temporary)
            _pack(temporary)
    finally:
        model.set_weights(exact)


def _rounded(weights):
    """float32 to the nearest number of 11 significant bits, of two the even one."""
    if weights.dtype != "float32":
        return weights
    bits = weights.view("uint32")
    half = np.uint32(0xFFF) + (bits >> np.uint32(13) & np.uint32(1))
    return (bits + half & np.uint32(0xFFFFE000)).view("float32")


def _pack(file):
    with zipfile.ZipFile(file) as parts:
        contents = {part.filename: parts.read(part) for part in parts.infolist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as parts:
        for name, content in contents.items():
            parts.writestr(name, content)


def load_classifier(path):
    """Read a classifier or an ensemble saved as `.keras`.

    Importing this function registers the layers that such a file names.

    Args:
        path: The `.keras` file.

    Returns:
        Functional `keras.Model`, not compiled, computing in float32: for inference.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It unpacks to far more than it is: weights hardly shrink.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no saved classifier; apps/train_classifier.py makes one. Received: {path}"
        )
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MOST_GROWTH * Path(path).stat().st_size + LEAST_SUSPECT:
            raise ValueError(
                f"{path} unpacks to {unpacked:,} bytes, far more than weights shrink: "
                "it is no model, copy or train it again. "
                f"Received: {Path(path).stat().st_size:,} bytes"
            )
    return in_float32(keras.models.load_model(path, compile=False))
