"""From a Catalog to prepared images and `tf.data.Dataset`s."""

from keras_derm.pipeline.copies import write_copies
from keras_derm.pipeline.datasets import image_dataset
from keras_derm.pipeline.exclusion import exclusion_reasons
from keras_derm.pipeline.prepared import PreparedImages, prepare

__all__ = [
    "PreparedImages",
    "exclusion_reasons",
    "image_dataset",
    "prepare",
    "write_copies",
]
