"""Pictures that differ by what they show, and by nothing else."""

import io

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

QUALITY = 92
COMMENT = b"\xff\xfe"
"""JPEG's marker of a comment: two bytes of length and up to 65,533 bytes follow."""

MOST_IN_COMMENT = 65_533


def encode_alike(images, side):
    """Encode images as JPEG files of one size in pixels and in bytes.

    All have the same tables, no metadata, and comments of zeros that fill each up to
    the length of the longest: what is smooth is shorter, and synthetic images are
    often smooth.

    Args:
        images: Iterable of uint8 RGB arrays `(height, width, 3)`, square.
        side: Side in pixels of the pictures.

    Returns:
        List of bytes, all of one length.

    Raises:
        ValueError: An image is no square RGB image.
    """
    files = [_encoded(image, side) for image in images]
    # A comment has four bytes at least, which the longest then has too.
    longest = max((len(file) for file in files), default=0) + 4
    return [_filled(file, longest) for file in files]


def instruction(lines, side):
    """Picture of a text, for a check of attention.

    Args:
        lines: Sequence of str, the first as a heading.
        side: Side in pixels.

    Returns:
        uint8 RGB array `(side, side, 3)`.
    """
    picture = Image.new("RGB", (side, side), (226, 205, 190))
    draw = ImageDraw.Draw(picture)
    top = side * 0.16
    for number, line in enumerate(lines):
        font = ImageFont.load_default(side * (0.075 if number == 0 else 0.052))
        draw.text((side / 2, top), line, (40, 30, 25), font, anchor="ma")
        top += side * (0.15 if number == 0 else 0.085)
    return np.asarray(picture)


def _encoded(image, side):
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.shape[0] != image.shape[1]:
        raise ValueError(
            "a picture is made of a square RGB image, uint8 (side, side, 3). "
            f"Received: {image.dtype} {image.shape}"
        )
    shrinks = side < image.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    if image.shape[0] != side:
        image = cv2.resize(image, (side, side), interpolation=method)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def _filled(file, length):
    """The file with comments behind its first segment, `length` bytes long."""
    start = 4 + int.from_bytes(file[4:6], "big")
    missing, comments = length - len(file), b""
    while missing:
        # No rest of one to three bytes may be left, which is no comment.
        size = min(missing - 4, MOST_IN_COMMENT)
        if 0 < missing - 4 - size < 4:
            size -= 4
        comments += COMMENT + (size + 2).to_bytes(2, "big") + bytes(size)
        missing -= size + 4
    return file[:start] + comments + file[start:]
