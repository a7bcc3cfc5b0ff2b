"""The workers that TF_CONFIG names, read without TensorFlow."""

import json
import os


def cluster_workers():
    """Addresses of the workers that TF_CONFIG names, the chief first."""
    cluster = _configuration().get("cluster", {})
    return [*cluster.get("chief", []), *cluster.get("worker", [])]


def worker_index():
    """Which of `cluster_workers` this process is.

    Raises:
        ValueError: TF_CONFIG does not say which worker this is.
    """
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


def refuse_workers(work):
    """Refuse to do in several processes what one has to do.

    Args:
        work: What it is, in words.

    Raises:
        RuntimeError: TF_CONFIG names several workers, who would write over each
            other's run.
    """
    workers = cluster_workers()
    if len(workers) > 1:
        raise RuntimeError(
            f"{work} is done by one process; only train_classifier.py and "
            "train_generator.py train on several machines together. Unset TF_CONFIG: "
            "several GPUs of one machine are used together without it. "
            f"Received: TF_CONFIG with {workers}"
        )


def _configuration():
    return json.loads(os.environ.get("TF_CONFIG") or "{}")
