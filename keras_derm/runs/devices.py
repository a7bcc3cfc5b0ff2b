"""How training is spread over the devices of this machine."""

import json
import os


def default_strategy():
    """MirroredStrategy where there are several GPUs, else TensorFlow's default.

    Raises:
        RuntimeError: TF_CONFIG names several workers. `keras.Model.fit` of Keras 3
            fails under MultiWorkerMirroredStrategy (keras issue 20585), and workers
            that knew nothing of each other would write over each other's run.
    """
    import tensorflow as tf

    workers = _cluster_workers()
    if len(workers) > 1:
        raise RuntimeError(
            "training on several machines together is not to be had: Keras 3 does not "
            "fit under MultiWorkerMirroredStrategy. Unset TF_CONFIG; several GPUs of "
            f"one machine are used together. Received: TF_CONFIG with {workers}"
        )
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _cluster_workers():
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return [*cluster.get("chief", []), *cluster.get("worker", [])]
