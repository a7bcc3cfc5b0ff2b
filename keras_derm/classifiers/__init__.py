"""Backbones, heads, the averaging ensemble, and what a classifier is trained for."""

from keras_derm.classifiers.backbones import (
    BACKBONES,
    build_backbone,
    build_classifier,
    build_feature_extractor,
    check_weights,
)
from keras_derm.classifiers.decision_exponent import (
    fit_decision_exponent,
    times_frequencies,
)
from keras_derm.classifiers.ensemble import (
    build_ensemble,
    ensemble_members,
    ensemble_weights,
    load_classifier,
    models_of,
    save_small,
    views_of,
)
from keras_derm.classifiers.ensemble_weights import fit_ensemble_weights
from keras_derm.classifiers.examples import Examples, training_examples
from keras_derm.classifiers.group_dro import GroupDRO, group_means, next_group_weights
from keras_derm.classifiers.imbalance import (
    IMBALANCE,
    LogitAdjustedCrossentropy,
    class_weights,
    classification_loss,
    sample_weights,
    smoothed_targets,
)
from keras_derm.classifiers.lesion_examples import (
    LesionExamples,
    predict_lesions,
    train_lesion_network,
)
from keras_derm.classifiers.lesion_network import (
    IMAGE_INPUTS,
    LESION_INPUTS,
    build_lesion_head,
    build_lesion_network,
)
from keras_derm.classifiers.lesion_probe import (
    build_lesion_probe,
    remove_features,
    train_lesion_probe,
)
from keras_derm.classifiers.lesion_table import LesionTable
from keras_derm.classifiers.linear_probe import (
    fit_linear_probe,
    fit_softmax,
    view_features,
)
from keras_derm.classifiers.members import (
    member_numbers,
    preprocessing_speeds,
    read_member,
    remove_states,
    train_member,
    untrained_member,
)
from keras_derm.classifiers.objective import (
    classification_objective,
    predict_probabilities,
)
from keras_derm.classifiers.tone_examples import ToneExamples, train_tone_network
from keras_derm.classifiers.tone_network import (
    ToneLoss,
    build_tone_network,
    fit_cuts,
    label_weights,
    tone_objective,
    with_units,
)

__all__ = [
    "BACKBONES",
    "IMBALANCE",
    "Examples",
    "GroupDRO",
    "IMAGE_INPUTS",
    "LESION_INPUTS",
    "LesionExamples",
    "LesionTable",
    "LogitAdjustedCrossentropy",
    "ToneExamples",
    "ToneLoss",
    "build_backbone",
    "build_classifier",
    "build_ensemble",
    "build_feature_extractor",
    "build_lesion_head",
    "build_lesion_network",
    "build_lesion_probe",
    "build_tone_network",
    "check_weights",
    "class_weights",
    "classification_loss",
    "classification_objective",
    "ensemble_members",
    "ensemble_weights",
    "fit_cuts",
    "fit_decision_exponent",
    "fit_ensemble_weights",
    "fit_linear_probe",
    "fit_softmax",
    "group_means",
    "label_weights",
    "load_classifier",
    "member_numbers",
    "models_of",
    "next_group_weights",
    "predict_probabilities",
    "predict_lesions",
    "preprocessing_speeds",
    "read_member",
    "remove_features",
    "remove_states",
    "sample_weights",
    "save_small",
    "smoothed_targets",
    "times_frequencies",
    "tone_objective",
    "train_lesion_network",
    "train_lesion_probe",
    "train_member",
    "train_tone_network",
    "training_examples",
    "untrained_member",
    "view_features",
    "views_of",
    "with_units",
]
