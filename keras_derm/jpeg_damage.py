"""JPEGs that have lost data, which decoders fill with grey without a word."""

import simplejpeg

MARK, END = b"\xff\xd8", b"\xff\xd9"
LOST = ("premature end", "bad huffman code", "bad arithmetic code", "instead of rst")
"""What libjpeg says, in part, where pixels are lost."""

SURPLUS = "extraneous bytes before marker"
MOST_SURPLUS = 64
"""Bytes left over when all pixels are there, up to which a camera may have filled up;
with more, pixels before them are wrong."""


def jpeg_damage(data):
    """Say what of a JPEG is lost.

    libjpeg goes on where data is missing or makes no sense, and Pillow, TensorFlow and
    OpenCV do not tell what it said of that. It is decoded at an eighth of its size, in
    which all of its data is read.

    Args:
        data: The file, bytes.

    Returns:
        What libjpeg said, or None where nothing is lost: of a file that is no JPEG, one
        of which the end marker alone is missing, or one that is left to other decoders.

    Example:
        >>> jpeg_damage(Path("cut.jpg").read_bytes())
        'Corrupt JPEG data: premature end of data segment'
    """
    if not data.startswith(MARK):
        return None
    said = _said(data)
    if said and said.lower().startswith("premature end of jpeg file"):
        said = _said(data + END)
    if said is None or not _tells_of_loss(said):
        return None
    return said


def _said(data):
    """What libjpeg says as it decodes, None where nothing."""
    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        colours = "CMYK" if space in ("CMYK", "YCCK") else "GRAY"
        # The least size asked for is an eighth, the smallest that there is.
        simplejpeg.decode_jpeg(data, colours, min_height=1, min_width=1, strict=True)
    except ValueError as error:
        return str(error)
    return None


def _tells_of_loss(said):
    said = said.lower()
    if SURPLUS in said:
        numbers = [int(word) for word in said.split() if word.isdigit()]
        return max(numbers, default=0) > MOST_SURPLUS
    return any(words in said for words in LOST)
