"""Settings of the preparation."""

from dataclasses import dataclass, field
from typing import Literal

from keras_derm.settings.kinds import (
    Count,
    Fractions,
    NonNegative,
    Place,
    Preset,
    Seed,
    Share,
    limited,
)
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.spreads_work import SpreadsWork
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class PrepareDatasetSettings(SpreadsWork, StageSettings, stage="prepare_dataset"):
    """Split the audited images and prepare them (resize, hair removal).

    Writes the split into catalog.csv and the prepared images to prepared/. Where these
    were deleted, the same command prepares them again. What is left out here is not
    lost: audit/catalog.csv keeps the catalog as it was before the first preparation,
    and every other one begins with it. Files that are equal byte for byte stay
    together, and so do copies that find_duplicates.py has found or a person decided.

    Args:
        image_size: Side of the square prepared images in pixels.
        preset: Name of the chain of image layers.
        split: drawn by fractions; or archive, which keeps the test set that the archive
            names, and takes val from its training images where it names none, as great
            a part of them as fractions say.
        fractions: Shares of train, val and test. Images of one patient (else lesion)
            stay together; diagnoses are spread evenly.
        split_file: csv with a published split, taken in place of both; lesions that
            leak are counted in a warning.
        darkened: Share of the training images, drawn by seed, whose values are
            multiplied by darkening before hair is looked for; no other image is.
        darkening: That factor.
        exclude_artefacts: Leave out images of which dark corners, a ruler, ink or
            bubbles cover so much that it cannot be painted over; they are listed
            with the reason in excluded_images.csv.
        crop: lesion takes the square around the lesion, by the mask of the archive,
            or where it has none by what the lesion finder sees; by default all of each
            photograph.
        crop_margin: What is left beside the lesion on each side, as a share of its
            longer side.
        images_per_shard: Keep the prepared images in TFRecord files of so many images
            each, for storage on a network; by default in one array.
        seed: Seed of the split.
        preprocess_on: Where the image layers compute: cpu; device, on the GPUs, each
            with photographs of one size; or auto, which is cpu where there is no GPU,
            else measures both on some photographs and keeps the choice in
            preprocessing.json of the run. The images are the same.
        cluster: Where the work is done: none, by the processors of this machine; local,
            by a Ray cluster of this machine alone; or the address of a Ray cluster
            (HOST:PORT, auto, ray://HOST:PORT). Results are the same (extra cluster).

    Example:
        >>> PrepareDatasetSettings(image_size=96)
    """

    image_size: int = limited(Count, 224)
    preset: Preset = "sn_gan_ensemble"
    split: Literal["drawn", "archive"] = "drawn"
    fractions: tuple[float, float, float] = limited(Fractions, (0.7, 0.15, 0.15))
    split_file: str | None = None
    darkened: float = limited(Share, 0.0)
    darkening: float = limited(Share, 0.5)
    exclude_artefacts: bool = False
    crop: Literal["lesion"] | None = None
    crop_margin: float = limited(NonNegative, 0.25)
    images_per_shard: int | None = limited(Count | None, None)
    seed: int = limited(Seed, 0)
    preprocess_on: Place = field(default="auto", compare=False)

    def check(self) -> None:
        if (
            self.split == "archive"
            and not 0 < self.fractions[1] < 1 - self.fractions[2]
        ):
            raise SettingsError(
                "`fractions` must give train and val a share where the archive's test "
                f"set is kept. Received: {self.fractions}"
            )

    @property
    def val_share(self) -> float:
        """Share of val in train and val together."""
        train, val, _ = self.fractions
        return val / (train + val)

    @property
    def margin(self) -> float | None:
        """What is left beside the lesion, or None where nothing is cut off."""
        return self.crop_margin if self.crop == "lesion" else None
