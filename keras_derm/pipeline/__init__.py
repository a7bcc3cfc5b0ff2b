"""From a Catalog to prepared images and `tf.data.Dataset`s."""

from keras_derm.pipeline.copies import write_copies
from keras_derm.pipeline.datasets import image_dataset
from keras_derm.pipeline.exclusion import exclusion_reasons
from keras_derm.pipeline.masks import prepare_masks
from keras_derm.pipeline.near_copies import find_copies
from keras_derm.pipeline.photograph_preparation import image_preparation
from keras_derm.pipeline.prepared import (
    PreparedImages,
    prepare,
    resized_images,
)
from keras_derm.pipeline.shards import Shards, sharded_dataset, write_shards

__all__ = [
    "PreparedImages",
    "Shards",
    "exclusion_reasons",
    "find_copies",
    "image_dataset",
    "image_preparation",
    "prepare",
    "prepare_masks",
    "resized_images",
    "sharded_dataset",
    "write_copies",
    "write_shards",
]
