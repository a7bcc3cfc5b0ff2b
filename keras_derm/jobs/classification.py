"""The classification of photographs in batches, here or on a cluster."""

import os
from pathlib import Path

from keras_derm.cluster.portions import portions_of
from keras_derm.cluster.work import work_on_each
from keras_derm.jobs.prediction_rows import image_name
from keras_derm.jobs.predictor import Predictor


class Classification:
    """Classifies batches of photographs, and writes the pictures of them.

    It is fit to be sent to another process, which reads the model itself, and checks
    that it is the same, as soon as it has photographs to classify.

    Args:
        predictor: `Predictor`.
        overlay, outline: Folders for pictures, or None; see `predict`.

    Attributes:
        classes: Class names.

    Raises:
        RuntimeError: A machine of the cluster has another model at that path, or does
            not see a photograph.

    Example:
        >>> for rows, stamps in Classification(predictor).each(images, 32):
        ...     kept.append(rows, stamps)
    """

    def __init__(self, predictor, overlay=None, outline=None):
        self.classes = predictor.classes
        self._predictor, self._folder = predictor, Path.cwd()
        self._overlay, self._outline = (
            path and Path(path).absolute() for path in (overlay, outline)
        )

    def __getstate__(self):
        found = self._predictor
        model = found.path.absolute(), found.n_threads or 1, found.record()
        return self.__dict__ | {"_predictor": None, "_model": model}

    def each(self, images, batch_size):
        """Yield rows and stamps of images, batch by batch.

        Args:
            images: Iterator of `FoundImage`s.
            batch_size: Images at once.
        """
        batches = portions_of(images, batch_size)
        done = work_on_each(self, batches, n_items=0, at_once=1, few=None)
        for rows, before in done:
            for row, stamp in zip(rows, before, strict=True):
                if stamp is None and os.path.isfile(row["image"]):
                    raise RuntimeError(
                        "a machine of the cluster does not see a photograph: all must "
                        f"see the same folder. Received: {row['image']}"
                    )
            yield rows, before

    def __call__(self, batch):
        """Rows and stamps of a batch, a list of `FoundImage`s."""
        predictor = self._opened()
        found = [image.below(self._folder) for image in batch]
        before = [image.stamp() for image in found]
        files, names = [image.path for image in found], [image.name for image in batch]
        rows, prepared = predictor.rows(files)
        for row, image in zip(rows, batch, strict=True):
            row["image"] = image_name(image.path)
        if self._overlay is not None:
            predictor.write_overlays(rows, prepared, names, self._overlay)
        if self._outline is not None:
            predictor.write_outlines(files, names, self._outline)
        return rows, before

    def _opened(self):
        if self._predictor is None:
            path, n_threads, record = self._model
            self._predictor = Predictor(path, n_threads, n_at_once=1)
            if self._predictor.record() != record:
                raise RuntimeError(
                    "a machine of the cluster has another model at that path: all must "
                    f"see the same folder. Received: {path}"
                )
        return self._predictor
