"""The individual typology angle of every photograph of a catalog."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import cv2
import pandas as pd
from rich.progress import track

from keras_derm.catalog import read_image, read_mask
from keras_derm.skin_tone.individual_typology_angle import (
    RULES,
    IndividualTypologyAngle,
    SkinView,
)

COLUMNS = (
    "ita",
    "ita_low",
    "ita_high",
    "ita_type",
    "ita_reason",
    "skin_pixels",
    "contrast",
    "lightness",
    "a",
    "b",
)
_FEW_IMAGES = 64


def measure(catalog, rule="quadrant", thresholds="del_bino", n_workers=None):
    """Measure the ITA of the skin in every image, on the original photographs.

    Lesion masks are used where the catalog has them; elsewhere the lesion is looked
    for. With more than 64 images the work is spread over processes, which start
    anew: a script that calls this needs `if __name__ == "__main__":`.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        rule: `"quadrant"` or `"published"`, see `IndividualTypologyAngle`.
        thresholds: Table of types, `"del_bino"`, `"kinyanjui"` or `"groh"`.
        n_workers: Number of processes; by default one per processor.

    Returns:
        `pandas.DataFrame` with the index of `catalog.table` and the columns
        `ita`, `ita_low`, `ita_high` (degrees), `ita_type` (I to VI or undetermined),
        `ita_reason` (why undetermined, else empty), `skin_pixels`, `contrast`
        (CIEDE2000 between skin and lesion, NaN without a lesion), `lightness`, `a`
        and `b` (CIELAB). People's labels have no part in it.

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
    n_workers = n_workers or os.cpu_count()
    if len(files) <= _FEW_IMAGES or n_workers == 1:
        measured = [work(pair) for pair in track(files, "Skin tone", transient=True)]
    else:
        # A fork of a process that runs TensorFlow may hang, hence spawn.
        with ProcessPoolExecutor(n_workers, get_context("spawn"), _one_thread) as pool:
            results = pool.map(work, files, chunksize=_FEW_IMAGES)
            measured = list(track(results, "Skin tone", total=len(files)))
    index = pd.RangeIndex(len(catalog))
    return {
        rule: pd.DataFrame(
            [row[i] for row in measured], index=index, columns=list(COLUMNS)
        )
        for i, rule in enumerate(rules)
    }


def _one_thread():
    cv2.setNumThreads(1)


def _measure_file(estimators, files):
    view = SkinView(*read_with_lesion(*files))
    return [estimator.measure_view(view) for estimator in estimators]


def read_with_lesion(path, mask_path):
    """Return a photograph and its lesion mask, `None` where there is none."""
    return read_image(path), None if mask_path is None else read_mask(mask_path)
