"""Random layers of Keras that move pixels, set up for photographs."""

import keras


def turned(seed, share, fill="reflect"):
    """Turn either way by up to a share of a full circle."""
    return keras.layers.RandomRotation(share, fill, seed=seed, dtype="float32")


def zoomed(seed, share, fill="reflect"):
    """Shrink or enlarge each side by up to a share of it."""
    sides = (-share, share)
    return keras.layers.RandomZoom(
        sides, sides, fill_mode=fill, seed=seed, dtype="float32"
    )


def shifted(seed, share, fill="reflect"):
    """Move along each side by up to a share of it, either way."""
    return keras.layers.RandomTranslation(
        share, share, fill_mode=fill, seed=seed, dtype="float32"
    )
