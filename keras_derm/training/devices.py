"""How training is spread over the devices of this machine, and over machines."""

import functools

import tensorflow as tf

from keras_derm.cluster.tf_config import cluster_workers, refuse_workers, worker_index
from keras_derm.training.workers import Workers


def default_strategy():
    """MirroredStrategy where there are several GPUs, else TensorFlow's default.

    Raises:
        RuntimeError: TF_CONFIG names several workers: see `join_workers`.
    """
    refuse_workers("what is asked for")
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


@functools.cache
def join_workers():
    """Wait for the workers that TF_CONFIG names, and join them.

    To be called before TensorFlow has computed anything. Of several GPUs a worker takes
    one: the first worker of a machine its first GPU, and so on.

    Returns:
        `Workers`, or None where there are not several workers.

    Raises:
        ValueError: TF_CONFIG does not say which worker this is, or a machine has more
            workers than GPUs.
    """
    workers = cluster_workers()
    if len(workers) < 2:
        return None
    index = worker_index()
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) > 1:
        place = local_place(workers, index)
        if place >= len(gpus):
            raise ValueError(
                f"a machine has more workers than its {len(gpus)} GPUs. "
                f"Received: TF_CONFIG with {workers}"
            )
        tf.config.set_visible_devices(gpus[place], "GPU")
    print(f"worker {index} of {workers}: waiting for the others", flush=True)
    return Workers(tf.distribute.MultiWorkerMirroredStrategy())


def local_place(workers, index):
    """How many workers before this one have the same host."""
    hosts = [address.rpartition(":")[0] for address in workers]
    return hosts[:index].count(hosts[index])
