"""For which frequencies of the classes probabilities are, chosen by macro F1."""

import numpy as np
from sklearn.metrics import f1_score

EXPONENTS = np.round(np.arange(-1.0, 1.01, 0.1), 1)
"""Powers of the frequencies that are tried."""


def times_frequencies(probabilities, frequencies, exponent):
    """Multiply probabilities by a power of the frequencies of the classes.

    Args:
        probabilities: `(n, n_classes)`, all above 0.
        frequencies: Number or share of each class in training, above 0.
        exponent: The power: 0 leaves them, below 0 favours rare classes.

    Returns:
        float64 `(n, n_classes)`, whose rows sum to 1.
    """
    weights = np.asarray(frequencies, float) / np.sum(frequencies)
    scaled = np.asarray(probabilities, float) * weights**exponent
    return scaled / scaled.sum(axis=1, keepdims=True)


def fit_decision_exponent(targets, probabilities, frequencies):
    """Find the exponent of `times_frequencies` by which macro F1 is highest.

    One number for all classes: a weight for each would be fitted on the few validation
    lesions that rare classes have.

    Args:
        targets: Classes of validation lesions, `(n,)`.
        probabilities, frequencies: As `times_frequencies` takes them.

    Returns:
        One of `EXPONENTS`, of equally good ones the nearest to 0.
    """
    order = sorted(EXPONENTS, key=abs)
    scores = [
        f1_score(
            targets,
            times_frequencies(probabilities, frequencies, one).argmax(axis=1),
            average="macro",
            zero_division=0,
        )
        for one in order
    ]
    return float(order[int(np.argmax(scores))])
