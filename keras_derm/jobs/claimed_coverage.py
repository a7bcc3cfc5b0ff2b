"""What may be said of the coverage of prediction sets, of these photographs."""

from keras_derm.evaluation import LEAST_PHOTOGRAPHS, ShiftTest

AT_ONCE = 1000
"""Rows that are compared together."""

MOST_NAMED = 3
RECALIBRATE = (
    "Fit the sets on a few dozen labelled photographs of your own: apps/recalibrate.py"
)


class ClaimedCoverage:
    """Whether photographs are like those that the sets of a model were fitted on.

    Sets hold the truth as often as is said of photographs that could as well have been
    among those. Where they are too few to compare, or differ by more than chance, no
    coverage is claimed.

    Args:
        sets: `ConformalSets` of the model, or None.
        reference: `ShiftReference` of the photographs that they were fitted on, or None
            where the model's .json has none.

    Example:
        >>> coverage = ClaimedCoverage(predictor.sets, predictor.reference)
        >>> for row in predictor.rows(paths)[0]:
        ...     coverage.add(row)
        >>> coverage.value
        0.9
    """

    def __init__(self, sets, reference):
        self._sets = sets
        self._test = None if reference is None else ShiftTest(reference)
        self._waiting = []

    def add(self, row):
        """Take up a row of `Predictor.rows`, if its image could be read."""
        if self._test is None or row["error"]:
            return
        self._waiting.append([row[name] for name in self._test.reference.n])
        if len(self._waiting) == AT_ONCE:
            self._compare()

    @property
    def value(self):
        """Share of the sets that hold the truth, or None where none is claimed."""
        if self._sets is None or self._test is None:
            return None
        self._compare()
        if self._test.n < LEAST_PHOTOGRAPHS or self._test.found():
            return None
        return 1 - self._sets.alpha

    def told(self, rows):
        """Yield rows with the coverage that is claimed of all of them."""
        value = self.value
        for row in rows:
            yield row | {"coverage": value}

    def __str__(self):
        if self._sets is None:
            return "No prediction sets: this model has not been evaluated."
        share = f"{1 - self._sets.alpha:.0%}"
        meaning = "Where a set is not one class alone, the model does not decide."
        if self._test is None:
            return (
                f"No coverage is claimed for the sets ({share} is meant): the .json of "
                "this model does not tell what photographs they were fitted on; "
                f"evaluate it again. {meaning}"
            )
        if self.value is not None:
            return (
                f"Sets hold the true class {share} of the time{self._unpromised()}: "
                "nothing tells these photographs from those that they were fitted on. "
                f"{meaning}"
            )
        if self._test.n < LEAST_PHOTOGRAPHS:
            why = f"{self._test.n} photographs are too few to compare with those"
        else:
            found = self._test.found()
            shown = [str(shift) for shift in found[:MOST_NAMED]]
            why = f"these photographs are not like those: {'; '.join(shown)}"
        return (
            f"No coverage is claimed for the sets ({share} of those that they were "
            f"fitted on): {why}. {RECALIBRATE}. {meaning}"
        )

    def _unpromised(self):
        """Of which classes too few were there to promise as much of each."""
        few = [name for name in self._sets.classes if self._sets.unpromised(name)]
        if not few:
            return ", of each class"
        return f" (of {', '.join(few)} alone too few were there to promise it)"

    def _compare(self):
        names, rows = self._test.reference.n, self._waiting
        if rows:
            columns = zip(*rows, strict=True)
            self._test.add(dict(zip(names, columns, strict=True)))
            self._waiting = []
