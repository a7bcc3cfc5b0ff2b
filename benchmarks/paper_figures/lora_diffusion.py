"""Shabu, Ansari and Aslam (lora_diffusion)."""

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from keras_derm.catalog import of_diagnosis
from keras_derm.evaluation import UNKNOWN
from keras_derm.files import read_json
from keras_derm.report import interval_cell
from paper_figures.rows import (
    NOT_RUN,
    NOTHING,
    Row,
    history,
    kept_epoch,
    metric,
    predicted,
)

NAME = "lora_diffusion"
DATA = (
    "ISIC, 17,728 images (3,165 melanocytic, 14,563 others), 1,407 of them called V-VI"
)
ERRORS = (
    "Table 1 is the colour of the photograph: by the plain arctangent, images with a "
    "pink cast (b* < 0) count as VI. On HAM10000 97 % of its VI are bright skin.",
    "Its column Melanoma holds melanomas and nevi: 3,165 is the number of melanocytic "
    "lesions in 3.1 and Table 2.",
    "Validation and test images of Table 5's augmented model hold made ones (3.3.3): "
    "its two halves are of different images. Ours are real, and the same for both.",
    "At 18 % melanocytic, a precision of 0.82 and a recall of 0.78 of these would "
    "give an accuracy of 0.93, where 0.85 is printed: they are taken for means over "
    "both classes.",
    "2.5 announces 1,000 made images, 3.2 makes 808.",
)
TABLE_1 = {  # by ITA: melanocytic, others
    "II": (506, 4382),
    "III": (2005, 7756),
    "IV": (426, 1213),
    "V": (8, 47),
    "VI": (215, 1137),
    "undetermined": (5, 28),
}
TABLE_2 = {  # real, made
    "melanocytic": ("3,165 (223 dark)", 144),
    "not_melanocytic": ("14,563 (1,184 dark)", 664),
}
TABLE_3 = {  # max-flow, CNN on real images, CNN on real and made ones
    "jaccard": ("mean IoU", 0.75, 0.82, 0.85),
    "dice": ("Dice", 0.82, 0.88, 0.90),
    "precision": ("precision", 0.79, 0.86, 0.89),
    "recall": ("recall", 0.77, 0.84, 0.87),
    "hausdorff": ("Hausdorff, px", 16, 12, 10),
    "specificity": ("specificity", 0.86, 0.90, 0.92),
}
FINDERS = ("max_flow", "baseline", "augmented")
MILLISECONDS = (350, 120, 130)
TABLE_5 = {  # train and val of the baseline, then of the augmented model
    "loss": (0.33, 0.47, 0.15, 0.23),
    "accuracy": (0.8765, 0.8545, 0.94, 0.9214),
    "AUC": (0.988, 0.9765, 0.9725, 0.9480),
    "precision": (0.85, 0.82, 0.91, 0.89),
    "recall": (0.82, 0.78, 0.89, 0.87),
    "F-score": (0.83, 0.80, 0.90, 0.88),
}


def rows(run):
    """Tables 1 to 5, and the curves of Fig. 5."""
    return [
        *_table_1(run),
        *_table_2(run),
        *_table_3(run),
        *_table_4(run),
        *_table_5(run),
        *_fig_5(run),
    ]


def _table_1(run):
    table = run.catalog.table
    melanocytic = of_diagnosis(run.catalog, "melanocytic")
    by_rule = table.get("ita_type", pd.Series(UNKNOWN, table.index)).fillna(UNKNOWN)
    found = []
    for name, printed in TABLE_1.items():
        of_type = (by_rule == name).to_numpy(bool)
        found.append(
            Row(
                "Table 1, Fig. 4",
                f"{name} by the published rule: melanocytic, others",
                f"{printed[0]:,}, {printed[1]:,}",
                "colour, no tone",
                _both(of_type, melanocytic),
            )
        )
    labels = table[["skin_tone_label", "skin_tone_scale"]]
    for label, scale in sorted(
        labels.dropna().drop_duplicates().itertuples(index=False)
    ):
        of_label = (labels == (label, scale)).fillna(False).all(axis=1)
        found.append(
            Row(
                "Table 1",
                f"{label} by people's labels ({scale}): melanocytic, others",
                NOTHING,
                ours=_both(of_label.to_numpy(bool), melanocytic),
            )
        )
    if labels["skin_tone_label"].isna().all():
        found.append(
            Row("Table 1", "by people's labels", NOTHING, ours="the archive has none")
        )
    return found


def _both(rows, melanocytic):
    return f"{(rows & melanocytic).sum():,}, {(rows & ~melanocytic).sum():,}"


def _table_2(run):
    catalog, made = run.catalog, run.synthetic_catalog
    dark = (catalog.table["tone_group"].fillna(UNKNOWN) == "dark").to_numpy(bool)
    found = []
    for group, (real, n_made) in TABLE_2.items():
        rows = of_diagnosis(catalog, group)
        ours = f"{rows.sum():,} ({(rows & dark).sum():,} dark)"
        made_here = 0 if made is None else int(of_diagnosis(made, group).sum())
        found += [
            Row("Table 2", f"{group}: original", real, ours=ours),
            Row("Table 2", f"{group}: synthetic", f"{n_made}", ours=f"{made_here:,}"),
        ]
    return found


def _table_3(run):
    summary = None
    if run.done("evaluate_segmenter"):
        summary = pd.read_csv(run / "segmentation/summary.csv")
        summary = summary[summary["axis"] == "all"].set_index(["finder", "metric"])
    found = []
    for name, (label, *printed) in TABLE_3.items():
        for finder, value in zip(FINDERS, printed, strict=True):
            ours = NOT_RUN
            if summary is not None and (finder, name) in summary.index:
                ours = interval_cell(summary.loc[(finder, name)].to_dict())
            found.append(Row("Table 3", f"{finder}: {label}", f"{value:g}", ours=ours))
    times = {}
    if summary is not None:
        times = read_json(run / "segmentation/facts.json", None)["milliseconds"]
    for finder, value in zip(FINDERS, MILLISECONDS, strict=True):
        ours = f"{times[finder]:.0f}" if finder in times else NOT_RUN
        found.append(
            Row("Table 3", f"{finder}: ms a photograph", f"{value}", ours=ours)
        )
    return found


def _table_4(run):
    ours = NOT_RUN
    if (run / "export/cost.json").is_file():  # also of an export that was refused
        cost = read_json(run / "export/cost.json", None)
        ours = f"{cost['latency']['1']['float']['median_ms']:.0f}"
    return [
        Row("Table 4", "EfficientNet-B0: ms a photograph", "60", ours=ours),
        Row("Table 4", "a made image: seconds", "4 to 6", ours="not recorded"),
    ]


def _table_5(run):
    found = []
    arms = (("baseline", NOTHING, 0), ("augmented", "mixed with made images", 2))
    for arm, wrong, column in arms:
        ours = {split: _scores(predicted(run, arm, split)) for split in ("val", "test")}
        line = kept_epoch(run, arm)
        for name, printed in TABLE_5.items():
            in_training = {"loss": "loss", "accuracy": "accuracy"}.get(name)
            trained = NOTHING
            if in_training and line is not None:
                trained = f"{line[in_training]:.3f}"
            found += [
                Row(
                    "Table 5",
                    f"{arm}: {name}, train",
                    f"{printed[column]:g}",
                    ours=trained,
                ),
                Row(
                    "Table 5",
                    f"{arm}: {name}, val",
                    f"{printed[column + 1]:g}",
                    wrong,
                    ours["val"].get(name, NOT_RUN),
                ),
                Row(
                    "Table 5",
                    f"{arm}: {name}, test",
                    NOTHING,
                    ours=ours["test"].get(name, NOT_RUN),
                ),
            ]
        found.append(
            Row(
                "Table 5",
                f"{arm}: AUC, test, with its interval",
                NOTHING,
                ours=metric(run, arm, "auc"),
            )
        )
    return found


def _scores(found):
    """Figures of Table 5, as text, of classes and probabilities."""
    if found is None:
        return {}
    classes, probabilities = found
    called = probabilities.argmax(axis=1)
    precision, recall, f_score, _ = precision_recall_fscore_support(
        classes, called, average="macro", zero_division=0
    )
    both = len(np.unique(classes)) == 2
    auc = roc_auc_score(classes, probabilities[:, 1]) if both else float("nan")
    values = {
        "loss": log_loss(classes, probabilities, labels=[0, 1]),
        "accuracy": accuracy_score(classes, called),
        "AUC": auc,
        "precision": precision,
        "recall": recall,
        "F-score": f_score,
    }
    return {name: f"{value:.3f}" for name, value in values.items()}


def _fig_5(run):
    table = history(run, "augmented")
    known = table is not None
    curves = (
        ("training loss, first to last epoch", "0.39 to 0.15", "loss"),
        ("validation loss, first to last epoch", "near 0.23 at last", "val_loss"),
        ("validation AUC, first to last epoch", "0.856 to 0.948", "val_auc"),
    )
    found = [
        Row(
            "Fig. 5",
            f"augmented: {what}",
            printed,
            ours=f"{table[name].iloc[0]:.3f} to {table[name].iloc[-1]:.3f}"
            if known
            else NOT_RUN,
        )
        for what, printed, name in curves
    ]
    best = f"{int(kept_epoch(run, 'augmented')['epoch']) + 1}" if known else NOT_RUN
    found.append(Row("Fig. 5", "augmented: epoch that is kept", "25", ours=best))
    return found


def pictures(run):
    """Figures of the paper with the files that are their counterparts."""
    return {
        "Fig. 1 and 3, real and made images": "figures/synthetic.png",
        "Fig. 4, counts of tones": "audit.html",
        "Fig. 5, histories": "report.html, Training",
        "Table 3, outlines": "figures/segmentation_*.png",
    }
