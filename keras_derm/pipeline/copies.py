"""Copies of prepared images, made before training."""

from pathlib import Path

import numpy as np

from keras_derm.files import atomic_path, write_json
from keras_derm.layers import offline_copies
from keras_derm.pipeline.prepared import PreparedImages, write_array

_CHUNK = 64


def write_copies(prepared, indices, directory, n_copies=5, seed=0, kind="melanet_code"):
    """Write changed copies of prepared images, see `offline_copies`.

    A directory that is there already is used as it is: it is whole.

    Args:
        prepared: `PreparedImages`.
        indices: Positions of the images in `prepared`, shape `(n,)`: of training
            images alone.
        directory: Where the copies go.
        n_copies: Copies of each image.
        seed: Integer.
        kind: What is done to them, one of `OFFLINE_COPIES`.

    Returns:
        `PreparedImages` of `n * n_copies` images named ID_copy0, ID_copy1, ...; the
        copies of one image follow each other.

    Raises:
        ValueError: `n_copies` is below 1.

    Reference:
        Zunair and Ben Hamza, MelaNet: the baselines trained on 5 and 10 copies.
    """
    if n_copies < 1:
        raise ValueError(f"`n_copies` must be 1 or more. Received: {n_copies}")
    directory, indices = Path(directory), np.asarray(indices)
    if directory.is_dir():
        return PreparedImages.load(directory)
    ids, n_images = prepared.ids[indices], len(indices)
    chunks = (
        offline_copies(prepared.take(indices[i : i + _CHUNK]), n_copies, seed + i, kind)
        for i in range(0, n_images, _CHUNK)
    )
    with atomic_path(directory) as temporary:
        temporary.mkdir(parents=True)
        write_array(chunks, n_images * n_copies, temporary / "images.npy")
        names = [f"{isic_id}_copy{i}" for isic_id in ids for i in range(n_copies)]
        write_json(temporary / "index.json", {"ids": names})
    return PreparedImages.load(directory)
