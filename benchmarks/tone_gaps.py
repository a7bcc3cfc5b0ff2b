"""Gaps of a linear probe between tones of skin, raw and with one mix of diagnoses.

The probe is logistic regression of melanoma on frozen features of ImageNet's
MobileNetV2 (those of skin_tone_probe.py), fitted on four fifths of the lesions of
MILK10k and judged on the last fifth, five times over, so that every lesion is judged
once by a model that did not see it. The archive's classes of tone (0 very dark, 5 very
light) are joined to three groups. Of these is printed who is in each, the gaps as the
report gives them, and the AUC against nevi alone, beside which the raw one shows how
much of it is who is compared with whom.

Usage: python benchmarks/tone_gaps.py --data milk10k:/data/milk10k
       --weights mobilenet_v2_notop.weights.h5
"""

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from skin_tone_probe import features
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_derm.catalog import get_task
from keras_derm.evaluation import describe_gap, evaluate, inputs_from_catalog
from keras_derm.files import write_csv
from keras_derm.readers import read_data_source
from keras_derm.report import interval_cell

GROUPS = {"0": "0-2", "1": "0-2", "2": "0-2", "3": "3", "4": "4-5", "5": "4-5"}
VARIABLE = "tone class"
SHOWN = ("auc", "sensitivity", "specificity")


def probabilities(catalog, truth, weights, side, folds, seed):
    """Return what models that did not see a lesion say of it, (n, 2)."""
    values = features(catalog, weights, side)
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1e-3, class_weight="balanced", max_iter=2000),
    )
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    lesions = catalog.table["lesion_id"].to_numpy()
    return cross_val_predict(
        model, values, truth, groups=lesions, cv=parts, method="predict_proba"
    )


def show(title, found):
    """Print the AUC of each group and its gaps, raw and with one mix."""
    print(f"\n{title}")
    for stratum in found.strata:
        area = stratum["metrics"]["auc"]
        print(
            f"  {stratum['stratum']} {stratum['value']}: {stratum['n']:,} images, "
            f"{stratum['n_positive']:,} melanomas, AUC {interval_cell(area, '', '', 2)}"
        )
    for gap in found.gaps:
        if gap["metric"] in SHOWN:
            print(f"- {VARIABLE} {gap['group']} beside {gap['beside']}:")
            print(f"  {describe_gap(gap)} [{gap['levels']}; worth {_worth(gap)}]")


def _worth(gap):
    """Lesions of both groups as they count once weighed."""
    return f"{gap['n_effective']:.0f} and {gap['n_effective_beside']:.0f} lesions"


def main(
    data: str,
    weights: str,
    side: int = 128,
    folds: int = 5,
    n_replicates: int = 2000,
    seed: int = 0,
    output: str | None = None,
) -> None:
    """Judge a linear probe on MILK10k's dermoscopy by class of tone.

    Args:
        data: Data source of MILK10k.
        weights: ImageNet weights of MobileNetV2 without its top.
        side: Side of the images in pixels.
        folds: Parts of the lesions, of which each is judged by the others.
        n_replicates: Bootstrap replicates; lesions are drawn.
        seed: Of the folds and of the bootstrap.
        output: Csv for all gaps.
    """
    catalog = read_data_source(data).where(image_type="dermoscopic")
    task = get_task("melanoma")
    known = task.covers(catalog) & catalog.table["skin_tone_label"].notna()
    catalog = catalog.where(known.to_numpy())
    inputs = inputs_from_catalog(catalog, task)
    table = catalog.table
    group = table["skin_tone_label"].map(GROUPS).to_numpy(dtype=object)
    diagnosis = table["diagnosis"].to_numpy()
    print(pd.crosstab(group, diagnosis, rownames=[VARIABLE], colnames=["diagnosis"]))
    y_prob = probabilities(catalog, inputs["y_true"], weights, side, folds, seed)
    drawn = {"n_replicates": n_replicates, "seed": seed}
    given = inputs | {"strata": {VARIABLE: group}}
    found = evaluate(y_prob=y_prob, **given, **drawn)
    show("Melanoma against everything else", found)
    if output is not None:
        write_csv(output, pd.DataFrame(found.gaps))
    melanocytic = table["diagnosis"].isin(["MEL", "NV"]).to_numpy()
    given = {name: _rows(value, melanocytic) for name, value in given.items()}
    show(
        "Melanoma against nevi", evaluate(y_prob=y_prob[melanocytic], **given, **drawn)
    )


def _rows(value, chosen):
    """The chosen images of an array, or of each in a dict; names stay."""
    if isinstance(value, dict):
        return {name: each[chosen] for name, each in value.items()}
    return value[chosen] if isinstance(value, np.ndarray) else value


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
