"""One network of a lesion's photographs and of what else is known of it."""

import keras
from keras import ops

from keras_derm.catalog import CLOSE_UP, DERMOSCOPIC
from keras_derm.classifiers.backbones import build_backbone
from keras_derm.networks import LearnedAbsence, RandomAbsence, freeze

IMAGE_INPUTS = {"dermoscopic": DERMOSCOPIC, "close_up": CLOSE_UP}
"""Names of the inputs that are photographs -> their types."""

TABLE = "table"
LESION_INPUTS = (*IMAGE_INPUTS, TABLE)
"""Names of the inputs that a network of lesions may have."""

GIVEN = "given"
"""Name of the input that says which of the others are there."""


def build_lesion_network(
    inputs,
    n_classes,
    backbone="EfficientNetLite0",
    image_size=None,
    weights=None,
    table_width=None,
    hidden_units=128,
    table_units=64,
    dropout=0.5,
    absence_rate=0.0,
    frozen_until=None,
    seed=None,
):
    """A classifier of lesions from one or two photographs and a table.

    Each photograph has a backbone of its own, whose pooled features are brought to
    `hidden_units`, the table a dense layer. Where an input is not there a learned
    vector stands in its place, so that any of them may be missing; in training those
    that are there are withheld at random. All are joined before the softmax.

    Args:
        inputs: Names of `LESION_INPUTS`, a photograph among them.
        n_classes: Number of classes.
        backbone, image_size, weights: As `build_backbone` takes them.
        table_width: Numbers of the table, as `LesionTable.width`; needed with "table".
        hidden_units: Units that the features of each photograph are brought to.
        table_units: Units that the table is brought to.
        dropout: Rate before and behind the units of a photograph.
        absence_rate: Probability that an input is withheld in training; without effect
            on a network of one input.
        frozen_until: Layer of the backbones up to which they do not learn, or None.
        seed: Integer seed of what is withheld, or None.

    Returns:
        Functional `keras.Model` of a dict: "dermoscopic" and "close_up", float RGB
        images in [0, 255] `(batch, image_size, image_size, 3)`; "table"
        `(batch, table_width)`; "given" `(batch, inputs)`, 1 where an input, in their
        order, is there and 0 where it is not. To probabilities `(batch, n_classes)` by
        the model "head".

    Raises:
        ValueError: An input is unknown or named twice, none is a photograph, or the
            table has no width; and as `build_backbone`.

    Reference:
        Kawahara et al., Seven-point checklist and skin lesion classification using
        multitask multimodal neural nets, IEEE JBHI 2019: any input may be missing.
    """
    check_inputs(inputs, table_width)
    taken = {GIVEN: keras.Input((len(inputs),), name=GIVEN)}
    features, n_features = dict(taken), 0
    for name in inputs:
        if name == TABLE:
            features[name] = taken[name] = keras.Input((table_width,), name=name)
        else:
            taken[name], features[name] = _photograph(
                name, backbone, image_size, weights, frozen_until
            )
            n_features = features[name].shape[-1]
    head = build_lesion_head(
        inputs,
        n_classes,
        n_features,
        table_width,
        hidden_units,
        table_units,
        dropout,
        absence_rate,
        seed,
    )
    return keras.Model(taken, head(features), name="_".join(["lesion", *inputs]))


def build_lesion_head(
    inputs,
    n_classes,
    n_features,
    table_width=None,
    hidden_units=128,
    table_units=64,
    dropout=0.5,
    absence_rate=0.0,
    seed=None,
):
    """What stands on the backbones of `build_lesion_network`, a model of its own.

    Args:
        n_features: Pooled features of a photograph.
        inputs, n_classes, table_width, hidden_units: As of `build_lesion_network`.
        table_units, dropout, absence_rate, seed: The same.

    Returns:
        Functional `keras.Model` "head" of a dict as of `build_lesion_network`, with
        features `(batch, n_features)` in place of photographs.

    Raises:
        ValueError: As `build_lesion_network`.
    """
    check_inputs(inputs, table_width)
    taken = {GIVEN: keras.Input((len(inputs),), name=GIVEN)}
    rate = absence_rate if len(inputs) > 1 else 0.0
    there = RandomAbsence(rate, seed, name="random_absence")(taken[GIVEN])
    parts = []
    for place, name in enumerate(inputs):
        width, units = n_features, hidden_units
        if name == TABLE:
            width, units = table_width, table_units
        part = taken[name] = keras.Input((width,), name=name)
        if name != TABLE:
            part = keras.layers.Dropout(dropout, name=f"{name}_dropout")(part)
        part = keras.layers.Dense(units, "relu", name=f"{name}_units")(part)
        absent = LearnedAbsence(name=f"{name}_or_absent")
        parts.append(absent([part, there[:, place : place + 1]]))
    joined = parts[0]
    if len(parts) > 1:
        joined = keras.layers.Concatenate(name="joined")(parts)
    joined = keras.layers.Dropout(dropout, name="dropout")(joined)
    outputs = keras.layers.Dense(n_classes, "softmax", name="probabilities")(joined)
    return keras.Model(taken, outputs, name="head")


def _photograph(name, backbone, image_size, weights, frozen_until):
    """Input of a photograph, and the pooled features of its backbone."""
    network = build_backbone(backbone, image_size, weights)
    if frozen_until is not None:
        freeze(network, frozen_until)
    # A model of its own: the layers of two backbones have the same names.
    network = keras.Model(network.inputs[0], network.outputs[0], name=f"{name}_network")
    images = keras.Input(network.input_shape[1:], name=name)
    return images, ops.mean(network(images), axis=(1, 2))


def check_inputs(inputs, table_width):
    """Refuse inputs of which no network of lesions can be.

    Raises:
        ValueError: As `build_lesion_network`.
    """
    known = set(inputs) <= set(LESION_INPUTS) and len(set(inputs)) == len(inputs)
    if not known or not set(inputs) & set(IMAGE_INPUTS):
        raise ValueError(
            f"`inputs` must be some of {', '.join(LESION_INPUTS)}, each once, and a "
            f"photograph among them. Received: {', '.join(inputs) or 'none'}"
        )
    if TABLE in inputs and not table_width:
        raise ValueError(
            "`table_width` must say how many numbers the table has. "
            f"Received: {table_width}"
        )
