"""A photograph in, the outline of its lesion out: by rules, and by the network."""

from keras_derm.lesion_finders.finder import LesionFinder
from keras_derm.lesion_finders.max_flow import MaxFlowFinder
from keras_derm.lesion_finders.network import NetworkFinder
from keras_derm.lesion_finders.otsu import AutomaticFinder, PlainOtsuFinder
from keras_derm.lesion_finders.outline import LesionOutline, largest_component
from keras_derm.lesion_finders.shipped import shipped_finder

__all__ = [
    "AutomaticFinder",
    "LesionFinder",
    "LesionOutline",
    "MaxFlowFinder",
    "NetworkFinder",
    "PlainOtsuFinder",
    "largest_component",
    "shipped_finder",
]
