"""Blocks that several models share: normalisation, scaling, freezing, checkpointing."""

from keras_derm.networks.attention_pooling import AttentionPooling
from keras_derm.networks.crossing_tensors import crossing_tensors
from keras_derm.networks.fused_batch_normalization import (
    FusedBatchNormalization,
    fuse_batch_normalization,
)
from keras_derm.networks.gradient_checkpointing import checkpoint_gradients
from keras_derm.networks.input_scaling import InputScaling
from keras_derm.networks.layer_weights import freeze, frozen, set_weights
from keras_derm.networks.learned_absence import LearnedAbsence
from keras_derm.networks.lora import (
    LoRA,
    activate,
    adapter_variables,
    add_adapter,
    load_adapter,
    load_training,
    lora_layers,
    merge,
    save_adapter,
    save_training,
)
from keras_derm.networks.mix_style import MixStyle, with_mix_style
from keras_derm.networks.random_absence import RandomAbsence
from keras_derm.networks.tensor_files import TensorFile, write_tensors
from keras_derm.networks.torch_files import read_torch_file

__all__ = [
    "AttentionPooling",
    "FusedBatchNormalization",
    "InputScaling",
    "LearnedAbsence",
    "LoRA",
    "MixStyle",
    "RandomAbsence",
    "TensorFile",
    "activate",
    "adapter_variables",
    "add_adapter",
    "checkpoint_gradients",
    "crossing_tensors",
    "freeze",
    "frozen",
    "fuse_batch_normalization",
    "load_adapter",
    "load_training",
    "lora_layers",
    "merge",
    "read_torch_file",
    "save_adapter",
    "save_training",
    "set_weights",
    "with_mix_style",
    "write_tensors",
]
