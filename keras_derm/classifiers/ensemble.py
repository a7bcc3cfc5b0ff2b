"""The averaging ensemble."""

from pathlib import Path

import keras


def build_ensemble(members, image_size):
    """Average the probabilities of several classifiers in one model.

    Args:
        members: List of classifiers over the same classes, each taking square
            [0, 255] RGB images of its own size.
        image_size: Side in pixels of the one image the ensemble takes; it is
            resized for each member inside the graph.

    Returns:
        Functional `keras.Model`: `(batch, image_size, image_size, 3)` to
        probabilities `(batch, n_classes)`.

    Raises:
        ValueError: The members disagree on the number of classes, or there are
            none.

    Reference:
        Thomas et al., SN-GAN ensemble: mean of the members' softmax outputs.
    """
    members = list(members)
    widths = {member.output_shape[-1] for member in members}
    if len(widths) != 1:
        raise ValueError(
            "`members` must be classifiers over the same classes. Received: "
            f"{len(members)} members with {sorted(widths)} classes"
        )
    inputs = keras.Input((image_size, image_size, 3), name="image")
    outputs = []
    for member in members:
        side = member.input_shape[1]
        images = inputs
        if side != image_size:
            # The op, not keras.layers.Resizing: that layer's call turns training
            # mode on for the members behind it. Bilinear as TFLite has it.
            images = keras.ops.image.resize(inputs, (side, side))
        outputs.append(member(images))
    mean = outputs[0]
    if len(outputs) > 1:
        mean = keras.layers.Average(name="probabilities")(outputs)
    return keras.Model(inputs, mean, name="ensemble")


def load_classifier(path):
    """Read a classifier or an ensemble saved as `.keras`.

    Importing this function registers the layers that such a file names.

    Args:
        path: The `.keras` file.

    Returns:
        Functional `keras.Model`, not compiled: for inference.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no saved classifier; apps/train_classifier.py makes one. Received: {path}"
        )
    return keras.models.load_model(path, compile=False)
