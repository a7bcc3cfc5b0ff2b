"""Provenance: data, seeds, split, machine and versions."""

from keras_derm.files import short_digest
from keras_derm.report.run_files import read_json
from keras_derm.settings import (
    AuditSkinToneSettings,
    PrepareDatasetSettings,
    TrainClassifierSettings,
    TrainGeneratorSettings,
)


def facts(run):
    """Return what the report was made from, by name."""
    environment = read_json(run / "environment.json", "run_recipe")
    licences = run.catalog.table["copyright_license"].dropna().unique()
    packages = environment["packages"]
    return {
        "data": ", ".join(run.settings(AuditSkinToneSettings).sources),
        "licence of the images": ", ".join(licences) or "not stated by the archive",
        "seed of the split": run.settings(PrepareDatasetSettings).seed,
        **_training_seeds(run),
        "split (SHA-256 of image ids and parts)": _split_digest(run.catalog),
        "machine": f"{environment['platform']}, {environment['processors']} processors",
        "versions": ", ".join(f"{name} {packages[name]}" for name in packages),
        "seconds by stage": ", ".join(f"{k} {v:.0f}" for k, v in run.seconds().items()),
    }


def _training_seeds(run):
    """Seeds of the generator and of every arm, one number where they agree."""
    seeds = {}
    if run.done("train_generator"):
        seeds["seed of the generator"] = run.settings(TrainGeneratorSettings).seed
    by_arm = {arm: run.settings(TrainClassifierSettings, arm).seed for arm in run.arms}
    if len(set(by_arm.values())) == 1:
        seeds["seed of training"] = by_arm[run.arms[0]]
    elif by_arm:
        seeds["seed of training"] = ", ".join(f"{k} {v}" for k, v in by_arm.items())
    return seeds


def _split_digest(catalog):
    """What two runs share if and only if they put the same images in the same parts."""
    rows = catalog.table[["isic_id", "split"]].astype(str).sort_values("isic_id")
    return short_digest(rows.to_csv(index=False).encode())
