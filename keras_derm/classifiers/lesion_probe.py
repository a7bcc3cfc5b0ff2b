"""A classifier of lesions by what pretrained networks see, none of which learns."""

from pathlib import Path

import keras
import numpy as np

from keras_derm.classifiers.backbones import build_feature_extractor
from keras_derm.classifiers.lesion_examples import FLIPS
from keras_derm.classifiers.lesion_network import (
    GIVEN,
    IMAGE_INPUTS,
    TABLE,
    check_inputs,
)
from keras_derm.classifiers.linear_probe import fit_softmax, view_features
from keras_derm.classifiers.objective import as_probabilities
from keras_derm.files import atomic_path
from keras_derm.layers import SquareResize
from keras_derm.networks import LearnedAbsence
from keras_derm.pipeline import image_dataset

PENALTIES = (100.0, 300.0, 1000.0, 3000.0, 10000.0)
"""Those that are tried, as in `linear_probe`: thousands of features, few lesions."""


def build_lesion_probe(
    inputs, n_classes, networks, image_size, weights=None, table_width=None
):
    """A softmax on what networks see of the photographs of a lesion, and on a table.

    The same networks see each photograph. Where an input is not there, a vector stands
    in the place of its features, which is their mean once it is fitted.

    Args:
        inputs: Names of `LESION_INPUTS`, a photograph among them.
        n_classes: Number of classes.
        networks: `NetworkSettings`, one or more.
        image_size: Side of the photographs in pixels; each network resizes them to
            its own.
        weights: Of every network, as `build_backbone` takes them.
        table_width: Numbers of the table; needed with "table".

    Returns:
        Functional `keras.Model` of a dict as `build_lesion_network` has it, whose model
        "reader" gives the features of photographs, and "head" the probabilities.

    Raises:
        ValueError: As `build_lesion_network` and `build_backbone`.
    """
    check_inputs(inputs, table_width)
    reader = _reader(networks, image_size, weights)
    taken = {GIVEN: keras.Input((len(inputs),), name=GIVEN)}
    features = dict(taken)
    for name in inputs:
        if name == TABLE:
            features[name] = taken[name] = keras.Input((table_width,), name=name)
        else:
            taken[name] = keras.Input(reader.input_shape[1:], name=name)
            features[name] = reader(taken[name])
    head = _head({name: features[name].shape[-1] for name in inputs}, n_classes)
    return keras.Model(taken, head(features), name="_".join(["lesion_probe", *inputs]))


def train_lesion_probe(examples, settings, inputs, folder):
    """Fit a softmax to what pretrained networks see, and predict val and test by it.

    Each lesion is learned from as it is and, counting as much, with inputs withheld at
    random, so that whichever are missing the others are enough. The penalty is chosen
    on val, as by `fit_linear_probe`. What the networks see is kept in `folder`, where
    the other arms find it.

    Args:
        examples: `LesionExamples` of all splits.
        settings: `TrainLesionClassifierSettings` with `probed_networks`.
        inputs: Names of `LESION_INPUTS`.
        folder: Folder of all arms.

    Returns:
        The `keras.Model`, and a dict of split to probabilities, float64
        `(n, n_classes)`, of val and test, which are the means over the views.
    """
    n_classes = len(examples.task.classes)
    model = build_lesion_probe(
        inputs,
        n_classes,
        settings.probed_networks,
        examples.prepared.image_size[0],
        settings.weights,
        examples.table_width,
    )
    seen = _seen(model.get_layer("reader"), examples, settings, inputs, folder)
    given = examples.given(inputs)
    rows = {
        split: np.flatnonzero(examples.lesions.in_split(split))
        for split in ("train", "val", "test")
    }
    train, val = rows["train"], rows["val"]
    means = {
        name: of_views[:, train][:, given[train, place] > 0].mean(axis=(0, 1))
        for place, (name, of_views) in enumerate(seen.items())
    }
    n_views = max(map(len, seen.values()))
    learned_from = [given[train]] * n_views
    if len(inputs) > 1:
        draw = np.random.default_rng(settings.seed).random
        learned_from += [
            there * (draw(there.shape) >= settings.absence_rate)
            for there in learned_from
        ]
    kernel, bias = fit_softmax(
        _joined(seen, means, train, learned_from),
        examples.targets[train],
        _joined(seen, means, val, [given[val]] * n_views),
        examples.targets[val],
        adjustment=settings.logit_adjustment,
        penalties=PENALTIES,
        widths=[len(mean) for mean in means.values()],
    )
    head = model.get_layer("head")
    for name, mean in means.items():
        head.get_layer(f"{name}_or_absent").set_weights([mean])
    head.get_layer("probabilities").set_weights([kernel, bias])
    predicted = {
        split: _predicted(head, seen, rows[split], given, n_views)
        for split in ("val", "test")
    }
    return model, predicted


def remove_features(folder):
    """Remove what is kept of photographs for the arms, when all are trained."""
    for file in Path(folder).glob(_kept("*")):
        file.unlink()


def _reader(networks, image_size, weights):
    """Model "reader" of photographs to what all networks see, side by side."""
    photographs = keras.Input((image_size, image_size, 3), name="photograph")
    features = []
    for number, one in enumerate(networks):
        network = build_feature_extractor(
            one.backbone,
            one.image_size,
            weights,
            one.cropped_from,
            one.input_scaling,
            one.pooled_layers,
        )
        # A model of its own: the layers of two backbones have the same names.
        network = keras.Model(
            network.inputs[0], network.outputs[0], name=f"network_{number}"
        )
        side, given = network.input_shape[1], photographs
        if side != image_size:
            given = SquareResize(side)(given)
        features.append(network(given))
    if len(features) > 1:
        features = [keras.layers.Concatenate(name="features")(features)]
    reader = keras.Model(photographs, features[0], name="reader")
    reader.trainable = False
    return reader


def _head(widths, n_classes):
    """Model "head" of features of each input, by their widths, to probabilities."""
    taken = {GIVEN: keras.Input((len(widths),), name=GIVEN)}
    parts = []
    for place, (name, width) in enumerate(widths.items()):
        taken[name] = keras.Input((width,), name=name)
        there = taken[GIVEN][:, place : place + 1]
        parts.append(LearnedAbsence(name=f"{name}_or_absent")([taken[name], there]))
    joined = parts[0]
    if len(parts) > 1:
        joined = keras.layers.Concatenate(name="joined")(parts)
    outputs = keras.layers.Dense(n_classes, "softmax", name="probabilities")(joined)
    return keras.Model(taken, outputs, name="head")


def _seen(reader, examples, settings, inputs, folder):
    """What is seen of each input of the lesions, `(n_views, n, n_features)` each."""
    views = FLIPS if settings.flips else FLIPS[:1]
    seen = {}
    for name in inputs:
        if name == TABLE:
            encoded = examples.table.encode(examples.lesions)
            seen[name] = np.stack([encoded] * len(views))
            continue
        file = Path(folder) / _kept(name)
        if not file.is_file():
            photographs = image_dataset(
                examples.prepared,
                examples.positions(name),
                batch_size=settings.batch_size,
            )
            found = view_features(
                reader, photographs.map(lambda seen: seen), IMAGE_INPUTS[name], views
            )
            with atomic_path(file) as temporary:
                np.save(temporary, found)
        seen[name] = np.load(file)
    return seen


def _kept(name):
    return f"features_of_{name}.npy"


def _joined(seen, means, rows, given):
    """Features of lesions for the softmax, `(len(given), n, n_features)`.

    Args:
        given: For each view `(n, inputs)`, 1 where an input is there; there may be a
            multiple of the views that were seen.
    """
    joined = []
    for view, there in enumerate(given):
        parts = [
            np.where(there[:, [place]] > 0, of_views[view % len(of_views)][rows], mean)
            for place, (of_views, mean) in enumerate(
                zip(seen.values(), means.values(), strict=True)
            )
        ]
        joined.append(np.concatenate(parts, axis=1))
    return np.stack(joined)


def _predicted(head, seen, rows, given, n_views):
    """Probabilities of lesions, means over the views."""
    said = [
        head.predict(
            {name: of_views[view][rows] for name, of_views in seen.items()}
            | {GIVEN: given[rows]},
            verbose=0,
        )
        for view in range(n_views)
    ]
    return as_probabilities(np.mean(said, axis=0))
