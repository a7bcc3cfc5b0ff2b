"""JPEGs that have lost data, which decoders fill with grey without a word."""

import re

import simplejpeg

MARK, END = b"\xff\xd8", b"\xff\xd9"
LOST = (
    *("premature end", "bad huffman code", "bad arithmetic code", "instead of rst"),
    "inconsistent progression",
)
"""What libjpeg says, in part, where pixels are lost."""

SURPLUS = "extraneous bytes before marker"
MOST_SURPLUS = 64
"""Bytes left over when all pixels are there, up to which a camera may have filled up;
with more, pixels before them are wrong."""

SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
"""How a segment begins; other markers, and those within coded data, have no length."""

FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE_FRAMES = {0xC2, 0xCA}
SCAN = 0xDA
UNFINISHED = "the progressive JPEG ends before its last scan"


def jpeg_damage(data):
    """Say what of a JPEG is lost.

    libjpeg goes on where data is missing or makes no sense, and Pillow, TensorFlow and
    OpenCV do not tell what it said of that. It is decoded at an eighth of its size, in
    which all of its data is read. A progressive JPEG that lacks scans is whole to
    libjpeg, so that its scans are counted. Changed bits that decode to something, other
    pixels, cannot be known.

    Args:
        data: The file, bytes.

    Returns:
        What libjpeg said or which part is missing, or None where nothing is lost: of a
        file that is no JPEG, one of which the end marker alone is missing, or one that
        is left to other decoders.

    Example:
        >>> jpeg_damage(Path("cut.jpg").read_bytes())
        'Corrupt JPEG data: premature end of data segment'
    """
    if not data.startswith(MARK):
        return None
    said = _said(data)
    if said and said.lower().startswith("premature end of jpeg file"):
        said = _said(data + END)
    if said and _tells_of_loss(said):
        return said
    return UNFINISHED if _lacks_scans(data) else None


def _lacks_scans(data):
    """Whether a coefficient of a progressive JPEG is not given to its last bit.

    Reference:
        ITU-T T.81, B.2.3 and G.1.1.
    """
    left = set()
    for marker, content in _segments(data):
        if marker in FRAMES:
            if marker not in PROGRESSIVE_FRAMES:
                return False
            left = {(one, k) for one in content[6::3] for k in range(64)}
        elif marker == SCAN and len(content) > 3:
            first, last, bits = content[-3:]
            if bits & 0x0F == 0:
                given = range(first, last + 1)
                left -= {(one, k) for one in content[1:-3:2] for k in given}
    return bool(left)


def _segments(data):
    """Yield the marker and content of each segment of a JPEG, up to its end."""
    found = SEGMENT.search(data, len(MARK))
    while found and found[1] != END[1:]:
        start = found.end()
        length = int.from_bytes(data[start : start + 2], "big")
        yield found[1][0], data[start + 2 : start + length]
        found = SEGMENT.search(data, start + length)


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
