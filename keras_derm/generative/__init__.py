"""Generators of dermoscopy, and what decides which of their images are kept."""

from keras_derm.generative.adapter_scope import AdapterScope
from keras_derm.generative.adversarial.conditional_wgan_gp import ConditionalWGANGP
from keras_derm.generative.adversarial.cyclegan import CycleGAN
from keras_derm.generative.adversarial.sngan import SNGAN
from keras_derm.generative.callbacks import SampleBoard, StopOnCollapse
from keras_derm.generative.cell_deficits import cell_deficits
from keras_derm.generative.conditions import condition_indices, condition_names
from keras_derm.generative.datasets import (
    benign_and_malignant,
    sampling_weights,
    training_dataset,
    translation_dataset,
)
from keras_derm.generative.diffusion.diffusion import Diffusion
from keras_derm.generative.generator import Generator
from keras_derm.generative.linear_decay import LinearDecay
from keras_derm.generative.made import Made
from keras_derm.generative.masked_images import masked_images
from keras_derm.generative.registry import generator_class, register_generator
from keras_derm.generative.synthesis import (
    Synthesis,
    made_images,
    not_learned,
    plan_cells,
    plan_synthesis,
)
from keras_derm.generative.synthetic_images import write_synthetic
from keras_derm.generative.training import (
    GeneratorCollapse,
    best_state_file,
    load_best,
    train,
)

__all__ = [
    "SNGAN",
    "AdapterScope",
    "ConditionalWGANGP",
    "CycleGAN",
    "Diffusion",
    "Generator",
    "GeneratorCollapse",
    "LinearDecay",
    "Made",
    "SampleBoard",
    "StopOnCollapse",
    "Synthesis",
    "benign_and_malignant",
    "best_state_file",
    "cell_deficits",
    "condition_indices",
    "condition_names",
    "generator_class",
    "load_best",
    "made_images",
    "masked_images",
    "not_learned",
    "plan_cells",
    "plan_synthesis",
    "register_generator",
    "sampling_weights",
    "train",
    "training_dataset",
    "translation_dataset",
    "write_synthetic",
]
