"""A small run as the report reads it: its files, and what a `RunDirectory` says."""

import dataclasses

import pandas as pd

from keras_derm.catalog import Catalog
from keras_derm.evaluation import GAP_COLUMNS
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.audit_skin_tone import tone_sources
from keras_derm.report.html import Callout, Table, Text
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    AuditSkinToneSettings,
    EvaluateSettings,
    ExplainSettings,
    ExportTfliteSettings,
    ImageQualitySettings,
    MemberSettings,
    PrepareDatasetSettings,
    SynthesizeSettings,
    TrainClassifierSettings,
    TrainGeneratorSettings,
)
from keras_derm.skin_tone import colour_table, tone_table

MEMBERS = (MemberSettings("ResNet50"), MemberSettings("MobileNetV2"))
METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "macro_auc": "macro AUC",
    "sensitivity": "MEL sensitivity",
    "specificity": "MEL specificity",
    "sensitivity_at_90": "MEL sensitivity at the threshold for 90 %",
    "false_negatives_at_90": "missed MEL at the threshold for 90 %",
}
STRATA = (  # variable, value, images, and whether they are enough
    ("all", "all", 200, True),
    ("tone_group", "light", 120, True),
    ("tone_group", "medium", 0, False),
    ("tone_group", "dark", 4, False),
    ("tone_group", "unknown", 76, True),
    ("photograph_colour", "ITA 41° and over", 150, True),
    ("photograph_colour", "ITA under 10°", 3, False),
    ("sex", "female", 90, True),
)

TOO_FEW = {"raw_reason": "too few to judge: 1 patient"}
TOO_FEW |= {"standardised_reason": TOO_FEW["raw_reason"]}
TONE_GAPS = [
    {"stratum": "tone_group", "group": group, "beside": "light"}
    | {"metric": metric, "label": label, "counted": counted, "n_lesions": n}
    | {"n_lesions_beside": 24, **TOO_FEW, "power_from": "spread of light"}
    | {"n_needed": 1256, "needed_in": "each of the two"}
    for group, n in (("medium", 0), ("dark", 1))
    for metric, label, counted in (
        ("auc", "MEL AUC", "MEL"),
        ("sensitivity", "MEL sensitivity", "MEL"),
        ("specificity", "MEL specificity", "non-MEL"),
    )
]
"""Of tones of which one has no images and one too few: both arms alike."""

SEX_GAP = {
    "stratum": "sex",
    "group": "male",
    "beside": "female",
    "metric": "auc",
    "label": "MEL AUC",
    "counted": "MEL",
    "n_lesions": 18,
    "n_lesions_beside": 22,
    "raw_group": 0.7,
    "raw_beside": 0.86,
    "raw": -0.16,
    "raw_low": -0.24,
    "raw_high": -0.08,
    "standardised_group": 0.79,
    "standardised_beside": 0.81,
    "standardised": -0.02,
    "standardised_low": -0.12,
    "standardised_high": 0.08,
    "p_value": 0.7,
    "p_adjusted": 0.7,
    "n_effective": 11.5,
    "n_effective_beside": 20.1,
    "mix": "diagnosis, site, age band",
    "left_out": "VASC",
    "power_from": "standardised",
    "smallest_gap": 0.14,
    "n_needed": 160,
    "needed_in": "each of the two",
}


def write_run(path, arms, predictions=None):
    """Write a run in which every stage is finished.

    Args:
        path: Folder of the run.
        arms: Names of the arms; the first is the reference.
        predictions: Dict from arm to csv, where nothing was trained here.

    Returns:
        `RunDirectory`.
    """
    run = RunDirectory(path)
    write_catalog(path)
    finish(run, AuditSkinToneSettings("ham10000:/data/HAM10000"), seconds=12.4)
    finish(run, PrepareDatasetSettings(seed=3))
    finish(
        run,
        TrainGeneratorSettings(image_size=64, n_steps=100, steps_per_epoch=50, seed=5),
    )
    finish(run, SynthesizeSettings())
    finish(run, ImageQualitySettings())
    if not predictions:
        for arm in arms:
            weights = {"ResNet50": "imagenet"}
            finish(run, TrainClassifierSettings(arm, MEMBERS, weights=weights, seed=7))
            write_arm(run, arm)
    finish(run, EvaluateSettings(predictions=predictions))
    write_metrics(run, arms, predictions)
    finish(run, ExplainSettings())
    finish(run, ExportTfliteSettings())
    return run


def finish(run, settings, seconds=1.0):
    """Leave the record of a finished stage."""
    Record(settings).write(run.record(settings.record), seconds)


def undo(run, *stages):
    """Have stages not done."""
    for stage in stages:
        run.record(stage).unlink()


def change_arm(run, arm, **settings):
    """Have an arm trained with other settings."""
    trained = run.settings(TrainClassifierSettings, arm)
    finish(run, dataclasses.replace(trained, **settings))


def write_catalog(path):
    """Eight photographs of eight patients: four in train, two in val, two in test."""
    (path / "a.jpg").write_bytes(b"")
    table = pd.DataFrame(
        {
            "isic_id": [f"ISIC_{i}" for i in range(8)],
            "path": "a.jpg",
            "diagnosis": ["MEL", "NV"] * 4,
            "patient_id": [f"P{i}" for i in range(8)],
            "skin_tone_label": ["I", "II", "II", "VI", "II", "V", "II", None],
            "skin_tone_scale": ["fitzpatrick"] * 7 + [None],
            "ita": [60.0, 50.0, 45.0, -40.0, 50.0, -10.0, 50.0, None],
            "ita_type": ["I", "II", "II", "VI", "II", "V", "II", "undetermined"],
            "ita_reason": [""] * 7 + ["no skin: 12 pixels"],
            "split": ["train"] * 4 + ["val"] * 2 + ["test"] * 2,
            "copyright_license": "CC-BY-NC",
        }
    )
    Catalog(table, path).save(path / "catalog.csv")


def write_audit(run):
    catalog = run.catalog
    for name, counts in (
        ("tone_by_diagnosis", tone_table(catalog)),
        ("colour_by_diagnosis", colour_table(catalog)),
        ("tone_sources", tone_sources(catalog)),
    ):
        write_csv(run / f"audit/{name}.csv", counts, index=True)
    write_json(run / "audit/estimators.json", [])
    disagreement = {
        "both_determined": 1000,
        "disagree": 300,
        "published_dark": 40,
        "published_dark_but_bright": 39,
        "default_dark": 2,
    }
    write_json(run / "audit/rule_disagreement.json", disagreement)
    casts = pd.DataFrame({"cast": ["warmer"], "images": [0]})
    write_csv(run / "audit/cast_sensitivity.csv", casts)


def number(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "reason": ""}


def value_of(arm, arms):
    """0.80 for the reference, 0.02 more for each arm after it."""
    return 0.8 + 0.02 * list(arms).index(arm)


def write_metrics(run, arms, predictions):
    reference, *others = arms
    write_json(
        run / "metrics.json",
        {
            "reference": reference,
            "positive": "MEL",
            "arms": {
                arm: {
                    "strata": [
                        {
                            "n": 200,
                            "metrics": dict.fromkeys(
                                METRICS, number(value_of(arm, arms))
                            ),
                        }
                    ],
                    "operating_points": {"0.9": 0.25, "0.95": 0.125},
                }
                for arm in arms
            },
            "n_seeds": dict.fromkeys(arms, 1),
            "tests": {
                arm: {
                    "mcnemar": {"only_reference": 4, "only_arm": 9, "p_value": 0.267},
                    "delong": {"difference": 0.02, "low": -0.01, "high": 0.05}
                    | {"p_value": 0.19},
                }
                for arm in others
            },
            "verdicts": {arm: f"No change by {arm}." for arm in others},
            "verdict": "No measurable difference. One seed was trained for each arm.",
            "tone_sources": "Tone of the skin: light: 120 by people's labels.",
            "predictions": predictions,
            "members": {
                arm: {
                    "ensemble": dict.fromkeys(METRICS, number(value_of(arm, arms))),
                    "resnet50_224": dict.fromkeys(METRICS, number(0.7)),
                }
                for arm in arms
            },
            "temperature": {
                arm: {
                    "temperature": 1.5,
                    "expected_calibration_error": 0.08,
                    "expected_calibration_error_scaled": 0.03,
                }
                for arm in arms
            },
            "chosen_arm": arms[-1],
        },
    )
    write_csv(run / "metrics.csv", long_table(arms))
    rows = [{"arm": arm} | gap for arm in arms for gap in (*TONE_GAPS, SEX_GAP)]
    write_csv(run / "gaps.csv", pd.DataFrame(rows, columns=["arm", *GAP_COLUMNS]))


def long_table(arms):
    """What `Comparison.table` gives: a row for each arm, stratum and metric."""
    rows = []
    for arm in arms:
        change = value_of(arm, arms) - 0.8
        for variable, value, n, judged in STRATA:
            for metric, label in METRICS.items():
                row = {"arm": arm, "n_seeds": 1, "stratum": variable}
                row |= {"value_of_stratum": value, "n": n, "n_positive": n // 5}
                row |= {"n_classes": 2, "judged": judged, "metric": metric}
                row |= {"label": label, "p_value": 0.5, "p_adjusted": 1.0}
                for quantity, middle in (
                    ("reference", 0.8),
                    ("value", 0.8 + change),
                    ("difference", change if arm != arms[0] else None),
                ):
                    known = middle is not None
                    row[quantity] = middle
                    row[f"{quantity}_low"] = middle - 0.05 if known else None
                    row[f"{quantity}_high"] = middle + 0.05 if known else None
                row["reason"] = "" if judged else "too few to judge: 1 patient"
                rows.append(row)
    return pd.DataFrame(rows)


def write_arm(run, arm):
    described = {"members": ["ResNet50", "MobileNetV2"], "n_real": 4}
    described |= {"n_synthetic": 12 if arm == "augmented" else 0}
    described |= {"n_copies": 20 if arm.startswith("copies") else 0}
    write_json(run.arm(arm) / "ensemble.json", described)
    history = pd.DataFrame(
        {"epoch": [0, 1], "loss": [2.0, 1.0], "accuracy": [0.3, 0.5]}
    )
    history = history.assign(val_loss=history["loss"], val_accuracy=0.4)
    for member in ("mobilenetv2_224", "resnet50_224"):
        write_csv(run.arm(arm) / member / "history.csv", history)


def words(section):
    """Everything that a section says, but for what stands in its figures."""
    said = [section.title, section.lead]
    for block in section.blocks:
        if isinstance(block, (Text, Callout)):
            said.append(block.text)
        elif isinstance(block, Table):
            said += [block.caption, block.note, *block.header]
            said += [cell for row in block.rows for cell in row]
        else:
            said += [block.alt, block.caption]
    return "\n".join(said)


def table(section, caption):
    """The frame of the table whose caption begins so."""
    (found,) = [
        block.frame
        for block in section.blocks
        if isinstance(block, Table) and block.caption.startswith(caption)
    ]
    return found
