"""What every estimator of a person's skin tone takes and gives."""

from dataclasses import dataclass, field

import numpy as np

from keras_derm.catalog import SKIN_TONE_SCALES

LEAST_GROUP_PROBABILITY = 0.8
"""Below it an estimate names no group: the person's tone stays unknown."""


@dataclass(frozen=True)
class ToneEstimate:
    """An estimated skin tone.

    Attributes:
        value: On the estimator's scale: degrees of ITA, or for a scale of labels the
            expected number of labels from its lightest (0). NaN where there is none.
        low, high: 95 % interval of it, NaN where there is none.
        label: Label of the scale, or `None`.
        group: "light", "medium" or "dark", or `None` where it is not sure enough.
        reason: Why there is no group; empty where there is one.

    Example:
        >>> ToneEstimate(4.6, 4.0, 5.0, "0", "dark").group
        'dark'
    """

    value: float
    low: float
    high: float
    label: str | None
    group: str | None
    reason: str = ""


@dataclass(frozen=True)
class ToneEstimator:
    """Base of the estimators: a photograph in, a `ToneEstimate` out.

    Attributes:
        name: What reports call it.
        scale: "ita", or a name of `keras_derm.catalog.SKIN_TONE_SCALES`.
        image_types: The types of photographs that it is made for.

    Example:
        >>> class AlwaysLight(ToneEstimator):
        ...     def look_at(self, photograph):
        ...         return ToneEstimate(0.0, 0.0, 0.0, "I", "light")
        >>> AlwaysLight("light", "fitzpatrick", ("dermoscopic",)).estimate(photograph)
    """

    name: str
    scale: str
    image_types: tuple = field(default=())

    def estimate(self, photograph):
        """Estimate the tone of the person in a `Photograph`.

        A photograph of a type that the estimator is not made for has no estimate, with
        the reason.
        """
        if self.image_types and photograph.image_type not in self.image_types:
            kinds = " and ".join(self.image_types)
            return no_estimate(
                f"{self.name} is made for {kinds}: this is "
                f"{photograph.image_type or 'of no known type'}"
            )
        return self.look_at(photograph)

    @property
    def is_proven(self):
        """Whether the groups it names were measured to be right as often as it says."""
        return False

    @property
    def worth(self):
        """How good it is, in a sentence for the reader of a report."""
        return "not measured against labels of people"

    def learned_from(self, catalog):
        """Which photographs of a catalog it learned from, or was chosen by.

        Args:
            catalog: `keras_derm.catalog.Catalog`.

        Returns:
            bool array (n,).
        """
        return np.zeros(len(catalog), bool)

    def look_at(self, photograph):
        """Estimate the tone; what a subclass writes."""
        raise NotImplementedError


def no_estimate(reason):
    """`ToneEstimate` that says why there is none."""
    return ToneEstimate(np.nan, np.nan, np.nan, None, None, reason)


def estimate_of_probabilities(
    probabilities, scale, value=None, cuts=None, least=LEAST_GROUP_PROBABILITY
):
    """The estimate that the probabilities of the labels of a scale amount to.

    Args:
        probabilities: (n_labels,), of the labels from the lightest to the darkest, as
            `SKIN_TONE_SCALES` lists them; with sum 1.
        scale: Name of the scale.
        value: What is to be the value; the expectation by default.
        cuts: Ascending values between the labels: the first label is given up to the
            first of them. By default half way between the labels.
        least: Probability from which a group is named.

    Returns:
        `ToneEstimate`: the value, the interval between the labels at 2.5 and
        97.5 % of probability, and the group where it is probable enough.
    """
    words = SKIN_TONE_SCALES[scale]
    probabilities = np.asarray(probabilities, "float64")
    if probabilities.shape != (len(words),):
        raise ValueError(
            f"the scale {scale} has {len(words)} labels. "
            f"Received: probabilities of shape {probabilities.shape}"
        )
    ranks = np.arange(len(words))
    value = float(probabilities @ ranks if value is None else value)
    if cuts is None:
        cuts = ranks[1:] - 0.5
    label = list(words)[int(np.searchsorted(cuts, value))]
    below = np.cumsum(probabilities)
    low, high = np.searchsorted(below, (0.025, 0.975)).clip(0, len(words) - 1)
    of_group = {}
    for group, one in zip(words.values(), probabilities, strict=True):
        of_group[group] = of_group.get(group, 0.0) + float(one)
    group = max(of_group, key=of_group.get)
    if of_group[group] >= least:
        return ToneEstimate(value, float(low), float(high), label, group)
    told = ", ".join(f"{name} {share:.0%}" for name, share in of_group.items())
    return ToneEstimate(
        value, float(low), float(high), label, None, f"not sure: {told}"
    )
