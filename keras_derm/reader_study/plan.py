"""How many readers and pictures a study needs for a wanted precision."""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import t

READERS = (2, 3, 4, 5, 6, 8, 10, 15)
PICTURES = (50, 100, 150, 200, 300, 400)


def half_width(
    n_readers, n_pictures, value=0.7, reader_sd=0.05, image_share=0.25, auc=False
):
    """Half of the 95 % interval that is to be expected.

    Args:
        n_readers: Readers; each sees all pictures.
        n_pictures: Pictures, half of them synthetic.
        value: The accuracy, or the AUC, that is expected, in (0, 1).
        reader_sd: Standard deviation of it between readers.
        image_share: Share in [0, 1) of the variance by images that readers have in
            common: the correlation of two readers' answers.
        auc: Whether `value` is an AUC.

    Returns:
        float, of the accuracy or AUC.

    Raises:
        ValueError: A value cannot be.

    Reference:
        Variance of a single reader's AUC by Hanley and McNeil, Radiology 143 (1982);
        of the mean of readers as in `mean_over_readers`.
    """
    if n_readers < 2 or n_pictures < 4 or not 0 < value < 1:
        raise ValueError(
            "a plan needs 2 readers, 4 pictures, and an accuracy or AUC in (0, 1). "
            f"Received: {n_readers} readers, {n_pictures} pictures, {value}"
        )
    if reader_sd < 0 or not 0 <= image_share < 1:
        raise ValueError(
            "`reader_sd` must be 0 or more, `image_share` in [0, 1). "
            f"Received: reader_sd={reader_sd}, image_share={image_share}"
        )
    n_each = n_pictures / 2
    own = _hanley_mcneil(value, n_each) if auc else value * (1 - value) / n_pictures
    between = reader_sd**2 + own * (1 - image_share)
    total = between + n_readers * own * image_share
    freedom = (n_readers - 1) * (total / between) ** 2
    return float(t.ppf(0.975, freedom) * np.sqrt(total / n_readers))


def plan_table(wanted, **expected):
    """Expected half widths by numbers of readers and pictures.

    Args:
        wanted: Half width that is wanted.
        **expected: As `half_width`.

    Returns:
        Tuple of a `pandas.DataFrame`, rows readers and columns pictures, and of the
        smallest study that is precise enough, `(readers, pictures)` with the fewest
        answers in all, or None where the table has none.
    """
    table = pd.DataFrame(
        [[half_width(r, n, **expected) for n in PICTURES] for r in READERS],
        index=pd.Index(READERS, name="readers"),
        columns=pd.Index(PICTURES, name="pictures"),
    )
    enough = [
        (readers, pictures)
        for readers, pictures in itertools.product(READERS, PICTURES)
        if table.loc[readers, pictures] <= wanted
    ]
    return table, min(enough, key=lambda size: size[0] * size[1], default=None)


def _hanley_mcneil(auc, n_each):
    """Variance of one reader's AUC of as many positive as negative images."""
    above = auc / (2 - auc) - auc**2
    below = 2 * auc**2 / (1 + auc) - auc**2
    return (auc * (1 - auc) + (n_each - 1) * (above + below)) / n_each**2
