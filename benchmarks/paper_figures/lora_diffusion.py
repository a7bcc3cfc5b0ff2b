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
from keras_derm.classifiers import load_classifier
from keras_derm.evaluation import UNKNOWN
from keras_derm.files import read_json
from keras_derm.report import figures, interval_cell, save_figure
from paper_figures.rows import (
    NOT_RUN,
    NOTHING,
    Row,
    history,
    kept_epoch,
    metric,
    predicted,
    said_of_what_it_learned,
)

NAME = "lora_diffusion"
DATA = (
    "ISIC, 17,728 images (3,165 melanocytic, 14,563 others), 1,407 of them called V-VI"
)
ERRORS = (
    "Table 1 is the colour of the photograph: by the plain arctangent, images with a "
    "pink cast (b* < 0) count as VI. On HAM10000 97 % of its VI are bright skin.",
    "Its column Melanoma has the 3,165 that 3.1 and Table 2 call melanocytic, "
    "melanomas and nevi, and 3.1 melanomas too: which, cannot be decided. HAM10000 "
    "alone has 6,705 nevi.",
    "Validation and test images of Table 5's augmented model hold made ones (3.3.3): "
    "its two halves are of different images. Ours are real, and the same for both.",
    "Table 5 agrees with itself by no reading. At 18 % melanocytic, a precision of "
    "0.82 and a recall of 0.78 of these give an accuracy of 0.93, where 0.85 is "
    "printed; as means over both classes, that accuracy and recall leave a precision "
    "of 0.75. Ours are means over both classes.",
    "Nor does Table 3: a Dice per image is at most the mean of precision and recall, "
    "so that its mean is at most 0.78, 0.85 and 0.88, where 0.82, 0.88 and 0.90 are "
    "printed; of pooled pixels it is 0.78, 0.85 and 0.88.",
    "3.3.3 gives EfficientNet-B0 with its head 5.3 million parameters, which it has "
    "with ImageNet's 1,000 classes, and 4 million that learn once all are unfrozen.",
    "1 speaks of nearly doubling dark images: 808 beside 1,407 are 57 % more.",
    "2.5 announces 1,000 made images, 3.2 makes 808.",
)
TABLE_1 = {  # by ITA: melanocytic, others; type I has no line
    "I": None,
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
    "hausdorff": ("Hausdorff, px (ours of the photograph)", 16, 12, 10),
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
    """Tables 1 to 5, the parameters of 3.3.3, and the curves of Fig. 5."""
    return [
        *_table_1(run),
        *_table_2(run),
        *_table_3(run),
        *_table_4(run),
        *_parameters(run),
        *_table_5(run),
        *_fig_5(run),
    ]


def _table_1(run):
    table = run.catalog.table
    melanocytic = of_diagnosis(run.catalog, "melanocytic")
    found = []
    for name, printed in TABLE_1.items():
        of_type = _of_type(run, name)
        found.append(
            Row(
                "Table 1, Fig. 4",
                f"{name} by the published rule: melanocytic, others",
                NOTHING if printed is None else f"{printed[0]:,}, {printed[1]:,}",
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


def _of_type(run, name):
    """Whether the rule of the audit, the published one, calls each image so."""
    table = run.catalog.table
    by_rule = table.get("ita_type", pd.Series(UNKNOWN, table.index))
    return (by_rule.fillna(UNKNOWN) == name).to_numpy(bool)


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
    n_made = 0 if made is None else len(made)
    ours = f"{len(catalog):,} + {n_made:,} = {len(catalog) + n_made:,}"
    found.append(Row("Table 2", "all", "17,728 + 808 = 18,536", ours=ours))
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
        Row("Table 4", "a made image: seconds", "4 to 6", ours=_seconds_an_image(run)),
    ]


def _seconds_an_image(run):
    """How long the generator of the run took to make an image, as text."""
    path = run / "synthesis.json"
    said = read_json(path, None) if path.is_file() else {}
    seconds = said.get("seconds_an_image")
    return NOT_RUN if seconds is None else f"{seconds:.2g}"


def _parameters(run):
    """How many weights the classifier has, with its head of 512 units."""
    path = run.arm("baseline") / "ensemble.keras"
    ours = [NOT_RUN] * 2
    if "baseline" in run.arms and path.is_file():
        model = load_classifier(path)
        learning = sum(
            weight.shape.num_elements() for weight in model.trainable_weights
        )
        ours = [f"{n / 1e6:.2f} million" for n in (model.count_params(), learning)]
    printed = (
        ("parameters", "about 5.3 million"),
        ("parameters that learn", "4 million"),
    )
    return [
        Row("3.3.3", what, said, ours=each)
        for (what, said), each in zip(printed, ours, strict=True)
    ]


def _table_5(run):
    """Of training images too, which tell nothing of the arm but that it learned."""
    found = []
    arms = (("baseline", NOTHING, 0), ("augmented", "mixed with made images", 2))
    for arm, wrong, column in arms:
        learned = said_of_what_it_learned(run, arm)
        train = {part: _scores(said) for part, said in learned.items()}
        held_out = {}
        for split in ("val", "test"):
            said = predicted(run, arm, split)
            held_out[split] = {} if said is None else _scores(said[1:])
        for name, printed in TABLE_5.items():
            found += [
                Row(
                    "Table 5",
                    f"{arm}: {name}, train",
                    f"{printed[column]:g}",
                    "seen in training" if wrong == NOTHING else wrong,
                    _of_parts(train, name),
                ),
                Row(
                    "Table 5",
                    f"{arm}: {name}, val",
                    f"{printed[column + 1]:g}",
                    wrong,
                    held_out["val"].get(name, NOT_RUN),
                ),
                Row(
                    "Table 5",
                    f"{arm}: {name}, test",
                    NOTHING,
                    ours=held_out["test"].get(name, NOT_RUN),
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


def _of_parts(scores, name):
    """A figure of real training images and, apart from it, of made ones, as text."""
    if not scores:
        return NOT_RUN
    if set(scores) == {"real"}:
        return scores["real"][name]
    return ", ".join(f"{part} {scores[part][name]}" for part in scores)


def _scores(found):
    """Figures of Table 5, as text, of classes and probabilities."""
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
        "Fig. 1, images of the data set": "figures/preparation.png",
        "Fig. 3, made images": "figures/synthetic*.png",
        "Fig. 4, counts of tones": _tones(run),
        "Fig. 5, histories": "report.html, Training",
        "Table 3, outlines": "figures/segmentation_*.png",
    }


def _tones(run):
    """Draw Table 1 by the published rule, on a logarithmic axis as in the paper."""
    melanocytic = of_diagnosis(run.catalog, "melanocytic")
    counts = pd.DataFrame(
        {
            "melanocytic": [(_of_type(run, t) & melanocytic).sum() for t in TABLE_1],
            "others": [(_of_type(run, t) & ~melanocytic).sum() for t in TABLE_1],
        },
        index=pd.Index(list(TABLE_1), name="Type by the ITA of the photograph"),
    )
    title = "Colour of the photographs by the published rule"
    save_figure(run, "tones_by_rule", figures.class_bars(counts, title, log=True))
    return "figures/tones_by_rule.png"
