"""How far the classification of many photographs is."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class PredictionProgress:
    """A bar on standard error with the images a second and the time that is left.

    Args:
        n_images: How many images there are.
        is_shown: Whether there is a bar at all; where rows are printed they say it.

    Example:
        >>> with PredictionProgress(1_000_000) as progress:
        ...     progress.advance(32)
    """

    def __init__(self, n_images, is_shown=True):
        self.n_images = n_images
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not is_shown,
        )
        self._task = self._bar.add_task("Classifying", total=n_images)

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def advance(self, n_images):
        """Say that so many more images are done."""
        self._bar.advance(self._task, n_images)

    def go_on_from(self, n_images):
        """Say how many images were done before: they have no part in the rate."""
        self._bar.reset(self._task, completed=n_images)

    def of_writing(self, rows):
        """Yield the rows, of which there is one an image, as they are written."""
        yield from self._bar.track(rows, self.n_images, description="Writing")


class _Rate(ProgressColumn):
    """Images a second."""

    def render(self, task):
        return Text("" if task.speed is None else f"{task.speed:,.0f} a second")
