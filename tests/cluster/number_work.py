"""Work on numbers, whose results are known."""

import os
import sys

from keras_derm.catalog import ImageError


def described(number):
    """What is to come of a number, where it was done, and on what."""
    import cv2

    found = number / 7, "odd" if number % 2 else None
    return found, os.getpid(), "tensorflow" in sys.modules, cv2.getNumThreads()


def refused(number):
    """The number, or an error for 30 and 31."""
    if number in (30, 31):
        raise ImageError(f"image_{number}.jpg", "file is empty (zero bytes)")
    return number


EXPECTED = [described(number)[0] for number in range(60)]
