"""How good a model is on the validation set after each epoch."""

import keras
import numpy as np
import tensorflow as tf

from keras_derm.pipeline.autotuning import without_autotuning


class ValidationScores(keras.callbacks.Callback):
    """Add the scores of an objective on the validation set to the logs of each epoch.

    One pass over the validation set gives all of them.

    Args:
        validation: `tf.data.Dataset` of `(images, targets)`, the targets of the shape
            of the predictions.
        scores: Function of targets and predictions to a dict of floats; see
            `Objective`.
        workers: `Workers` that share the pass, or None.

    Raises:
        RuntimeError: At the end of an epoch, where predictions are not finite.

    Example:
        >>> model.fit(train, callbacks=[ValidationScores(validation, objective.scores)])
    """

    def __init__(self, validation, scores, workers=None):
        super().__init__()
        self.validation, self.scores, self.workers = validation, scores, workers
        targets = [y.numpy() for _, y, *_ in validation]
        self.targets = np.concatenate(targets)
        self.batches = np.repeat(np.arange(len(targets)), [len(y) for y in targets])

    def on_epoch_end(self, epoch, logs=None):
        predictions = self._predictions()
        if not np.isfinite(predictions).all():
            raise RuntimeError(
                "the training diverged: predictions for validation images are not "
                "finite. A lower learning rate or `clip_norm` prevents it, and float32 "
                "where it was half precision. Received: "
                f"epoch {epoch}, {np.isnan(predictions).mean():.0%} NaN"
            )
        logs.update(self.scores(self.targets, predictions))

    def _predictions(self):
        if self.workers is None:
            return predict(self.model, self.validation)
        index, count = self.workers.index, self.workers.count
        predictions = np.zeros(self.targets.shape, "float32")
        mine = self.batches % count == index
        if mine.any():
            part = self.validation.shard(count, index)
            predictions[mine] = predict(self.model, part)
        return self.workers.sum([tf.constant(predictions)])[0].numpy()


def predict(model, dataset):
    """Predictions of a model, `(n, ...)`, for batches of tuples that begin with images.

    Args:
        model: `keras.Model` of images.
        dataset: `tf.data.Dataset` of batches of images, or of such tuples.
    """
    images = without_autotuning(dataset).map(lambda *element: element[0])
    return model.predict(images, verbose=0)
