"""Generators of dermoscopy, and what decides which of their images are kept."""

from keras_derm.generative.callbacks import SampleBoard, SampleGrid, StopOnCollapse
from keras_derm.generative.cell_deficits import cell_deficits, deficit_conditions
from keras_derm.generative.conditional_wgan_gp import (
    ConditionalWGANGP,
    build_conditional_wgan_gp,
)
from keras_derm.generative.conditions import (
    CONDITION_TONES,
    condition_indices,
    condition_names,
    measured_tones,
)
from keras_derm.generative.cyclegan import CycleGAN, build_cyclegan
from keras_derm.generative.domains import benign_and_malignant
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.screening import screen
from keras_derm.generative.sngan import SNGAN, build_sngan
from keras_derm.generative.synthetic_images import write_synthetic
from keras_derm.generative.training import (
    GeneratorCollapse,
    best_model_file,
    sampling_weights,
    train_generator,
    train_translator,
    training_dataset,
    translation_dataset,
)

__all__ = [
    "CONDITION_TONES",
    "ConditionalWGANGP",
    "SNGAN",
    "CycleGAN",
    "GeneratorCollapse",
    "LinearDecay",
    "SampleBoard",
    "SampleGrid",
    "StopOnCollapse",
    "benign_and_malignant",
    "best_model_file",
    "build_conditional_wgan_gp",
    "build_cyclegan",
    "build_sngan",
    "cell_deficits",
    "condition_indices",
    "condition_names",
    "deficit_conditions",
    "measured_tones",
    "sampling_weights",
    "screen",
    "train_generator",
    "train_translator",
    "training_dataset",
    "translation_dataset",
    "write_synthetic",
]
