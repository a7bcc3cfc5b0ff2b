"""What is known of a lesion besides its photographs, as numbers for a network."""

import fnmatch
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

FARTHEST = 5.0
"""Deviations from the mean beyond which a number says no more."""


@dataclass(frozen=True)
class LesionTable:
    """Numbers and words of lesions as inputs of a network, fitted on training lesions.

    A number is standardised, cut at 5 deviations, and stands beside a 1, or is 0 beside
    a 0 where it is not known. A word is a 1 in its place; where it is not known, or was
    not met in training, all its places are 0.

    Columns of a photograph, such as how likely a concept is seen in it, are taken from
    each type of photograph, columns of a person or lesion from whichever says it.

    Attributes:
        numbers: list of dicts of `column`, `image_type` (None where it does not
            matter), `mean` and `deviation`.
        words: list of dicts of `column` and `words`, those of training.

    Example:
        >>> table = LesionTable.fit(lesions.split("train"), ["age_approx", "sex"])
        >>> table.encode(lesions).shape
        (3145, 4)
    """

    numbers: list
    words: list

    @classmethod
    def fit(cls, lesions, columns, photograph_columns=()):
        """Learn means, deviations and words from training lesions.

        Args:
            lesions: `Lesions`.
            columns: Names of columns that are of the lesion or the person.
            photograph_columns: Names, or patterns such as "MONET_*", of columns of
                numbers that differ between the photographs of a lesion.

        Raises:
            ValueError: The catalog has no such column, a column of photographs is not
                of numbers, or nothing is known of these lesions at all.
        """
        names = list(lesions.photographs.table)
        numbers, words = [], []
        for column in _found(columns, names):
            values = lesions.values(column)
            if pd.api.types.is_numeric_dtype(values):
                numbers += _fitted(column, None, values)
            else:
                words += _met(column, values)
        for column in _found(photograph_columns, names):
            for image_type in lesions.rows:
                values = lesions.values(column, image_type)
                if not pd.api.types.is_numeric_dtype(values):
                    raise ValueError(
                        f"the columns of photographs must hold numbers. Received: "
                        f"{column!r} of {values.dtype}"
                    )
                numbers += _fitted(column, image_type, values)
        if not numbers and not words:
            asked = ", ".join([*columns, *photograph_columns]) or "no column"
            raise ValueError(
                "nothing is known of these lesions besides their photographs: leave "
                f"the table out. Received: {asked}"
            )
        return cls(numbers, words)

    @property
    def width(self):
        """Numbers that a lesion is encoded by."""
        return 2 * len(self.numbers) + sum(len(one["words"]) for one in self.words)

    def encode(self, lesions):
        """Return the numbers of lesions, float32 `(n, width)`, none of them NaN.

        Args:
            lesions: `Lesions`; columns that their catalog lacks are not known.
        """
        encoded = np.zeros((len(lesions), self.width), "float32")
        names, place = set(lesions.photographs.table), 0
        for one in self.numbers:
            if one["column"] in names:
                values = lesions.values(one["column"], one["image_type"])
                values = values.to_numpy("float64", na_value=np.nan)
                known = np.isfinite(values)
                scaled = (values - one["mean"]) / one["deviation"]
                encoded[known, place] = np.clip(scaled[known], -FARTHEST, FARTHEST)
                encoded[:, place + 1] = known
            place += 2
        for one in self.words:
            if one["column"] in names:
                values = lesions.values(one["column"]).to_numpy(object)
                for i, word in enumerate(one["words"]):
                    encoded[:, place + i] = [value == word for value in _text(values)]
            place += len(one["words"])
        return encoded

    def to_dict(self):
        """Return what `LesionTable(**content)` makes again."""
        return asdict(self)


def _found(patterns, names):
    """Columns that are meant, each once, in the order of the patterns."""
    found = {}
    for pattern in patterns:
        fits = fnmatch.filter(names, pattern)
        if not fits:
            raise ValueError(
                f"the catalog has no column {pattern}: leave it out of the table, or "
                f"read an archive that has it. Received: {', '.join(names)}"
            )
        found |= dict.fromkeys(fits)
    return list(found)


def _fitted(column, image_type, values):
    """Mean and deviation of what is known; nothing where nothing is."""
    values = values.to_numpy("float64", na_value=np.nan)
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    facts = {"column": column, "image_type": image_type}
    deviation = float(known.std()) or 1.0
    return [facts | {"mean": float(known.mean()), "deviation": deviation}]


def _met(column, values):
    words = sorted(set(_text(values.dropna().to_numpy(object))))
    return [{"column": column, "words": words}] if words else []


def _text(values):
    return [None if pd.isna(value) else str(value) for value in values]
