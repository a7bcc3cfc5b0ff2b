"""What can be set, in every stage: frozen dataclasses that check themselves.

Nothing here imports TensorFlow, so that a command line and its help are quick, and
nothing else of keras_derm, so that every part may.
"""

from keras_derm.settings.arms import ARMS
from keras_derm.settings.audit_skin_tone import AuditSkinToneSettings
from keras_derm.settings.cell import CellSettings
from keras_derm.settings.compare import CompareSettings
from keras_derm.settings.counterfactual_tone import CounterfactualToneSettings
from keras_derm.settings.evaluate import EvaluateSettings
from keras_derm.settings.evaluate_segmenter import EvaluateSegmenterSettings
from keras_derm.settings.explain import ExplainSettings
from keras_derm.settings.export_tflite import ExportTfliteSettings
from keras_derm.settings.find_duplicates import FindDuplicatesSettings
from keras_derm.settings.fine_tuning import FineTuningSettings
from keras_derm.settings.generators import (
    GENERATOR_SETTINGS,
    ConditionalWGANGPSettings,
    CycleGANSettings,
    DiffusionSettings,
    GeneratorSettings,
    LoRASettings,
    SNGANSettings,
    StableDiffusionSettings,
    generator_settings,
)
from keras_derm.settings.image_quality import ImageQualitySettings
from keras_derm.settings.kinds import Backbone, Preset, QuantizationMode
from keras_derm.settings.make_reader_study import MakeReaderStudySettings
from keras_derm.settings.member import MemberSettings
from keras_derm.settings.network import NetworkSettings
from keras_derm.settings.optimization import OptimizationSettings
from keras_derm.settings.prepare_dataset import PrepareDatasetSettings
from keras_derm.settings.recipe import RECIPE_STAGES, Recipe
from keras_derm.settings.score_reader_study import ScoreReaderStudySettings
from keras_derm.settings.settings import Settings, SettingsError
from keras_derm.settings.stage import STAGES, StageSettings
from keras_derm.settings.synthesize import SynthesizeSettings
from keras_derm.settings.train_classifier import TrainClassifierSettings
from keras_derm.settings.train_generator import TrainGeneratorSettings
from keras_derm.settings.train_lesion_classifier import (
    LESION_ARMS,
    TrainLesionClassifierSettings,
)
from keras_derm.settings.train_segmenter import TrainSegmenterSettings
from keras_derm.settings.train_skin_tone import TrainSkinToneSettings
from keras_derm.settings.tune import TuneSettings
from keras_derm.settings.validate_skin_tone import ValidateSkinToneSettings

__all__ = [
    "ARMS",
    "GENERATOR_SETTINGS",
    "LESION_ARMS",
    "RECIPE_STAGES",
    "STAGES",
    "AuditSkinToneSettings",
    "Backbone",
    "CellSettings",
    "CompareSettings",
    "ConditionalWGANGPSettings",
    "CounterfactualToneSettings",
    "CycleGANSettings",
    "DiffusionSettings",
    "LoRASettings",
    "EvaluateSegmenterSettings",
    "EvaluateSettings",
    "ExplainSettings",
    "ExportTfliteSettings",
    "FindDuplicatesSettings",
    "FineTuningSettings",
    "GeneratorSettings",
    "ImageQualitySettings",
    "MakeReaderStudySettings",
    "MemberSettings",
    "NetworkSettings",
    "OptimizationSettings",
    "PrepareDatasetSettings",
    "Preset",
    "QuantizationMode",
    "Recipe",
    "SNGANSettings",
    "StableDiffusionSettings",
    "ScoreReaderStudySettings",
    "Settings",
    "SettingsError",
    "StageSettings",
    "SynthesizeSettings",
    "TrainClassifierSettings",
    "TrainGeneratorSettings",
    "TrainLesionClassifierSettings",
    "TrainSegmenterSettings",
    "TrainSkinToneSettings",
    "TuneSettings",
    "ValidateSkinToneSettings",
    "generator_settings",
]
