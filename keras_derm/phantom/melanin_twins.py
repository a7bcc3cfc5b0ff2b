"""Photographs of a phantom data set once more, of people with other melanin."""

import functools
import json
import math
from pathlib import Path

from scipy.optimize import brentq

from keras_derm.phantom.optics import skin_ita
from keras_derm.phantom.photograph import photograph
from keras_derm.phantom.population import population

CAMERAS = ("held", "metered")
"""A dermatoscope may keep the exposure and white balance of the photograph there is, or
choose them anew for the skin that it now sees."""

MELANIN_LIMITS = (0.005, 0.5)
"""Volume fractions of the epidermis that are rendered: a little more than those of
`keras_derm.phantom.optics.MELANIN_RANGES`."""


class MelaninTwins:
    """Renders the photographs of a phantom data set under another melanin fraction.

    Everything else is as it was: the person's blood and hair, the lesion, what lies on
    the skin, light, lens, noise and file format. The lesion's own pigment is added to
    the skin's, so it lies under more melanin as well. At a step of 0 the photograph is
    the one in the data set, bit by bit.

    Args:
        directory: The data set, which `render` wrote.

    Raises:
        FileNotFoundError: If there is no phantom in the directory.

    Example:
        >>> twins = MelaninTwins.of(catalog)
        >>> twin = twins.render("PHANTOM_7_0000003", ita_step=-20)
    """

    def __init__(self, directory):
        note = Path(directory) / "phantom.json"
        if not note.is_file():
            raise FileNotFoundError(
                f"no phantom data set here: phantom.json is missing. Received: {note}"
            )
        self.settings = json.loads(note.read_text(encoding="utf-8"))
        self._people = None
        self._gains = functools.lru_cache(maxsize=1)(self._metered_gains)

    @property
    def cameras(self):
        """Those of `CAMERAS` that differ: a bare camera chooses nothing."""
        return CAMERAS if self.settings["dermatoscope"] else CAMERAS[:1]

    @classmethod
    def of(cls, catalog):
        """The twins of a catalog, or None unless it is of one phantom data set.

        Args:
            catalog: `keras_derm.catalog.Catalog`.
        """
        if not len(catalog) or not catalog.table["source"].eq("phantom").all():
            return None
        folders = {Path(path).parents[1] for path in catalog.paths}
        if len(folders) > 1 or not (folder := folders.pop() / "phantom.json").is_file():
            return None
        return cls(folder.parent)

    def melanin(self, isic_id, ita_step):
        """Melanin fraction of the person with their ITA moved by a step, in degrees.

        NaN where it is out of `MELANIN_LIMITS`.
        """
        row = self._row(isic_id)
        if ita_step == 0:
            return float(row["melanin_fraction"])

        def error(melanin):
            blood = row["blood_fraction"]
            before = skin_ita(row["melanin_fraction"], blood)
            return float(skin_ita(melanin, blood) - before - ita_step)

        low, high = map(error, MELANIN_LIMITS)  # more melanin, less of an angle
        return brentq(error, *MELANIN_LIMITS) if low >= 0 >= high else math.nan

    def render(self, isic_id, ita_step=0.0, camera="held"):
        """Render one photograph.

        Args:
            isic_id: Its id.
            ita_step: By how much the ITA of the person's skin is moved, in degrees;
                below 0 adds melanin.
            camera: "held", with the exposure and white balance that the photograph
                has, or "metered", with those that the device chooses for the skin.

        Returns:
            `keras_derm.phantom.Photograph`.

        Raises:
            ValueError: If the id is not of this data set, the camera unknown, or the
                step out of reach (`melanin` gives NaN).
        """
        if camera not in CAMERAS:
            raise ValueError(f"`camera` must be one of {CAMERAS}. Received: {camera!r}")
        melanin = self.melanin(isic_id, ita_step)
        if math.isnan(melanin):
            raise ValueError(
                "`ita_step` needs a melanin fraction outside of "
                f"{MELANIN_LIMITS}. Received: {ita_step} for {isic_id!r}"
            )
        row = self._row(isic_id) | {"melanin_fraction": melanin}
        gains = self._gains(isic_id) if camera == "held" else None
        return self._shoot(isic_id, row, gains)

    def _metered_gains(self, isic_id):
        return self._shoot(isic_id, self._row(isic_id)).gains

    def _shoot(self, isic_id, row, gains=None):
        known = self.settings
        return photograph(
            row, self._index(isic_id), known["seed"], known["size"], known["hair"],
            known["artefacts"], known["dermatoscope"], gains,
        )  # fmt: skip

    def _index(self, isic_id):
        name, _, number = isic_id.rpartition("_")
        if name != f"PHANTOM_{self.settings['seed']}" or not number.isdigit():
            raise ValueError(
                "`isic_id` must be of the phantom of seed "
                f"{self.settings['seed']}. Received: {isic_id!r}"
            )
        return int(number)

    def _row(self, isic_id):
        index = self._index(isic_id)
        if self._people is None or index >= len(self._people):
            self._people = population(
                index + 1,
                self.settings["seed"],
                self.settings["tone_frequencies"],
                self.settings["diagnosis_frequencies"],
            )
        return self._people.iloc[index].to_dict()
