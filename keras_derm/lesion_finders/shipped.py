"""The finder that comes along."""

import functools
from pathlib import Path

from keras_derm.lesion_finders.network import NetworkFinder
from keras_derm.lesion_finders.otsu import AutomaticFinder

SHIPPED = (
    Path(__file__).resolve().parents[2]
    / "saved_models/lesion_outline_dermoscopic.tflite"
)
"""The network that comes with the repository; a package alone has the rule."""


@functools.lru_cache(maxsize=2)
def shipped_finder(kind="dermoscopic"):
    """The finder that is used where an archive has no masks.

    Args:
        kind: "dermoscopic", for which it is the network of saved_models where that is
            there; or "clinical", for which there is a rule alone.
    """
    if kind == "dermoscopic" and SHIPPED.is_file():
        return NetworkFinder.load(SHIPPED)
    return AutomaticFinder(kind=kind)
