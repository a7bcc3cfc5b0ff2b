"""Decode photographs rightly, without TensorFlow."""

import io
import os
import stat

import numpy as np
from PIL import Image

from keras_derm.colour_profiles import to_srgb
from keras_derm.jpeg_damage import jpeg_damage
from keras_derm.object_store import is_url, read_bytes

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MAX_PIXELS = 100_000_000
MAX_BYTES = 1_000_000_000
"""Of a file: more than the pixels that are taken fill without any compression."""
ORIENTATION = 0x0112
"""EXIF tag of how the camera was held."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image of each orientation upright."""


class ImageError(ValueError):
    """A file that cannot be read as an image; the message names file and cause.

    Attributes:
        path: The file.
        cause: The cause alone, a str.

    Example:
        >>> try:
        ...     image = read_image("lesion.jpg")
        ... except ImageError as error:
        ...     print(error.cause)
    """

    def __init__(self, path, cause):
        super().__init__(f"{cause}. Received: {str(path)!r}")
        self.path = path
        self.cause = cause

    def __reduce__(self):
        # An exception is rebuilt from its message, which would lose path and cause.
        return type(self), (self.path, self.cause)


def read_image(path, least_side=None):
    """Read a photograph as 8-bit RGB.

    EXIF-rotated images are turned upright, CMYK and grey become RGB, colours with an
    embedded ICC profile become those of sRGB, 16-bit values are scaled to 8 bits, and
    transparent pixels are laid on white.

    Args:
        path: An image file, or the URL of one in an object store.
        least_side: To read a JPEG faster at a half, a quarter or an eighth of its size:
            pixels that each side shall have at the least. Others come as they are.

    Returns:
        uint8 array, shape (height, width, 3), sRGB.

    Raises:
        ImageError: If the file is missing, empty, truncated or damaged, no image, or
            larger than 100 megapixels.
        ObjectStoreError: The store refuses access, or does not answer.
    """
    image, data = open_image(path)
    refuse_lost_pixels(path, data)
    try:
        if least_side is not None:
            image.draft(image.mode, (least_side, least_side))
        return np.array(_upright(image, lambda: _as_rgb(image)))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(path, damage(error)) from error


def read_mask(path, photograph=None):
    """Read a lesion mask.

    A pixel is lesion where it is brighter than half of the brightest one: masks of 0
    and 1, of 0 and 255, with soft edges, in colours and with a palette all are read
    so. What is transparent is no lesion, and a mask that says all by its transparency
    is read by that. A mask of another size than its photograph, in the same
    proportions, is resized; one of a photograph that the camera turned (EXIF), drawn
    on the picture as it is stored, is turned with it.

    Args:
        path: An image file.
        photograph: File of the photograph that it belongs to, or None to take the
            mask as it is.

    Returns:
        bool array, shape (height, width).

    Raises:
        ImageError: If the file cannot be read, or does not fit the photograph.
    """
    image, _ = open_image(path)
    try:
        mask = _upright(image, lambda: Image.fromarray(_brightness(image)))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(path, damage(error)) from error
    if photograph is not None:
        is_turned = image.getexif().get(ORIENTATION) in UPRIGHT
        mask = _fitted(mask, path, photograph, is_turned)
    levels = np.asarray(mask)
    return levels > levels.max() / 2


def mask_fault(mask):
    """Say why a mask cannot be that of a lesion, or None where it can.

    Args:
        mask: bool array, shape (height, width).
    """
    if not mask.any():
        return "mask is empty: no pixel is lesion"
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.all() and not mask.all():
        return (
            "mask is inverted, it seems: all of the border is lesion and something "
            "within it is not. The lesion must be bright, the skin black"
        )
    return None


def _brightness(image):
    """Brightest channel of each pixel, black where it is transparent, uint8."""
    if image.mode.startswith("I") or image.mode == "F":
        return np.asarray(_grey_of_high_depth(image))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    values = np.asarray(image.convert("RGBA"))
    colour, alpha = values[..., :3].max(axis=-1), values[..., 3]
    if alpha.min() < alpha.max() and colour.min() == colour.max():
        return alpha
    return np.where(alpha > 127, colour, 0).astype("uint8")


def _upright(image, decoded):
    """What `decoded` gives, turned as the EXIF data of the image says."""
    # ImageOps.exif_transpose writes the other tags anew, and fails on odd ones.
    turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    return decoded() if turn is None else decoded().transpose(turn)


def upright_size(image):
    """Width and height of an image, whose header alone is read, as it is seen."""
    swaps = image.getexif().get(ORIENTATION) in (5, 6, 7, 8)
    return image.size[::-1] if swaps else image.size


def _fitted(mask, path, photograph, is_turned):
    """The mask turned and resized as its photograph is.

    `is_turned` says that the mask was upright by EXIF data of its own.
    """
    stored, _ = open_image(photograph)
    orientation = stored.getexif().get(ORIENTATION, 1)
    turn = UPRIGHT.get(orientation)
    upright = upright_size(stored)
    own = _same_proportions(mask.size, upright)
    turned = turn is not None and _same_proportions(mask.size, stored.size)
    if own and turned and not is_turned:
        raise ImageError(
            path,
            f"the camera turned the photograph (EXIF orientation {orientation}), and "
            "the mask may be drawn on it as it is stored or as it is seen: save the "
            f"photograph {photograph} upright, without EXIF",
        )
    if turned and not own:
        mask, own = mask.transpose(turn), True
    if not own:
        raise ImageError(
            path,
            f"mask of {mask.width} x {mask.height} pixels is not in the proportions "
            f"of its photograph of {upright[0]} x {upright[1]}",
        )
    shrinks = mask.size[0] > upright[0]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
    return mask if mask.size == upright else mask.resize(upright, method)


def _same_proportions(size, other):
    """Whether two sizes are of one shape, up to a pixel of rounding."""
    scale = size[0] / other[0]
    return abs(size[1] - scale * other[1]) <= max(1.0, scale)


def open_image(path):
    """Open a photograph without decoding it.

    Args:
        path: An image file.

    Returns:
        (image, data): `PIL.Image.Image` with its header read, and the file's bytes.

    Raises:
        ImageError: If the file is missing, empty, no image, too large, or no regular
            file: a pipe would be waited for without end.
    """
    data = _content(path)
    try:
        image = Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(path, f"more than 100 megapixels: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(path, "not an image, or its header is damaged") from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels"
        raise ImageError(path, f"more than 100 megapixels: {size}")
    return image, data


def _content(path):
    """The bytes of a file of this machine or of an object store."""
    try:
        data = _stored_content(path) if is_url(path) else _file_content(path)
    except FileNotFoundError as error:
        raise ImageError(path, "file is missing") from error
    except OSError as error:
        raise ImageError(path, f"file cannot be read: {error.strerror}") from error
    if not data:
        raise ImageError(path, "file is empty (zero bytes)")
    return data


def _file_content(path):
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        raise ImageError(path, "no regular file, but a folder, pipe or device")
    if facts.st_size > MAX_BYTES:
        raise ImageError(path, f"larger than 1 GB: {facts.st_size:,} bytes")
    with open(path, "rb") as file:
        return file.read()


def _stored_content(url):
    data = read_bytes(url, most=MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError(url, "larger than 1 GB")
    return data


def refuse_lost_pixels(path, data):
    """Raise `ImageError` for a JPEG (its bytes) that decoders would fill with grey."""
    lost = jpeg_damage(data)
    if lost:
        raise ImageError(path, damage(lost))


def damage(error):
    """Say what an error of the decoder means to the user."""
    return f"image is truncated or damaged ({error})"


def _as_rgb(image):
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        return to_srgb(_grey_of_high_depth(image), profile)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return to_srgb(Image.alpha_composite(white, image).convert("RGB"), profile)
    if image.mode == "P":
        image = image.convert("RGB")
    return to_srgb(image, profile)


def _grey_of_high_depth(image):
    """Scale 16-bit grey to 8 bits; Pillow's own conversion would clip at 255."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError(f"grey values outside 0 to 65535, mode {image.mode}")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))
