"""Where everything lies in a run directory."""

import re
from pathlib import Path

from keras_derm.object_store import refuse_url
from keras_derm.settings import ARMS

ARM_STAGE = "train_classifier."
"""What the record of an arm begins with; its name follows."""

SEGMENTER_STAGE = "train_segmenter."
"""What the record of an arm of the segmenter begins with."""

LESION_STAGE = "train_lesion_classifier"
"""The stage whose arms, and not those of the classifier, a run of lesions has."""


class Layout:
    """Paths of a run directory, and which of its stages have been finished.

    Args:
        path: The directory, of this machine.

    Raises:
        ValueError: It is a URL of an object store, where there are no locks and no
            arrays that are mapped into memory.

    Example:
        >>> Layout("runs/first").arm("baseline") / "ensemble.keras"
        PosixPath('runs/first/arms/baseline/ensemble.keras')
    """

    def __init__(self, path: str | Path) -> None:
        refuse_url("run", path)
        self.path = Path(path)

    def __truediv__(self, name: str | Path) -> Path:
        return self.path / name

    @property
    def audited_catalog(self) -> Path:
        """The catalog as the audit made it, of which nothing has been left out."""
        return self.path / "audit/catalog.csv"

    @property
    def duplicate_groups(self) -> Path:
        """Which images are one photograph, by the search for duplicates."""
        return self.path / "duplicates/groups.csv"

    @property
    def catalog_file(self) -> Path:
        """The catalog with its split."""
        return self.path / "catalog.csv"

    @property
    def prepared_real(self) -> Path:
        """Folder of the prepared photographs."""
        return self.path / "prepared/real"

    @property
    def prepared_synthetic(self) -> Path:
        """Folder of the prepared synthetic images."""
        return self.path / "prepared/synthetic"

    @property
    def generator(self) -> Path:
        """Folder of the generator."""
        return self.path / "generator"

    @property
    def synthetic(self) -> Path:
        """Folder of the synthetic images that were kept, with their catalog."""
        return self.path / "synthetic"

    @property
    def screened_out(self) -> Path:
        """Folder of some synthetic images that screening rejected, for readers."""
        return self.path / "screened_out"

    @property
    def reader_study(self) -> Path:
        """Folder of the reader study: its page, its key, its scores."""
        return self.path / "reader_study"

    @property
    def predictions(self) -> Path:
        """Folder of the predictions for val and test."""
        return self.path / "predictions"

    @property
    def export(self) -> Path:
        """Folder of the exported ensemble."""
        return self.path / "export"

    @property
    def tuning(self) -> Path:
        """Folder of a search."""
        return self.path / "tuning"

    def arm(self, name: str) -> Path:
        """Folder of an arm: its members, and their ensemble."""
        return self.path / "arms" / name

    def lesions(self, arm: str) -> Path:
        """Folder of an arm of the classifiers of lesions."""
        return self.path / "lesions" / arm

    def segmenter(self, name: str) -> Path:
        """Folder of an arm of the segmenter."""
        return self.path / "segmenters" / name

    def figure(self, name: str) -> Path:
        """File of a figure."""
        return self.path / f"figures/{name}.png"

    def record(self, stage: str) -> Path:
        """What a finished stage leaves: its settings, and what it builds on."""
        return self.path / f"stages/{stage}.json"

    def begun_record(self, stage: str) -> Path:
        """What a stage leaves while it is not finished."""
        return self.path / f"stages/{stage}.begun"

    def done(self, stage: str) -> bool:
        """Whether the stage has been finished; `train_classifier`, for any arm."""
        if stage == ARM_STAGE.rstrip("."):
            return bool(self.arms)
        return self.record(stage).is_file()

    @property
    def is_of_lesions(self) -> bool:
        """Whether its classifiers are of lesions, and not of single photographs."""
        return self.done(LESION_STAGE) and not self.arms

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the finished arms: those of every recipe first, then by name."""
        return self._arms(ARM_STAGE)

    @property
    def segmenters(self) -> tuple[str, ...]:
        """Names of the finished arms of the segmenter, in the same order."""
        return self._arms(SEGMENTER_STAGE)

    def _arms(self, stage: str) -> tuple[str, ...]:
        records = self.path.glob(f"stages/{stage}*.json")
        names = [path.name[len(stage) : -len(".json")] for path in records]
        return tuple(sorted(names, key=_place_of_arm))


def _place_of_arm(name: str) -> tuple[int, list[str | int]]:
    """Sort key: the arms of every recipe, then the others, 5x before 10x."""
    parts = re.split(r"(\d+)", name)  # at each odd place a number
    natural = [int(part) if i % 2 else part for i, part in enumerate(parts)]
    return (*ARMS, name).index(name), natural
