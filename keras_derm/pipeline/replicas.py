"""Batches that the devices of a strategy change before they are used."""

import tensorflow as tf

# `fit` of Keras 3.15 knows what is distributed already by the name of this class, and
# its public base has another.
from tensorflow.python.distribute.input_lib import DistributedDataset

from keras_derm.layers import for_accelerator


class OnReplicas(DistributedDataset):
    """Batches that come from `tf.data` and are changed on the devices that take them.

    `tf.data` computes on the processor whatever devices there are. Here it reads alone;
    each device then applies a function to its part of a batch, by operations that have
    a GPU kernel. `fit` of a model of the same strategy takes it for a data set, and the
    model never knows: it is saved, compiled and compiled by XLA as it is.

    Args:
        dataset: `tf.data.Dataset` of batches, or of what `strategy` makes of one.
        function: What is applied to each batch, with its elements for arguments.
        strategy: `tf.distribute.Strategy`.

    Example:
        >>> train = OnReplicas(read, finished(augmentation=chain), strategy)
        >>> with strategy.scope():
        ...     model = build_classifier("MobileNetV2", n_classes=8)
        >>> model.fit(train, steps_per_epoch=100)
    """

    def __init__(self, dataset, function, strategy):
        if isinstance(dataset, tf.data.Dataset):
            dataset = strategy.experimental_distribute_dataset(dataset)
        self.dataset, self.function, self.strategy = dataset, function, strategy
        self._step = tf.function(self._changed)

    def __iter__(self):
        iterator = iter(self.dataset)
        while True:
            try:
                batch = self._step(iterator)
            except tf.errors.OutOfRangeError:
                return
            yield batch

    def _changed(self, iterator):
        return self.strategy.run(self._for_accelerator, args=next(iterator))

    def _for_accelerator(self, *batch):
        with for_accelerator():  # in the thread of each replica
            return self.function(*batch)

    @property
    def cardinality(self):
        """Number of batches, or -1 or -2 where it is without end or not known."""
        return self.dataset.cardinality
