"""Bands of the colour of a photograph, by the ITA of the skin in it.

They are no groups of people: a dermatoscope lights, presses and exposes the skin, and
the ITA of a dermoscopic photograph has next to nothing to do with how dark the person
is. But a classifier may serve dark photographs worse than bright ones, the colour of a
new photograph can always be measured, and so prediction sets can be fitted by it.
"""

import numpy as np
import pandas as pd

UNDETERMINED = "undetermined"
COLOUR_BANDS = {"ITA under 10°": -np.inf, "ITA 10° to 41°": 10, "ITA 41° and over": 41}
"""Lower edge of each band in degrees; 41 and 10 are limits of Del Bino's types."""

COLOUR_LEVELS = (*reversed(COLOUR_BANDS), UNDETERMINED)


def photograph_colour(ita, ita_type):
    """Return the band of each photograph.

    Args:
        ita: ITA in degrees, (n,), missing where it was not measured.
        ita_type: Type by ITA, (n,), "undetermined" where the measured angle is
            doubtful: the photograph is then in no band.

    Returns:
        Categorical of shape (n,): "ITA 41° and over", "ITA 10° to 41°" (a value on an
        edge belongs to the band above it), "ITA under 10°", "undetermined".
    """
    ita = pd.to_numeric(pd.Series(np.asarray(ita, dtype=object)))
    types = pd.Series(np.asarray(ita_type, dtype=object))
    edges = [*COLOUR_BANDS.values(), np.inf]
    bands = pd.cut(ita, edges, right=False, labels=list(COLOUR_BANDS)).astype(object)
    known = bands.notna() & types.notna() & types.ne(UNDETERMINED).fillna(False)
    return pd.Categorical(bands.where(known, UNDETERMINED), COLOUR_LEVELS)


def catalog_colours(catalog):
    """Band of each image of a `Catalog`, as `photograph_colour`."""
    table = catalog.table
    return photograph_colour(table["ita"], table["ita_type"])
