"""Attention painted over a photograph."""

import cv2
import numpy as np

from keras_derm.explain.checks import check_images, check_same_shape


def overlay(images, heatmaps, opacity=0.5):
    """Paint heatmaps over images: blue is no evidence, red the most.

    Args:
        images: Array `(n, height, width, 3)`, RGB in [0, 255].
        heatmaps: Array `(n, height, width)` in [0, 1].
        opacity: Share of the colour map in the result, in [0, 1].

    Returns:
        uint8 array `(n, height, width, 3)`, RGB.

    Raises:
        ValueError: If the shapes do not fit each other.
    """
    images, heatmaps = check_images(images), np.asarray(heatmaps)
    check_same_shape("heatmaps", heatmaps.shape, images.shape[:3])
    levels = np.rint(255 * np.clip(heatmaps, 0, 1)).astype("uint8")
    colours = [cv2.applyColorMap(level, cv2.COLORMAP_JET) for level in levels]
    painted = (1 - opacity) * images + opacity * np.asarray(colours)[..., ::-1]
    return np.rint(np.clip(painted, 0, 255)).astype("uint8")
