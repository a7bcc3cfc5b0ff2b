"""Procedural dermoscopy with ground truth: the embedded data set."""

from keras_derm.phantom.data_set import read, render, render_pairs, write_phantom
from keras_derm.phantom.melanin_twins import CAMERAS, MelaninTwins
from keras_derm.phantom.photograph import Photograph, lesion_signs, photograph
from keras_derm.phantom.population import (
    DIAGNOSIS_FREQUENCIES,
    TONE_FREQUENCIES,
    population,
)
from keras_derm.phantom.signs import bayes_accuracy

__all__ = [
    "CAMERAS",
    "DIAGNOSIS_FREQUENCIES",
    "TONE_FREQUENCIES",
    "MelaninTwins",
    "Photograph",
    "bayes_accuracy",
    "lesion_signs",
    "photograph",
    "population",
    "read",
    "render",
    "render_pairs",
    "write_phantom",
]
