"""Outlines drawn on photographs."""

import cv2
import numpy as np

TRUE_COLOUR, FOUND_COLOUR, OTHER_COLOUR = (86, 180, 233), (230, 159, 0), (0, 0, 0)
"""Of Okabe and Ito, told apart by colour-blind readers: sky blue and orange."""

LEAST_SIDE = 320


def outlined(image, masks):
    """Draw the outlines of masks on a photograph.

    Args:
        image: (height, width, 3), RGB, uint8.
        masks: Dict from a colour, (red, green, blue), to a mask (height, width), or
            None for none. Later ones are drawn over earlier ones.

    Returns:
        RGB, uint8; small photographs are enlarged to 320 pixels, lest the line hide
        what it surrounds.
    """
    scale = max(1, -(-LEAST_SIDE // max(image.shape[:2])))
    size = image.shape[1] * scale, image.shape[0] * scale
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    width = max(1, round(max(size) / 250))
    for colour, mask in masks.items():
        if mask is None:
            continue
        levels = cv2.resize(
            np.asarray(mask, "uint8"), size, interpolation=cv2.INTER_NEAREST
        )
        lines, _ = cv2.findContours(levels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        drawn = cv2.drawContours(drawn, lines, -1, colour, width, cv2.LINE_AA)
    return drawn
