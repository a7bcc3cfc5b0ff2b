"""A picture of the phantom: every diagnosis on every skin type."""

import cv2
import numpy as np

from keras_derm.catalog import DIAGNOSES8
from keras_derm.files import atomic_path
from keras_derm.phantom.optics import MELANIN_RANGES
from keras_derm.phantom.photograph import photograph
from keras_derm.phantom.population import population

MARGIN = 22


def contact_sheet(seed=7, size=160):
    """Render one photograph of each diagnosis (columns) and skin type (rows).

    Args:
        seed: Seed of the phantom clinic.
        size: Height and width of each photograph in pixels.

    Returns:
        uint8 RGB array with labels above and at the left.
    """
    people = population(3000, seed, "balanced", "balanced")
    people = people[people["view"] == 0]
    shape = (MARGIN + 6 * size, MARGIN + 8 * size, 3)
    sheet = np.full(shape, 255, np.uint8)
    for column, diagnosis in enumerate(DIAGNOSES8):
        x = MARGIN + column * size
        _label(sheet, diagnosis, x + 4, 16)
        for row, tone in enumerate(MELANIN_RANGES):
            y = MARGIN + row * size
            _label(sheet, tone, 2, y + size // 2)
            fits = (people["diagnosis"] == diagnosis) & (
                people["fitzpatrick_skin_type"] == tone
            )
            index = people.index[fits][0]
            shot = photograph(people.loc[index].to_dict(), index, seed, size)
            sheet[y : y + size, x : x + size] = shot.image
    return sheet


def write_contact_sheet(output: str, seed: int = 7, size: int = 160) -> None:
    """Write a contact sheet as JPEG.

    Args:
        output: Path ending in .jpg.
        seed: Seed of the phantom clinic.
        size: Height and width of each photograph in pixels.
    """
    sheet = contact_sheet(seed, size)
    with atomic_path(output) as temporary:
        cv2.imwrite(str(temporary), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _label(sheet, text, x, y):
    cv2.putText(
        sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA
    )
