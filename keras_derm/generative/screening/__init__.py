"""What decides which made images are kept."""

from keras_derm.generative.screening.criteria import structural_similarities
from keras_derm.generative.screening.verdicts import screen

__all__ = ["screen", "structural_similarities"]
