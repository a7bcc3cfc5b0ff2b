"""The skin tone of every photograph of a catalog."""

from functools import partial

import pandas as pd

from keras_derm.catalog import SKIN_TONES, read_image, read_mask
from keras_derm.skin_tone.individual_typology_angle import (
    RULES,
    IndividualTypologyAngle,
    SkinView,
)
from keras_derm.skin_tone.processes import work_on_each

COLUMNS = (
    "ita",
    "ita_low",
    "ita_high",
    "skin_tone",
    "reason",
    "skin_pixels",
    "contrast",
    "lightness",
    "a",
    "b",
    "ita_tone",
)
LABELLED = "labelled by a person"


def measure(catalog, rule="quadrant", thresholds="del_bino", n_workers=None):
    """Measure the apparent skin tone of every image, on the original photographs.

    Lesion masks are used where the catalog has them; elsewhere the lesion is looked
    for. With more than 256 images the work is spread over processes.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        rule: `"quadrant"` or `"published"`, see `IndividualTypologyAngle`.
        thresholds: Table of types, `"del_bino"`, `"kinyanjui"` or `"groh"`.
        n_workers: Number of processes; by default one per processor.

    Returns:
        `pandas.DataFrame` with the index of `catalog.table` and the columns
        `ita`, `ita_low`, `ita_high` (degrees), `skin_tone` (the person's
        Fitzpatrick label where there is one, else by ITA: I to VI or
        undetermined), `reason`, `skin_pixels`, `contrast` (CIEDE2000 between skin
        and lesion, NaN without a lesion), `lightness`, `a` and `b` (CIELAB) and
        `ita_tone` (by ITA alone).

    Raises:
        ImageError: If a photograph or a mask cannot be read.
    """
    return measure_by_rules(catalog, [rule], thresholds, n_workers)[rule]


def measure_by_rules(catalog, rules=RULES, thresholds="del_bino", n_workers=None):
    """Measure by several rules at once: each photograph is read and searched once.

    Args:
        catalog, thresholds, n_workers: As in `measure`.
        rules: Names of rules.

    Returns:
        Dict of the frame of `measure` for each rule.
    """
    estimators = [IndividualTypologyAngle(rule, thresholds) for rule in rules]
    files = list(zip(catalog.paths, catalog.mask_paths, strict=True))
    work = partial(_measure_file, estimators)
    measured = work_on_each(work, files, "Skin tone", n_workers)
    labels, frames = catalog.table["fitzpatrick_skin_type"], {}
    for i, rule in enumerate(rules):
        frame = pd.DataFrame([row[i] for row in measured], index=labels.index)
        frames[rule] = _with_labels(frame, labels)
    return frames


def _measure_file(estimators, files):
    view = SkinView(*read_with_lesion(*files))
    return [estimator.measure_view(view) for estimator in estimators]


def read_with_lesion(path, mask_path):
    """Return a photograph and its lesion mask, `None` where there is none."""
    return read_image(path), None if mask_path is None else read_mask(mask_path)


def _with_labels(frame, labels):
    frame = frame.reindex(columns=list(COLUMNS))
    frame["ita_tone"] = frame["skin_tone"]
    labelled = labels.isin(SKIN_TONES).to_numpy(dtype=bool)
    frame.loc[labelled, "skin_tone"] = labels[labelled].astype(object)
    frame.loc[labelled, "reason"] = LABELLED
    return frame
