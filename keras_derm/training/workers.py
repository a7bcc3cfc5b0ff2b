"""Processes, mostly on several machines, that train one model together."""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_derm.training.errors import worker_lost_error

CHUNK = 1 << 24
"""Integers of 4 bytes that are sent at once."""

PACK = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=32 << 20)
"""Small gradients travel together: the network's delay counts once for all."""


class Workers:
    """Processes that train one model together, each on its share of every batch.

    Each has a plain model and runs the ordinary `fit` on its share; the gradients are
    averaged before the optimizer sees them, as if one process had had the whole batch.
    `MultiWorkerMirroredStrategy` joins the cluster, notices a worker that is gone and
    sums tensors over all. Its own mirrored variables are not used: `fit` of Keras 3
    fails on them (keras issue 20585), and under every strategy Keras clips the
    gradient of each replica before their sum.

    Methods that exchange something must be called by all workers, in the same order.

    Args:
        strategy: `tf.distribute.MultiWorkerMirroredStrategy` of one replica a worker.

    Raises:
        ValueError: A worker has several replicas.

    Example:
        >>> workers = Workers(tf.distribute.MultiWorkerMirroredStrategy())
        >>> seed = workers.agree(seed)

    Reference:
        Goyal et al., arXiv:1706.02677 (averaged gradients, statistics of
        BatchNormalization by worker); https://github.com/keras-team/keras/issues/20585.
    """

    def __init__(self, strategy):
        resolver = strategy.cluster_resolver
        cluster = resolver.cluster_spec().as_dict()
        n_chiefs = len(cluster.get("chief", []))
        self.strategy = strategy
        self.count = n_chiefs + len(cluster.get("worker", []))
        self.index = resolver.task_id + n_chiefs * (resolver.task_type == "worker")
        if strategy.num_replicas_in_sync != self.count:
            raise ValueError(
                "a worker must have one device: start a worker for each GPU. "
                f"Received: {strategy.num_replicas_in_sync} replicas of {self.count} "
                "workers"
            )
        self._temporary, self._sums = None, {}

    @property
    def is_chief(self):
        """Whether this is the worker that writes what is kept."""
        return self.index == 0

    def share(self, batch_size):
        """What `image_dataset` takes as `share`.

        Raises:
            ValueError: The batch cannot be shared out evenly.
        """
        if batch_size % self.count:
            raise ValueError(
                f"`batch_size` must be a multiple of the {self.count} workers: it is "
                f"that of all of them together. Received: {batch_size}"
            )
        return self.index, self.count

    def sum(self, tensors):
        """Sum of each tensor over the workers; a list."""
        if not tf.executing_eagerly():
            return self._sum(*tensors)
        # A function for each kind of tensors, as TensorFlow would warn of one for all.
        kinds = tuple((tensor.dtype.name, *tensor.shape) for tensor in tensors)
        sum_now = self._sums.setdefault(kinds, tf.function(self._sum))
        try:
            return sum_now(*tensors)
        except tf.errors.OpError as error:
            raise worker_lost_error(error) from error

    def mean(self, tensors):
        """Mean of each tensor over the workers; a list."""
        return [total / self.count for total in self.sum(tensors)]

    def broadcast(self, tensors):
        """The values that the chief has of these tensors; a list."""
        own = tensors if self.is_chief else map(tf.zeros_like, tensors)
        return self.sum(list(own))

    def broadcast_bytes(self, content=b""):
        """Return the chief's `content`, bytes."""
        content = content if self.is_chief else b""
        [size] = self.broadcast([tf.constant(len(content), tf.int64)])
        padded = np.zeros(-(-int(size) // 4) * 4, np.uint8)
        padded[: len(content)] = np.frombuffer(content, np.uint8)
        words = padded.view(np.int32)
        for start in range(0, len(words), CHUNK):
            part = slice(start, start + CHUNK)
            words[part] = self.broadcast([tf.constant(words[part])])[0].numpy()
        return padded[: int(size)].tobytes()

    def agree(self, value):
        """Return the chief's `value`, which JSON can hold."""
        return json.loads(self.broadcast_bytes(json.dumps(value).encode()))

    def check_same(self, settings):
        """Refuse to train with settings other than the chief's.

        Args:
            settings: Dict that JSON can hold.

        Raises:
            ValueError: They differ.
        """
        expected = self.agree(settings)
        found = json.loads(json.dumps(settings))
        differing = [name for name in found if found[name] != expected.get(name)]
        if differing:
            raise ValueError(
                "all workers must be started with the same command on the same data. "
                f"Received: {', '.join(differing)} other than the chief's"
            )

    def folder(self, directory):
        """Folder of a training, of which the chief's alone is kept.

        Returns:
            `directory` for the chief. For every other worker a temporary folder with
            the files of the chief's, so that all go on from the same state; it is
            removed when the next one is asked for, and at the end of the program.
        """
        directory = Path(directory)
        files = [path for path in directory.glob("[!.]*") if path.is_file()]
        names = self.agree(sorted(path.name for path in files))
        if self.is_chief:
            for name in names:
                self.broadcast_bytes((directory / name).read_bytes())
            return directory
        if self._temporary is not None:
            self._temporary.cleanup()
        self._temporary = tempfile.TemporaryDirectory()
        directory = Path(self._temporary.name)
        for name in names:
            (directory / name).write_bytes(self.broadcast_bytes())
        return directory

    def _sum(self, *tensors):
        def reduce(*values):
            context = tf.distribute.get_replica_context()
            found = [None] * len(values)
            # What travels in one pack must be of one type.
            for kind in dict.fromkeys(value.dtype for value in values):
                places = [i for i, value in enumerate(values) if value.dtype == kind]
                # Only what was computed here has the device that collectives ask for.
                here = [tf.identity(values[i]) for i in places]
                sums = context.all_reduce("SUM", here, PACK)
                for place, total in zip(places, sums, strict=True):
                    found[place] = total
            return found

        return self.strategy.run(reduce, args=tensors)


def average_gradients(optimizer, workers):
    """Let an optimizer take the mean of the workers' gradients for the gradient.

    The optimizer's class stays what it was, so that a training saved by several
    workers may go on in one process.

    Args:
        optimizer: Compiled `keras.optimizers.Optimizer`: where losses are scaled, the
            one that scales, for it looks for infinite gradients.
        workers: `Workers`.
    """
    apply = optimizer.apply

    def apply_mean(gradients, trainable_variables=None):
        # That of an embedding is of the rows alone which were looked up.
        whole = [tf.convert_to_tensor(gradient) for gradient in gradients]
        apply(workers.mean(whole), trainable_variables)

    optimizer.apply = apply_mean


class SynchronizeWorkers(keras.callbacks.Callback):
    """Keep the weights and the logs of all workers the same.

    Training begins with the chief's weights. After each epoch every variable becomes
    its mean over the workers: the moving statistics, which each took on its own share,
    and, on unlike machines, what rounding has driven apart. A variable that all have
    alike stays what it was to the last bit.

    Args:
        workers: `Workers`.
        optimizers: Those of the model, where it has several.

    Example:
        >>> model.fit(share, callbacks=[SynchronizeWorkers(workers)])
    """

    def __init__(self, workers, optimizers=None):
        super().__init__()
        self.workers, self.optimizers = workers, optimizers

    def on_train_begin(self, logs=None):
        variables = self._variables()
        for variable, value in zip(variables, self._chiefs(variables), strict=True):
            variable.assign(value)

    def on_epoch_end(self, epoch, logs=None):
        variables = self._variables()
        values = self._chiefs(variables)
        pairs = zip(variables, values, strict=True)
        differences = [tf.convert_to_tensor(own) - value for own, value in pairs]
        means = self.workers.mean(differences)
        for variable, value, mean in zip(variables, values, means, strict=True):
            variable.assign(value + mean)
        figures = self.workers.mean([tf.constant(v, tf.float64) for v in logs.values()])
        logs.update({name: float(v) for name, v in zip(logs, figures, strict=True)})

    def _chiefs(self, variables):
        return self.workers.broadcast([tf.convert_to_tensor(v) for v in variables])

    def _variables(self):
        """Those of the model and its optimizers, without counters."""
        optimizers = self.optimizers or [self.model.optimizer]
        of_optimizers = [v for one in optimizers for v in one.variables]
        variables = [*self.model.variables, *of_optimizers]
        return [v for v in variables if keras.backend.is_float_dtype(v.dtype)]


class StopWithChief(keras.callbacks.Callback):
    """End the training of every worker after the epoch after which the chief's ends.

    It comes last: what the others do not watch, the chief does.

    Args:
        workers: `Workers`.

    Example:
        >>> model.fit(share, callbacks=[*watching, StopWithChief(workers)])
    """

    def __init__(self, workers):
        super().__init__()
        self.workers = workers

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self.workers.agree(self.model.stop_training)
