"""ICC profiles of displays, made from their published primaries (Pillow has none)."""

import struct

import numpy as np

TO_XYZ_D50 = {
    "srgb": [
        [0.4360657, 0.3851515, 0.1430784],
        [0.2224932, 0.7168870, 0.0606169],
        [0.0139160, 0.0970764, 0.7140961],
    ],
    "display_p3": [
        [0.5151215, 0.2919769, 0.1571045],
        [0.2412109, 0.6922455, 0.0665741],
        [-0.0010529, 0.0418854, 0.7840729],
    ],
}
"""Linear RGB to XYZ, adapted to D50 (Bradford): ICC's sRGB v4, SMPTE EG 432-1."""


def display_p3():
    """Bytes of a Display P3 profile: its primaries and the tone curve of sRGB."""
    red, green, blue = np.transpose(TO_XYZ_D50["display_p3"])
    return _profile(red, green, blue)


def srgb():
    """Bytes of an sRGB profile."""
    return _profile(*np.transpose(TO_XYZ_D50["srgb"]))


def in_display_p3(image):
    """The levels that mean in Display P3 what those of `image` mean in sRGB.

    Args:
        image: uint8 array `(..., 3)`.

    Returns:
        uint8 array of the same shape.
    """
    from_p3 = np.linalg.inv(TO_XYZ_D50["display_p3"]) @ TO_XYZ_D50["srgb"]
    linear = _linear(image / 255) @ from_p3.T
    curved = np.where(
        linear <= 0.0031308,
        12.92 * linear,
        1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055,
    )
    return np.round(255 * np.clip(curved, 0, 1)).astype(np.uint8)


def _linear(level):
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def _profile(red, green, blue):
    curve = _curve()
    tags = {
        b"desc": _text("made for a test"),
        b"cprt": _text("none"),
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    place, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += name + struct.pack(">II", place + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    size = place + len(content)
    head = struct.pack(">I4sI4s4s4s", size, b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + _fixed((0.9642, 1.0, 0.8249))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def _curve():
    """The tone curve of sRGB, as ICC's parametric curve of type 3."""
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _fixed(numbers)


def _xyz(numbers):
    return b"XYZ " + bytes(4) + _fixed(numbers)


def _text(text):
    encoded = text.encode("utf-16-be")
    record = struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28)
    return b"mluc" + bytes(4) + record + encoded


def _fixed(numbers):
    """Numbers as signed, with 16 of 32 bits behind the point."""
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)
