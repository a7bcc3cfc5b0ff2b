"""What the stages behind an evaluation ask of it."""

from keras_derm.catalog import get_task
from keras_derm.settings import (
    AuditSkinToneSettings,
    EvaluateSettings,
    TrainClassifierSettings,
)


def judged_task(run):
    """The task of an evaluated run, with the classes that its training images have."""
    settings = run.settings(EvaluateSettings)
    name = settings.task
    if not settings.predictions:
        name = run.settings(TrainClassifierSettings, settings.reference).task
    return get_task(name).present_in(run.catalog.split("train"))


def colour_rule(run):
    """Rule and thresholds by which the audit measured the photographs' ITA."""
    audit = run.settings(AuditSkinToneSettings)
    return {"rule": audit.rule, "thresholds": audit.thresholds}
