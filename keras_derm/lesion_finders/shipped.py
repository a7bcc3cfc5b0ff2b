"""The finder that comes along."""

import functools

from keras_derm.described_network import SAVED_MODELS
from keras_derm.lesion_finders.network import NetworkFinder
from keras_derm.lesion_finders.otsu import AutomaticFinder

SHIPPED = SAVED_MODELS / "lesion_outline_dermoscopic.tflite"


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
