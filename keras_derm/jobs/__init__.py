"""One function per app; each reads and writes a run directory."""

from keras_derm.jobs.audit_skin_tone import audit_skin_tone
from keras_derm.jobs.command_line import command_line
from keras_derm.jobs.compare import compare
from keras_derm.jobs.evaluate import evaluate
from keras_derm.jobs.explain import explain
from keras_derm.jobs.export_tflite import export_tflite
from keras_derm.jobs.image_quality import image_quality
from keras_derm.jobs.predict import predict
from keras_derm.jobs.prepare_dataset import prepare_dataset
from keras_derm.jobs.report import report
from keras_derm.jobs.run_recipe import run_recipe
from keras_derm.jobs.synthesize import synthesize
from keras_derm.jobs.train_classifier import (
    Member,
    Optimization,
    train_classifier,
)
from keras_derm.jobs.train_generator import train_generator
from keras_derm.jobs.tune import tune

__all__ = [
    "Member",
    "Optimization",
    "audit_skin_tone",
    "command_line",
    "compare",
    "evaluate",
    "explain",
    "export_tflite",
    "image_quality",
    "predict",
    "prepare_dataset",
    "report",
    "run_recipe",
    "synthesize",
    "train_classifier",
    "train_generator",
    "tune",
]
