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
        the layer "probabilities".

    Raises:
        ValueError: An input is unknown or named twice, none is a photograph, or the
            table has no width; and as `build_backbone`.

    Reference:
        Kawahara et al., Seven-point checklist and skin lesion classification using
        multitask multimodal neural nets, IEEE JBHI 2019: any input may be missing.
    """
    _check_inputs(inputs, table_width)
    given = keras.Input((len(inputs),), name=GIVEN)
    there = RandomAbsence(
        absence_rate if len(inputs) > 1 else 0.0, seed, name="random_absence"
    )(given)
    taken, parts = {GIVEN: given}, []
    for place, name in enumerate(inputs):
        if name == TABLE:
            taken[name] = keras.Input((table_width,), name=name)
            features = keras.layers.Dense(table_units, "relu", name="table_units")(
                taken[name]
            )
        else:
            taken[name], features = _photograph(
                name, backbone, image_size, weights, frozen_until
            )
            drop = keras.layers.Dropout(dropout, name=f"{name}_dropout")
            units = keras.layers.Dense(hidden_units, "relu", name=f"{name}_units")
            features = units(drop(features))
        features = LearnedAbsence(name=f"{name}_or_absent")(
            [features, there[:, place : place + 1]]
        )
        parts.append(features)
    joined = parts[0]
    if len(parts) > 1:
        joined = keras.layers.Concatenate(name="joined")(parts)
    joined = keras.layers.Dropout(dropout, name="dropout")(joined)
    outputs = keras.layers.Dense(n_classes, "softmax", name="probabilities")(joined)
    return keras.Model(taken, outputs, name="_".join(["lesion", *inputs]))


def _photograph(name, backbone, image_size, weights, frozen_until):
    """Input of a photograph, and the pooled features of its backbone."""
    network = build_backbone(backbone, image_size, weights)
    if frozen_until is not None:
        freeze(network, frozen_until)
    # A model of its own: the layers of two backbones have the same names.
    network = keras.Model(network.inputs[0], network.outputs[0], name=f"{name}_network")
    images = keras.Input(network.input_shape[1:], name=name)
    return images, ops.mean(network(images), axis=(1, 2))


def _check_inputs(inputs, table_width):
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
