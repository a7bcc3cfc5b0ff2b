"""What decides which made images are kept."""

from keras_derm.generative.screening.criteria import structural_similarities
from keras_derm.generative.screening.set_verdicts import screen_sets
from keras_derm.generative.screening.verdicts import screen

__all__ = ["screen", "screen_sets", "structural_similarities"]
