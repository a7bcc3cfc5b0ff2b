"""Train classifiers of lesions on one photograph, on both, and with a table."""

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_derm.catalog import get_task
from keras_derm.classifiers import (
    IMAGE_INPUTS,
    LesionExamples,
    check_weights,
    fit_decision_exponent,
    predict_lesions,
    remove_features,
    remove_states,
    times_frequencies,
    train_lesion_network,
    train_lesion_probe,
)
from keras_derm.evaluation import predictions_to_csv
from keras_derm.files import atomic_path, write_json
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import Stage
from keras_derm.settings import (
    LESION_ARMS,
    PrepareDatasetSettings,
    TrainLesionClassifierSettings,
)


class TrainLesionClassifier(Stage):
    """Train the classifiers of lesions, and have them predict val and test.

    Example:
        >>> run_stage("train_lesion_classifier", "runs/milk10k", arms=["both"])
    """

    Settings = TrainLesionClassifierSettings
    after = ("prepare_dataset",)
    writes = ("lesions",)
    keeps = ("lesions/*/model.keras", "lesions/*/*.json", "lesions/*/predictions/*.csv")

    def check(self):
        networks = self.settings.probed_networks
        for backbone in [one.backbone for one in networks] or [self.settings.backbone]:
            check_weights(backbone, self.settings.weights)
        if self.run.done("prepare_dataset"):  # else the stage says so
            examples = self._examples(prepared=None)
            _check_inputs(examples.lesions, self.settings.arms)

    def make(self):
        examples = self._examples(PreparedImages.load(self.run.prepared_real))
        _tell(examples)
        preset = self.run.settings(PrepareDatasetSettings).preset
        for arm in self.settings.arms:
            folder = self.run.lesions(arm)
            train_lesion_arm(arm, examples, self.settings, folder, preset)
        # A run that is stopped needs those of all.
        remove_states(self.run / "lesions")
        remove_features(self.run / "lesions")

    def _examples(self, prepared):
        return lesion_examples(self.run.catalog, prepared, self.settings)


def lesion_examples(catalog, prepared, settings):
    """What the classifiers of lesions learn from.

    Args:
        catalog: `Catalog` of a run.
        prepared: `PreparedImages` of it, or None to look at the lesions alone.
        settings: `TrainLesionClassifierSettings`.

    Returns:
        `LesionExamples`.
    """
    with_table = "both_and_table" in settings.arms
    return LesionExamples.of(
        catalog,
        get_task(settings.task),
        prepared,
        settings.columns if with_table else (),
        settings.photograph_columns if with_table else (),
    )


def train_lesion_arm(arm, examples, settings, folder, preset):
    """Train one arm, and write what it says of val and test.

    Args:
        arm: One of `LESION_ARMS`.
        examples: `LesionExamples`.
        settings: `TrainLesionClassifierSettings`.
        folder: Folder of the arm.
        preset: Name of the chain by which the photographs were prepared.
    """
    inputs = LESION_ARMS[arm]
    keras.backend.clear_session()
    print(f"{arm}: {len(examples.split('train')):,} lesions", flush=True)
    parts = {split: examples.split(split) for split in ("train", "val", "test")}
    if settings.probed_networks:
        of_all_arms = folder.parent
        model, predicted = train_lesion_probe(examples, settings, inputs, of_all_arms)
        with atomic_path(folder / "model.keras") as temporary:
            model.save(temporary)
    else:
        model = train_lesion_network(examples, settings, inputs, folder)
        predicted = {
            split: predict_lesions(model, parts[split], inputs, flips=settings.flips)
            for split in ("val", "test")
        }
    n_classes = len(examples.task.classes)
    counts = np.bincount(parts["train"].targets, minlength=n_classes)
    exponent = 0.0
    if settings.decision == "macro_f1":
        found = parts["val"].targets, predicted["val"]
        exponent = fit_decision_exponent(*found, counts)
    write_json(
        folder / "lesion_classifier.json",
        {
            "classes": examples.task.classes,
            "inputs": inputs,
            "image_size": list(examples.prepared.image_size),
            "preset": preset,
            "table": None if "table" not in inputs else examples.table.to_dict(),
            "frequencies": (counts / counts.sum()).tolist(),
            "decision_exponent": exponent,
            "flips": settings.flips,
            "n_train": int(counts.sum()),
        },
    )
    for split, y_prob in predicted.items():
        predictions_to_csv(
            folder / f"predictions/ensemble_{split}.csv",
            parts[split].lesions.catalog,
            times_frequencies(y_prob, counts, exponent),
            examples.task.classes,
        )


def _check_inputs(lesions, arms):
    """Refuse arms of photographs that no training lesion has."""
    inputs = {name for arm in arms for name in LESION_ARMS[arm]}
    rows = lesions.split("train").rows
    lacking = [
        image_type
        for name, image_type in IMAGE_INPUTS.items()
        if name in inputs and (rows[image_type] < 0).all()
    ]
    if lacking:
        raise ValueError(
            f"no training lesion has a photograph of the type {' or '.join(lacking)}: "
            "audit the archive with both types (audit_skin_tone.py --image_types). "
            f"Received: arms {', '.join(arms)}"
        )


def _tell(examples):
    """Print how many lesions of each class there are, and what they lack."""
    shown = Table(title="Lesions", title_justify="left")
    for name in ("class", "train", "val", "test"):
        shown.add_column(name, justify="left" if name == "class" else "right")
    counts = {
        split: np.bincount(
            examples.split(split).targets, minlength=len(examples.task.classes)
        )
        for split in ("train", "val", "test")
    }
    for place, name in enumerate(examples.task.classes):
        shown.add_row(name, *(f"{one[place]:,}" for one in counts.values()))
    Console().print(shown)
    for name, rows in examples.lesions.rows.items():
        if (rows < 0).any():
            print(f"{(rows < 0).sum():,} lesions have no photograph {name}")
