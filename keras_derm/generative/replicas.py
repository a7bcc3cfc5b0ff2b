"""What one device does as a part of all that share a batch."""

import tensorflow as tf


def replica_draw(draw, shape, seed, *args):
    """Random numbers for the images of this replica.

    They are this replica's part of one draw for the images of all replicas, so that
    a batch gets the same numbers on one device and on several. `draw` is a stateless
    random function of (shape, seed, *args), such as `stateless_random.normal`; the
    first entry of the shape is the number of images here, and the seed, an int tensor
    (2,), is the same on all replicas.
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
