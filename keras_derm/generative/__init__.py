"""Generators of dermoscopy, and what decides which of their images are kept."""

from keras_derm.generative.adversarial.conditional_wgan_gp import (
    ConditionalWGANGP,
    build_conditional_wgan_gp,
)
from keras_derm.generative.adversarial.cyclegan import CycleGAN, build_cyclegan
from keras_derm.generative.adversarial.linear_decay import LinearDecay
from keras_derm.generative.adversarial.sngan import SNGAN, build_sngan
from keras_derm.generative.callbacks import SampleBoard, SampleGrid, StopOnCollapse
from keras_derm.generative.cell_deficits import cell_deficits, deficit_conditions
from keras_derm.generative.conditions import (
    CONDITION_TONES,
    condition_indices,
    condition_names,
    measured_tones,
)
from keras_derm.generative.datasets import (
    sampling_weights,
    training_dataset,
    translation_dataset,
)
from keras_derm.generative.domains import benign_and_malignant
from keras_derm.generative.generator import Generator
from keras_derm.generative.registry import (
    GENERATORS,
    generator_class,
    register_generator,
)
from keras_derm.generative.screening import screen
from keras_derm.generative.synthesis import Synthesis, made_images, plan_synthesis
from keras_derm.generative.synthetic_images import write_synthetic
from keras_derm.generative.training import (
    GeneratorCollapse,
    best_state_file,
    load_best,
    train,
)

__all__ = [
    "CONDITION_TONES",
    "GENERATORS",
    "SNGAN",
    "ConditionalWGANGP",
    "CycleGAN",
    "Generator",
    "GeneratorCollapse",
    "LinearDecay",
    "SampleBoard",
    "SampleGrid",
    "StopOnCollapse",
    "Synthesis",
    "benign_and_malignant",
    "best_state_file",
    "build_conditional_wgan_gp",
    "build_cyclegan",
    "build_sngan",
    "cell_deficits",
    "condition_indices",
    "condition_names",
    "deficit_conditions",
    "generator_class",
    "load_best",
    "made_images",
    "measured_tones",
    "plan_synthesis",
    "register_generator",
    "sampling_weights",
    "screen",
    "train",
    "training_dataset",
    "translation_dataset",
    "write_synthetic",
]
