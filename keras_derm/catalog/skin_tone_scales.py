"""Scales on which people label skin tone, and the groups by which they are compared.

Labels of different scales are never pooled but through these groups. Those of
Fitzpatrick and Monk are the groups of Heldreth et al.; MILK10k's six classes, which
run the other way round, are paired in the same manner. Its close-ups agree: the skin
of classes 5 and 4 has a median ITA of 63 and 48 degrees, that of 3 and 2 of 25 and 21,
that of 1 and 0 of -6 and -20 (Del Bino: light above 41, brown and dark below 10).

A Fitzpatrick type was made to tell how skin burns, not how dark it is, and no scale
says anything of descent.

Reference:
    Heldreth et al. (2024), Which skin tone measures are the most inclusive?, ACM
    Journal on Responsible Computing 1. Fitzpatrick (1988), Archives of Dermatology
    124. Monk (2023), The Monk Skin Tone Scale, SocArXiv.
"""

import pandas as pd

FITZPATRICK_TYPES = ("I", "II", "III", "IV", "V", "VI")
TONE_GROUPS = ("light", "medium", "dark")

SKIN_TONE_SCALES = {
    "fitzpatrick": {
        **dict.fromkeys(("I", "II"), "light"),
        **dict.fromkeys(("III", "IV"), "medium"),
        **dict.fromkeys(("V", "VI"), "dark"),
    },
    "fitzpatrick_pairs": {"12": "light", "34": "medium", "56": "dark"},
    "monk": {
        **dict.fromkeys(("1", "2", "3"), "light"),
        **dict.fromkeys(("4", "5", "6"), "medium"),
        **dict.fromkeys(("7", "8", "9", "10"), "dark"),
    },
    "milk10k": {
        **dict.fromkeys(("5", "4"), "light"),
        **dict.fromkeys(("3", "2"), "medium"),
        **dict.fromkeys(("1", "0"), "dark"),
    },
}
"""Labels of each scale, the lightest first, and the group of each."""


def tone_group_of_label(labels, scales):
    """Return the group of people's labels.

    Args:
        labels: Series of labels as text, missing where nobody labelled.
        scales: Series of names of `SKIN_TONE_SCALES`, same index.

    Returns:
        Series of str, "light", "medium" or "dark"; missing where there is no label, or
        none that its scale has.
    """
    groups = [
        SKIN_TONE_SCALES.get(scale, {}).get(label) if pd.notna(label) else None
        for label, scale in zip(labels, scales, strict=True)
    ]
    return pd.Series(groups, index=labels.index, dtype="string")


def darkness(labels, scale):
    """Return how far labels lie from the lightest of their scale.

    Args:
        labels: Labels of one scale.
        scale: Its name.

    Returns:
        List of int: 0 for the lightest label of the scale, 1 for the next.

    Raises:
        KeyError: A label is none of the scale.
    """
    order = {label: rank for rank, label in enumerate(SKIN_TONE_SCALES[scale])}
    return [order[label] for label in labels]
