"""What one device does as a part of all that share a batch."""

import tensorflow as tf


def replica_draw(draw, shape, seed, *args):
    """Random numbers for the images of this replica.

    They are this replica's part of one draw for the images of all replicas, so that
    a batch gets the same numbers on one device and on several.

    Args:
        draw: Stateless random function of (shape, seed, *args), such as
            `stateless_random.normal`.
        shape: Shape wanted; its first entry is the number of images here.
        seed: int tensor (2,), the same on all replicas.
        *args: Passed to `draw`.

    Returns:
        Tensor of the shape asked for.
    """
    n_replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    if n_replicas == 1:
        return draw(shape, seed, *args)
    whole = draw((shape[0] * n_replicas, *shape[1:]), seed, *args)
    return replica_part(whole, shape[0])


def all_replicas(values):
    """Values of all replicas, one replica after the other along the first axis."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_gather(values, axis=0)


def replica_part(values, n_images):
    """The `n_images` rows of this replica in values of all replicas."""
    context = tf.distribute.get_replica_context()
    start = n_images * context.replica_id_in_sync_group
    return values[start : start + n_images]
