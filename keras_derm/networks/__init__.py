"""Blocks that several models share: normalisation, scaling, freezing, checkpointing."""

from keras_derm.networks.attention_pooling import AttentionPooling
from keras_derm.networks.fused_batch_normalization import (
    FusedBatchNormalization,
    fuse_batch_normalization,
)
from keras_derm.networks.gradient_checkpointing import checkpoint_gradients
from keras_derm.networks.input_scaling import InputScaling
from keras_derm.networks.layer_weights import freeze, frozen, set_weights

__all__ = [
    "AttentionPooling",
    "FusedBatchNormalization",
    "InputScaling",
    "checkpoint_gradients",
    "freeze",
    "frozen",
    "fuse_batch_normalization",
    "set_weights",
]
