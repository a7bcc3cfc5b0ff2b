"""Show what a classifier looked at, whether to believe it, and the whole set."""

from keras_derm.explain.attention_inside import attention_in_lesions, attention_inside
from keras_derm.explain.attention_maps import (
    LEAST_REGIONS,
    METHODS,
    attention_maps,
    average_maps,
    map_regions,
    member_attention_maps,
)
from keras_derm.explain.cases import choose_cases
from keras_derm.explain.counterfactual_tone import (
    START_ITA,
    Variant,
    counterfactual_table,
    look_at,
    melanin_dose,
    variants,
)
from keras_derm.explain.deletion_curve import area_under, deletion_curve, random_maps
from keras_derm.explain.embeddings import (
    choose_points,
    embed,
    features,
    neighbour_mixing,
)
from keras_derm.explain.feature_layers import feature_layers
from keras_derm.explain.overlay import overlay
from keras_derm.explain.sanity_check import (
    map_similarity,
    randomize_weights,
    sanity_check,
)
from keras_derm.explain.tone_effects import tone_effects, truth_agreement, zero_control

__all__ = [
    "LEAST_REGIONS",
    "METHODS",
    "START_ITA",
    "Variant",
    "area_under",
    "attention_in_lesions",
    "attention_inside",
    "attention_maps",
    "average_maps",
    "choose_cases",
    "choose_points",
    "counterfactual_table",
    "deletion_curve",
    "embed",
    "feature_layers",
    "features",
    "look_at",
    "map_regions",
    "map_similarity",
    "melanin_dose",
    "member_attention_maps",
    "neighbour_mixing",
    "overlay",
    "random_maps",
    "randomize_weights",
    "sanity_check",
    "tone_effects",
    "truth_agreement",
    "variants",
    "zero_control",
]
