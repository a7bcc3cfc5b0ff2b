"""A stage that several workers do together."""

import contextlib
import dataclasses
import tempfile
from pathlib import Path

from keras_derm.cluster.place import NOWHERE_ELSE
from keras_derm.cluster.ray_training import train_together
from keras_derm.cluster.tf_config import cluster_workers
from keras_derm.runs import Stage
from keras_derm.training import join_workers


class MultiWorkerStage(Stage):
    """A training that one process does, or several workers do together.

    TF_CONFIG names the workers; or `n_workers` of the settings has a Ray cluster start
    them, each with a TF_CONFIG.

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
        if self.settings.n_workers > 1:
            return self._start_workers()
        self.workers = join_workers()  # before anything is computed
        if self.workers is not None and not self.workers.is_chief:
            return self._follow()
        super().do()
        if self.workers is not None:
            self.workers.agree("done")

    def _start_workers(self):
        """Have a cluster do the stage, by as many processes."""
        if cluster_workers():
            raise RuntimeError(
                "workers are named by TF_CONFIG or started by `n_workers`, not both: "
                f"unset TF_CONFIG. Received: n_workers={self.settings.n_workers}"
            )
        stage, run = type(self), self.run.path.absolute()
        alone = dataclasses.replace(self.settings, cluster=NOWHERE_ELSE, n_workers=1)
        train_together(
            self.settings.cluster,
            self.settings.n_workers,
            lambda: stage(run, alone).do(),
            run,
        )

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
