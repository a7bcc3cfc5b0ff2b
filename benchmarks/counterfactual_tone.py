"""What melanin added and removed does to a classifier, and how right that is.

Two tables: the photographs of an archive that the model did not learn from, and
phantoms, with the same photographs truly rendered under other melanin beside them. It
is a model's sensitivity to a simulated change of colour, not a statement about people.

Usage: python benchmarks/counterfactual_tone.py --data ham10000:PATH
"""

import json
import tempfile
from pathlib import Path

import pandas as pd
from jsonargparse import auto_cli

from keras_derm.jobs import run_stage
from keras_derm.report.sections.counterfactual_tone import (
    agreement_table,
    effects_table,
)

SAVED = Path(__file__).resolve().parents[1] / "saved_models"


def tell(run):
    """Print what the stage has left in a run, and return its summary."""
    folder = Path(run) / "counterfactual_tone"
    told = json.loads((folder / "summary.json").read_text())
    name, zero = told["positive"], told["zero"]
    print(
        f"\n{told['origin']} {told['n']:,} photographs; threshold {told['threshold']}"
    )
    print(f"control of no change: {zero['n_renamed']} of {zero['n']} named otherwise")
    effects = pd.read_csv(folder / "effects.csv")
    print(effects_table(effects, name).to_string(index=False))
    if (folder / "agreement.csv").is_file():
        agreement = pd.read_csv(folder / "agreement.csv")
        for step in sorted(set(agreement["step"]) - {0.0}):
            print(f"\nbeside the true renderings, at {step:+.0f} degrees")
            table = agreement_table(agreement, step, name)
            print(table.to_string(index=False))
    return told


def main(
    data: str | None = None,
    model: str = str(SAVED / "ham10000_mobilenetv2.tflite"),
    split_file: str = str(SAVED / "ham10000_split.csv"),
    n: int = 300,
    phantoms: str = "phantom:n=80,seed=23,size=128,tones=balanced",
    threshold: float | None = None,
    output: str | None = None,
    seed: int = 0,
) -> None:
    """Ask a model about photographs and phantoms with melanin added and removed.

    Args:
        data: Data source of the archive that the model learned from; phantoms alone
            where it is not given.
        model: An exported .tflite or an ensemble.keras.
        split_file: What of that archive the model learned from.
        n: Most photographs of it.
        phantoms: Data source of the phantoms.
        threshold: Probability from which melanoma is called; by default fitted on the
            archive's val, and none without the archive.
        output: Folder for both pages and all figures; a temporary one by default.
        seed: Of the draw of photographs and of the bootstrap.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(output or temporary)
        both = {"model": model, "seed": seed}
        if data is not None:
            run = folder / "archive"
            own = {"data": data, "split_file": split_file, "n_photographs": n}
            run_stage("counterfactual_tone", run, threshold=threshold, **own, **both)
            threshold = tell(run)["threshold"]
        run = folder / "phantoms"
        own = {"data": phantoms, "steps": [-45, -30, -15, 15], "threshold": threshold}
        run_stage("counterfactual_tone", run, **own, **both)
        tell(run)


if __name__ == "__main__":
    auto_cli(main)
