"""A stage that several workers do together."""

import contextlib
import tempfile
from pathlib import Path

from keras_derm.runs import Stage
from keras_derm.training import join_workers


class MultiWorkerStage(Stage):
    """A training that one process does, or the workers that TF_CONFIG names together.

    The first worker, the chief, does all that a stage does; the others check their
    settings, train with it in a folder that does not stay, and write nothing. A
    subclass writes `_train(folder)`, which the chief's `make` calls too.

    Attributes:
        workers: `keras_derm.training.Workers`, or None for one process.

    Example:
        >>> class TrainDetector(MultiWorkerStage):
        ...     Settings = TrainDetectorSettings
        ...
        ...     def make(self):
        ...         self._train(self.run / "detector")
    """

    workers = None

    def do(self):
        self.workers = join_workers()  # before anything is computed
        if self.workers is not None and not self.workers.is_chief:
            return self._follow()
        super().do()
        if self.workers is not None:
            self.workers.agree("done")

    def _follow(self):
        """Train with the chief, and write nothing that is kept."""
        self.check()
        if self.workers.agree(None):
            with tempfile.TemporaryDirectory() as folder:
                self._train(Path(folder))
        self.workers.agree(None)

    @contextlib.contextmanager
    def entered(self):
        with super().entered() as todo:
            if self.workers is not None:
                self.workers.agree(todo)
            yield todo

    def _train(self, folder):
        """Train in a folder, of which the chief's is kept."""
        raise NotImplementedError
