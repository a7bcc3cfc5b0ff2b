"""Generators whose networks train against each other."""

from keras_derm.generative.adversarial.conditional_wgan_gp import (
    ConditionalWGANGP,
    build_conditional_wgan_gp,
)
from keras_derm.generative.adversarial.cyclegan import CycleGAN, build_cyclegan
from keras_derm.generative.adversarial.linear_decay import LinearDecay
from keras_derm.generative.adversarial.sngan import SNGAN, build_sngan

__all__ = [
    "SNGAN",
    "ConditionalWGANGP",
    "CycleGAN",
    "LinearDecay",
    "build_conditional_wgan_gp",
    "build_cyclegan",
    "build_sngan",
]
