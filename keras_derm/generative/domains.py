"""Benign and malignant images, between which a `CycleGAN` translates."""

import numpy as np

from keras_derm.catalog import CatalogError

TRANSLATED_TO = "MEL"


def benign_and_malignant(catalog, diagnosis=TRANSLATED_TO):
    """Rows of the domain to translate from, and of the one to translate to.

    Args:
        catalog: `Catalog`.
        diagnosis: The malignant diagnosis that translations shall have: a made image
            must have one, "malignant" is not enough.

    Returns:
        Two int arrays of positions in the catalog: where `benign_malignant` is
        "benign", and where the diagnosis is `diagnosis`.

    Raises:
        CatalogError: If either has no image, or a row is in both.
    """
    table = catalog.table
    benign = (table["benign_malignant"] == "benign").fillna(False).to_numpy(bool)
    malignant = (table["diagnosis"] == diagnosis).to_numpy(bool)
    if not benign.any() or not malignant.any() or (benign & malignant).any():
        raise CatalogError(
            "a translation needs benign images (`benign_malignant`), images of a "
            f"malignant diagnosis, and none that is both. Received: {benign.sum()} "
            f"benign, {malignant.sum()} {diagnosis}, {(benign & malignant).sum()} both"
        )
    return np.flatnonzero(benign), np.flatnonzero(malignant)
