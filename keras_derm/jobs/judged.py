"""What the stages behind an evaluation ask of it."""

import json

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


def chosen_arm(run, arm="chosen"):
    """`arm`, or where it is "chosen" the arm with the highest validation AUC.

    Raises:
        ValueError: The arm was not judged.
    """
    metrics = json.loads((run / "metrics.json").read_text())
    if arm != "chosen" and arm not in metrics["arms"]:
        raise ValueError(
            f"`arm` must be chosen or an arm that was judged, {list(metrics['arms'])}. "
            f"Received: {arm!r}"
        )
    return metrics["chosen_arm"] if arm == "chosen" else arm


def tone_rule(run):
    """Rule and thresholds by which the audit measured skin tones."""
    audit = run.settings(AuditSkinToneSettings)
    return {"rule": audit.rule, "thresholds": audit.thresholds}
