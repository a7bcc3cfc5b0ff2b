"""Photographs with the attention of a classifier laid over them."""

import numpy as np
from matplotlib.figure import Figure

from keras_derm.report.figures.photographs import (
    CAPTION,
    as_photograph,
    checked_captions,
    count_lines,
    label_row,
    photo_grid,
    wrapped,
)
from keras_derm.report.figures.style import MUTED, styled

NO_CASE = {"ha": "left", "va": "center", "style": "italic", "color": MUTED}


@styled
def cam_gallery(images, heatmaps, captions=None, columns=3) -> Figure:
    """Each image beside itself with the model's attention laid over it.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255].
        heatmaps: One array `(h, w)` in [0, 1] an image (1: most attention), of
            the image's shape or coarser.
        captions: One text an image: truth, prediction, probability.
        columns: Pairs a row.

    Raises:
        ValueError: If the numbers of images, maps and captions differ.
    """
    captions = checked_captions(images, captions)
    if len(heatmaps) != len(images):
        raise ValueError(
            "Each image needs one heatmap. "
            f"Received: {len(images)} images, {len(heatmaps)} heatmaps"
        )
    columns = min(columns, len(images))
    lines = -(-len(images) // columns)
    panels, figure = photo_grid(lines, 2 * columns, count_lines(captions, 3.0))
    pairs = panels.reshape(-1, 2)
    for (plain, overlaid), image, heatmap, caption in zip(
        pairs, images, heatmaps, captions, strict=False
    ):
        plain.imshow(as_photograph(image))
        plain.set_title(wrapped(caption, 3.0), loc="left", **CAPTION)
        _attention(overlaid, image, heatmap)
    return figure


@styled
def case_grid(cases, rows, columns) -> Figure:
    """Cases in a table, each a photograph beside its attention, empty cells said so.

    Args:
        cases: `dict` of (row, column) to (image, heatmap, caption), as in
            `cam_gallery`; a cell without a case says "no such case".
        rows: Names of the rows, such as tone groups, in order.
        columns: Names of the columns, such as kinds of decision, in order.

    Raises:
        ValueError: If there is no row or column, or a case belongs to none.
    """
    unknown = [key for key in cases if key[0] not in rows or key[1] not in columns]
    if unknown or not len(rows) or not len(columns):
        raise ValueError(
            "Cases need rows and columns to stand in. Received: "
            f"cases at {list(cases)}, rows {list(rows)}, columns {list(columns)}"
        )
    captions = [caption for *_, caption in cases.values()] or [""]
    n_lines = count_lines(captions, 3.0)
    panels, figure = photo_grid(len(rows), 2 * len(columns), n_lines + 1)
    for line, row in zip(panels, rows, strict=True):
        for pair, column in zip(line.reshape(-1, 2), columns, strict=True):
            head = f"{row}: {column}"
            if (row, column) in cases:
                image, heatmap, caption = cases[row, column]
                pair[0].imshow(as_photograph(image))
                _attention(pair[1], image, heatmap)
                head += "\n" + wrapped(caption, 3.0)
            else:
                for axes in pair:
                    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
                pair[0].text(0, 0.5, "no such case", **NO_CASE)
                head += "\n" * n_lines  # level with the heads beside it
            pair[0].set_title(head, loc="left", **CAPTION)
    return figure


@styled
def attention_columns(images, maps, captions=None) -> Figure:
    """One row an image: the photograph, then its attention by several accounts.

    Args:
        images: As in `cam_gallery`.
        maps: `dict` of the column's name (a member, a stage) to one heatmap an image.
        captions: One text an image, written beside it.

    Raises:
        ValueError: If the numbers of images, maps and captions differ.
    """
    captions = checked_captions(images, captions)
    counts = {name: len(heatmaps) for name, heatmaps in maps.items()}
    if not maps or set(counts.values()) != {len(images)}:
        raise ValueError(
            "Each image needs one map in every column. "
            f"Received: {len(images)} images, maps {counts}"
        )
    names = ["photograph", *maps]
    n_lines = count_lines(names, 1.6) / len(images)
    panels, figure = photo_grid(len(images), len(names), n_lines)
    for row, image, caption in zip(panels, images, captions, strict=True):
        row[0].imshow(as_photograph(image))
        label_row(row[0], caption)
    for column, heatmaps in zip(panels[:, 1:].T, maps.values(), strict=True):
        for axes, image, heatmap in zip(column, images, heatmaps, strict=True):
            _attention(axes, image, heatmap)
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(wrapped(name, 1.6), **CAPTION)
    return figure


def _attention(axes, image, heatmap):
    """Draw a photograph with the attention laid over it."""
    image = as_photograph(image)
    heatmap = np.clip(np.nan_to_num(np.asarray(heatmap, float)), 0, 1)
    axes.imshow(image)
    axes.imshow(
        heatmap,
        cmap="viridis",
        vmin=0,
        vmax=1,
        extent=(-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5),
        alpha=0.15 + 0.45 * heatmap,  # the lesion shows through even the highest
        interpolation="bilinear",
    )
