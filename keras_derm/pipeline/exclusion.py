"""Which images of a catalog are covered by artefacts beyond repair."""

import functools

import pandas as pd
from rich.progress import track

from keras_derm.cluster.work import work_on_each
from keras_derm.layers import (
    ArtefactSuppression,
    HairRemoval,
    Preparation,
    SquareResize,
)
from keras_derm.pipeline.photograph_preparation import PhotographPreparation
from keras_derm.pipeline.prepared import (
    on_a_cluster,
    photographs_of,
    prepared_batches,
)

WORKING_SIZE = 224
_BATCH_SIZE = 4


def exclusion_reasons(catalog):
    """Look for persistent major artefacts in every image.

    Images are looked at in 224 x 224 pixels, without their hair: what is painted
    over in preparation does not persist.

    Args:
        catalog: `Catalog` of the images.

    Returns:
        `pandas.Series` of str with the index of `catalog.table`, empty where the
        image may stay; see `keras_derm.layers.ArtefactSuppression.exclusion_reasons`.
    """
    artefacts = ArtefactSuppression()
    hairless = Preparation([SquareResize(WORKING_SIZE)], [HairRemoval()])
    if on_a_cluster(None):
        look = functools.partial(
            _reasons_of_one, artefacts, PhotographPreparation(hairless, as_float=True)
        )
        reasons = work_on_each(look, photographs_of(catalog), "Looking for artefacts")
        return pd.Series(list(reasons), index=catalog.table.index, dtype=object)
    batches = prepared_batches(catalog, hairless, _BATCH_SIZE).prefetch(2)
    reasons = []
    n_batches = -(-len(catalog) // _BATCH_SIZE)
    for images in track(batches, "Looking for artefacts", total=n_batches):
        reasons += artefacts.exclusion_reasons(images)
    return pd.Series(reasons, index=catalog.table.index, dtype=object)


def _reasons_of_one(artefacts, hairless, photograph):
    (reason,) = artefacts.exclusion_reasons(hairless(photograph))
    return reason
