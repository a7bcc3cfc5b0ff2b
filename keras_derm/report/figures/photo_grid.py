"""A grid of photographs with captions, which several figures are built on."""

import textwrap

import numpy as np
from matplotlib.figure import Figure

CAPTION = {"fontsize": 10, "fontweight": "normal", "pad": 4}


def checked_captions(images, captions):
    """Return one text for each image; raise where there is no image or no text."""
    if len(images) == 0:
        raise ValueError(f"At least one image is needed. Received: {images}")
    if captions is None:
        return [""] * len(images)
    if len(captions) != len(images):
        raise ValueError(
            "Each image needs one caption. "
            f"Received: {len(images)} images, {len(captions)} captions"
        )
    return [str(caption) for caption in captions]


def photo_grid(lines, columns, text_lines):
    """Grid of axes without frames, 1.6 inch an image, room for the captions."""
    figure = Figure(
        figsize=(1.6 * columns + 0.3, lines * (1.62 + 0.19 * text_lines) + 0.1),
        layout="constrained",
    )
    panels = figure.subplots(lines, columns, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    return panels, figure


def label_row(axes, text):
    """Write beside the first photograph of a row what the row is."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(wrapped(text, 1.6), fontsize=10)


def wrapped(text, inches):
    """Break `text` so that a line of 10-point type fits into `inches`."""
    width = int(inches * 12.5)
    return "\n".join(
        line
        for part in str(text).split("\n")
        for line in textwrap.wrap(part, width) or [""]
    )


def count_lines(captions, inches):
    """Count the lines of the longest caption."""
    return max(wrapped(caption, inches).count("\n") + 1 for caption in captions)


def as_photograph(image):
    """Return an image in [0, 255] as uint8; raise where it is no RGB image."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"An image must have the shape (height, width, 3). Received: {image.shape}"
        )
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
