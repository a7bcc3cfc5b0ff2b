"""What one device or one worker does as a part of all that share a batch."""

import contextlib

import tensorflow as tf

_WORKERS = []
"""`Workers` that share the step which is traced now, the innermost last."""


@contextlib.contextmanager
def among(workers):
    """Have what is traced in the block count itself as the part of one worker.

    Args:
        workers: `keras_derm.training.Workers`.
    """
    _WORKERS.append(workers)
    try:
        yield
    finally:
        _WORKERS.pop()


def replica_draw(draw, shape, seed, *args):
    """Random numbers for the images of this replica.

    They are this replica's part of one draw for the images of all replicas, so that
    a batch gets the same numbers on one device, on several and by several workers.
    `draw` is a stateless random function of (shape, seed, *args), such as
    `stateless_random.normal`; the first entry of the shape is the number of images
    here, and the seed, an int tensor (2,), is the same on all replicas.
    """
    n_replicas, _ = _count_and_place()
    if n_replicas == 1:
        return draw(shape, seed, *args)
    whole = draw((shape[0] * n_replicas, *shape[1:]), seed, *args)
    return replica_part(whole, shape[0])


def all_replicas(values):
    """Values of all replicas, one replica after the other along the first axis."""
    n_replicas, place = _count_and_place()
    if n_replicas == 1:
        return values
    if not _WORKERS:
        return tf.distribute.get_replica_context().all_gather(values, axis=0)
    # Each has zeros where the others have values: their sum is exact.
    parts = [values if i == place else tf.zeros_like(values) for i in range(n_replicas)]
    return _WORKERS[-1].sum([tf.concat(parts, axis=0)])[0]


def replica_part(values, n_images):
    """The `n_images` rows of this replica in values of all replicas."""
    _, place = _count_and_place()
    start = n_images * place
    return values[start : start + n_images]


def _count_and_place():
    """How many share the batch, and which of them this one is."""
    if _WORKERS:
        return _WORKERS[-1].count, _WORKERS[-1].index
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync, context.replica_id_in_sync_group
