"""How training is spread over the devices of this machine, and over machines."""

import functools
import json
import os


def default_strategy():
    """MirroredStrategy where there are several GPUs, else TensorFlow's default.

    Raises:
        RuntimeError: TF_CONFIG names several workers: see `join_workers`.
    """
    import tensorflow as tf

    refuse_workers("what is asked for")
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def refuse_workers(work):
    """Refuse to do in several processes what one has to do.

    Args:
        work: What it is.

    Raises:
        RuntimeError: TF_CONFIG names several workers, who would write over each
            other's run.
    """
    workers = cluster_workers()
    if len(workers) > 1:
        raise RuntimeError(
            f"{work} is done by one process; only train_classifier.py trains on several "
            "machines together. Unset TF_CONFIG: several GPUs of one machine are used "
            f"together without it. Received: TF_CONFIG with {workers}"
        )


@functools.cache
def join_workers():
    """Wait for the workers that TF_CONFIG names, and join them.

    To be called before TensorFlow has computed anything. Of several GPUs a worker takes
    one: the first worker of a machine its first GPU, and so on.

    Returns:
        `keras_derm.classifiers.Workers`, or None where there are not several workers.

    Raises:
        ValueError: TF_CONFIG does not say which worker this is, or a machine has more
            workers than GPUs.
    """
    workers = cluster_workers()
    if len(workers) < 2:
        return None
    import tensorflow as tf

    from keras_derm.classifiers import Workers

    index = _index()
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


def cluster_workers():
    """Addresses of the workers that TF_CONFIG names, the chief first."""
    cluster = _configuration().get("cluster", {})
    return [*cluster.get("chief", []), *cluster.get("worker", [])]


def _index():
    """Which of `cluster_workers` this process is."""
    cluster, task = _configuration()["cluster"], _configuration().get("task", {})
    kind, index = task.get("type"), task.get("index")
    if kind not in ("chief", "worker") or index not in range(
        len(cluster.get(kind, []))
    ):
        raise ValueError(
            "TF_CONFIG must say which worker this is, such as "
            f'"task": {{"type": "worker", "index": 0}}. Received: {task}'
        )
    return index + (len(cluster.get("chief", [])) if kind == "worker" else 0)


def local_place(workers, index):
    """How many workers before this one have the same host."""
    hosts = [address.rpartition(":")[0] for address in workers]
    return hosts[:index].count(hosts[index])


def _configuration():
    return json.loads(os.environ.get("TF_CONFIG") or "{}")
