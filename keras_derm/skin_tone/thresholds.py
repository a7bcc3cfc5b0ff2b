"""From an individual typology angle to a Fitzpatrick-like type."""

import numpy as np

from keras_derm.catalog import FITZPATRICK_TYPES

UNDETERMINED = "undetermined"
THRESHOLDS = {
    "del_bino": (55.0, 41.0, 28.0, 10.0, -30.0),
    "kinyanjui": (55.0, 41.0, 28.0, 19.0, 10.0),
    "groh": (45.0, 28.0, 17.0, 5.0, -20.0),
}


def check_thresholds(name):
    """Raise `ValueError` unless `name` is a table of `THRESHOLDS`."""
    if name not in THRESHOLDS:
        raise ValueError(
            f"`thresholds` must be one of {tuple(THRESHOLDS)}. Received: {name!r}"
        )


def tone_of_angle(ita, thresholds="del_bino"):
    """Return the type of each angle.

    The tables have no gaps: with Del Bino's, an angle above 55 degrees is type I,
    above 41 and up to 55 type II, and so on; -30 and below is type VI.

    Args:
        ita: Angle or array of angles in degrees, NaN where unknown.
        thresholds: `"del_bino"`, `"kinyanjui"` or `"groh"`.

    Returns:
        Array of `"I"` to `"VI"`, `"undetermined"` where the angle is NaN.

    Reference:
        Del Bino and Bernerd, British Journal of Dermatology 169, 2013; Kinyanjui et
        al., MICCAI 2020; Groh et al., CVPR Workshops 2021.
    """
    check_thresholds(thresholds)
    ita = np.asarray(ita, "float64")
    ascending = np.array(THRESHOLDS[thresholds])[::-1]
    index = len(ascending) - np.searchsorted(ascending, ita, side="left")
    tones = np.array(FITZPATRICK_TYPES, dtype=object)[np.clip(index, 0, 5)]
    return np.where(np.isnan(ita), UNDETERMINED, tones)
