"""Photographs beside each other: contact sheets and stages of preparation."""

import textwrap

import numpy as np
from matplotlib.figure import Figure

from keras_derm.report.figures.style import styled

CAPTION = {"fontsize": 10, "fontweight": "normal", "pad": 4}


@styled
def contact_sheet(images, captions=None, columns=6) -> Figure:
    """Images in a grid, each with its caption.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255]; sizes may differ.
        captions: One text an image, or `None`.
        columns: Images a row.

    Raises:
        ValueError: If there is no image, or captions of another number.
    """
    captions = checked_captions(images, captions)
    columns = min(columns, len(images))
    lines = -(-len(images) // columns)
    panels, figure = photo_grid(lines, columns, count_lines(captions, 1.6))
    for axes, image, caption in zip(panels.flat, images, captions, strict=False):
        axes.imshow(as_photograph(image))
        axes.set_title(wrapped(caption, 1.6), **CAPTION)
    return figure


@styled
def preparation_stages(stages, captions=None) -> Figure:
    """What preparation did: one row a stage, one column an image.

    Args:
        stages: `dict` of the stage's name (`"original"`, `"hair removed"`, ...) to
            the sequence of images after it, the same images in the same order;
            `(height, width, 3)`, uint8 or float in [0, 255].
        captions: One text an image, written above the first row.

    Raises:
        ValueError: If there is no stage, or stages of different numbers of images.
    """
    counts = {name: len(images) for name, images in stages.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"Stages need equally many images. Received: {counts}")
    captions = checked_captions(next(iter(stages.values())), captions)
    n_lines = count_lines(captions, 1.6) / len(stages)
    panels, figure = photo_grid(len(stages), len(captions), n_lines)
    for row, (name, images) in zip(panels, stages.items(), strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(as_photograph(image))
        label_row(row[0], name)
    for axes, caption in zip(panels[0], captions, strict=True):
        axes.set_title(wrapped(caption, 1.6), **CAPTION)
    return figure


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


def photo_grid(lines, columns, text_lines, aspect=1.0):
    """Grid of axes without frames, 1.6 inch an image, room for the captions.

    The images are `aspect` times as high as they are wide.
    """
    figure = Figure(
        figsize=(
            1.6 * columns + 0.3,
            lines * (1.62 * aspect + 0.19 * text_lines) + 0.1,
        ),
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
