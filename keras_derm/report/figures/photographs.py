"""Photographs beside each other: contact sheets and stages of preparation."""

from keras_derm.report.figures.photo_grid import (
    CAPTION,
    as_photograph,
    checked_captions,
    count_lines,
    label_row,
    photo_grid,
    wrapped,
)
from keras_derm.report.figures.style import styled


@styled
def contact_sheet(images, captions=None, columns=6):
    """Images in a grid, each with its caption.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255]; sizes may differ.
        captions: One text an image, or `None`.
        columns: Images a row.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no image, or captions of another number.
    """
    captions = checked_captions(images, captions)
    columns = min(columns, len(images))
    lines = -(-len(images) // columns)
    panels, figure = photo_grid(lines, columns, count_lines(captions, 1.6))
    for axes, image, caption in zip(panels.ravel(), images, captions, strict=False):
        axes.imshow(as_photograph(image))
        axes.set_title(wrapped(caption, 1.6), **CAPTION)
    return figure


@styled
def preparation_stages(stages, captions=None):
    """What preparation did: one row a stage, one column an image.

    Args:
        stages: `dict` of the stage's name (`"original"`, `"hair removed"`, ...) to
            the sequence of images after it, the same images in the same order;
            `(height, width, 3)`, uint8 or float in [0, 255].
        captions: One text an image, written above the first row.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no stage, or stages of different numbers of images.
    """
    counts = {name: len(images) for name, images in stages.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"Stages need equally many images. Received: {counts}")
    captions = checked_captions(next(iter(stages.values())), captions)
    panels, figure = photo_grid(
        len(stages), len(captions), count_lines(captions, 1.6) / len(stages)
    )
    for row, (name, images) in zip(panels, stages.items(), strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(as_photograph(image))
        label_row(row[0], name)
    for axes, caption in zip(panels[0], captions, strict=True):
        axes.set_title(wrapped(caption, 1.6), **CAPTION)
    return figure
