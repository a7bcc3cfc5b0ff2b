"""Random numbers that do not depend on how many devices share a batch."""

import tensorflow as tf


def replica_draw(draw, shape, seed, *args):
    """Random numbers for the images of this replica.

    They are this replica's part of one draw for the images of all replicas, so that
    a batch gets the same numbers on one device and on several.

    Args:
        draw: Stateless random function of (shape, seed, *args), such as
            `tf.random.stateless_normal`.
        shape: Shape wanted; its first entry is the number of images here.
        seed: int tensor (2,), the same on all replicas.
        *args: Passed to `draw`.

    Returns:
        Tensor of the shape asked for.
    """
    context = tf.distribute.get_replica_context()
    n_replicas = context.num_replicas_in_sync
    if n_replicas == 1:
        return draw(shape, seed, *args)
    n_images = shape[0]
    start = n_images * context.replica_id_in_sync_group
    whole = draw((n_images * n_replicas, *shape[1:]), seed, *args)
    return whole[start : start + n_images]
