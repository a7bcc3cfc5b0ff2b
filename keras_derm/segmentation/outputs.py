"""How every segmenter ends."""

import keras

LOGITS, PROBABILITIES = "logits", "probabilities"


def mask_outputs(x, enlarged=1):
    """Logits and probabilities of lesion from the last map of a network.

    Args:
        x: Keras tensor `(batch, height, width, channels)`.
        enlarged: Factor by which the logits are enlarged (bilinear) to the side of the
            image.

    Returns:
        Keras tensor `(batch, height * enlarged, width * enlarged, 1)`, in [0, 1].
    """
    x = keras.layers.Conv2D(1, 1, name=LOGITS, dtype="float32")(x)
    if enlarged > 1:
        x = keras.layers.UpSampling2D(
            enlarged, interpolation="bilinear", name="enlarged", dtype="float32"
        )(x)
    return keras.layers.Activation("sigmoid", name=PROBABILITIES, dtype="float32")(x)
