"""Settings of the search for duplicates."""

from dataclasses import dataclass

from keras_derm.settings.kinds import CountFromZero, limited
from keras_derm.settings.spreads_work import SpreadsWork
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class FindDuplicatesSettings(SpreadsWork, StageSettings, stage="find_duplicates"):
    """Find photographs that stand in the archives twice, so that no split leaks.

    Files of the audited archives that are equal byte for byte stay together in any
    split without this. It finds those that are one photograph by their pixels too,
    within and across archives: resized, compressed anew, mirrored, turned, cropped by a
    few pixels, lighter or darker. Several photographs of one lesion are no copies.

    Writes duplicates.html with the closest pairs side by side, those first that nothing
    else keeps together; duplicates/pairs.csv; and duplicates/groups.csv, which
    prepare_dataset.py then uses. Look at the pairs, write yes or no into the column
    `decision` of a copy of pairs.csv, and give that as --decisions.

    Args:
        decisions: Csv with the columns first, second and decision: yes where two images
            are one photograph, no where they are not, empty for what was found. Pairs
            that were not found may be added.
        n_shown: Pairs of each kind that are shown as pictures.
        cluster: Where the work is done: none, by the processors of this machine; local,
            by a Ray cluster of this machine alone; or the address of a Ray cluster
            (HOST:PORT, auto, ray://HOST:PORT). Results are the same (extra cluster).

    Example:
        >>> FindDuplicatesSettings(decisions="reviewed_pairs.csv")
    """

    decisions: str | None = None
    n_shown: int = limited(CountFromZero, 24)
