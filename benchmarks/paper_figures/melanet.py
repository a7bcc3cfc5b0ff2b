"""Zunair and Ben Hamza (melanet)."""

import numpy as np
from rich.progress import track

from keras_derm import explain
from keras_derm.classifiers import load_classifier, predict_probabilities
from keras_derm.pipeline import PreparedImages, image_dataset
from keras_derm.report import figures, save_figure
from paper_figures.rows import NOT_RUN, NOTHING, Row, metric, predicted

NAME = "melanet"
DATA = "ISIC 2016, 900 training images (727 benign, 173 malignant) and 379 test images"
ERRORS = (
    "Table 1 prints TN / (TN + FN) as sensitivity, though equation 8 is TP / (TP + "
    "FN): it is the negative predictive value. Corrected figures follow from it, from "
    "FN and from the 304 benign and 75 malignant test images.",
    "Rate, end and weights were chosen by the loss on the test set (published code).",
    "Made images were stretched to the full range and real ones were not (published "
    "code): the range of values gave the class away.",
    "Section 3 gives 99000 training images for 10 copies of each of 900: they are "
    "9,900 with the originals.",
    "The conclusion's gain of 0.78 % is that in AUC over Gutman et al.; its 13.10 % "
    "follows from no figure of Table 1. Section 3.1 gives 7.3 and 2.1 points over "
    "VGG-GAP.",
    "Its published code weighs classes beside the focal loss, and its notebook of the "
    "CycleGAN has 100 epochs, where the text has 500.",
)
N_BENIGN, N_MALIGNANT = 304, 75
ARMS = {  # of the recipe: name, and AUC, "sensitivity" and FN of Table 1
    "baseline": ("VGG-GAP", 0.7908, 0.8446, 55),
    "copies_5x": ("Augment-5x", 0.7881, 0.8534, 51),
    "copies_10x": ("Augment-10x", 0.7956, 0.8609, 47),
    "augmented": ("MelaNet", 0.8118, 0.9176, 22),
}
N_SHOWN = 4
N_MADE_JUDGED = 10
"""Synthesised images of the discussion in section 3.1."""


def corrected(npv, n_missed, n_malignant=N_MALIGNANT, n_benign=N_BENIGN):
    """Sensitivity and specificity behind a negative predictive value.

    Args:
        npv: TN / (TN + FN), rounded as printed.
        n_missed: FN.
        n_malignant, n_benign: Test images.

    Returns:
        Two floats; the number of true negatives is the whole number nearest to what the
        NPV gives.
    """
    right = min(n_benign, round(npv * n_missed / (1 - npv)))
    return 1 - n_missed / n_malignant, right / n_benign


OTHERS = (  # of Table 1: AUC and sensitivity that it takes from other papers
    ("Gutman et al.", "0.8040", "0.5070"),
    ("Yu et al., without segmentation", "0.7820", "0.4270"),
    ("Yu et al., with segmentation", "0.7830", "0.5470"),
)


def rows(run):
    """Table 1, what each arm learned from, and the groups of section 3.1."""
    found = [
        Row("Table 1", f"{name}: {what}", printed, ours="another system")
        for name, *figures_ in OTHERS
        for what, printed in zip(("AUC", "sensitivity"), figures_, strict=True)
    ]
    found += _images(run)
    for arm, (name, auc, printed, n_missed) in ARMS.items():
        sensitivity, specificity = corrected(printed, n_missed)
        found += [
            Row("Table 1", f"{name}: AUC", f"{auc:.4f}", ours=metric(run, arm, "auc")),
            Row(
                "Table 1",
                f'{name}: "sensitivity", which is the NPV',
                f"{printed:.4f}",
                "is the NPV",
                f"NPV {metric(run, arm, 'npv')}",
            ),
            Row(
                "Equation 8",
                f"{name}: sensitivity TP / (TP + FN)",
                NOTHING,
                f"{sensitivity:.3f}",
                metric(run, arm, "sensitivity"),
            ),
            Row(
                "Fig. 6",
                f"{name}: specificity",
                NOTHING,
                f"{specificity:.3f}",
                metric(run, arm, "specificity"),
            ),
            Row(
                "Table 1, Fig. 5",
                f"{name}: FN",
                f"{n_missed} of {N_MALIGNANT}",
                ours=metric(run, arm, "false_negatives", 0),
            ),
        ]
    for arm in ("copies_5x_code", "copies_10x_code"):
        if arm in run.arms:
            found.append(
                Row(
                    "published code",
                    f"{arm}: AUC, with the code's flips and turns alone",
                    NOTHING,
                    ours=metric(run, arm, "auc"),
                )
            )
    groups = group_scores(run)
    for group, sensitivity, f_score in (("benign", 0.89, 0.94), ("made", 1.0, 0.21)):
        ours = groups and groups[group]
        for what, printed in (("sensitivity", sensitivity), ("F-score", f_score)):
            found.append(
                Row(
                    "3.1, Discussion",
                    f"MelaNet: {what} of the {group} training images",
                    f"{printed:.2f}",
                    "seen in training",
                    NOT_RUN if not ours else f"{ours[what]:.3f} of {ours['n']}",
                )
            )
    return found


def _images(run):
    """Rows of how many images the arms learn from; val is a part of the paper's 900."""
    n_real = len(run.catalog.split("train"))
    made = run.synthetic_catalog
    counts = (
        ("images of VGG-GAP", 900, NOTHING, n_real),
        ("images of Augment-5x", 5400, NOTHING, 6 * n_real),
        ("images of Augment-10x", 99000, "9,900", 11 * n_real),
        ("made images", 727, NOTHING, 0 if made is None else len(made)),
    )
    return [
        Row("3, Dataset", what, f"{printed:,}", corrected_, f"{ours:,}")
        for what, printed, corrected_, ours in counts
    ]


def group_scores(run, arm="augmented"):
    """How an arm calls benign training images, and images made for training.

    Both were trained on: it is no judgement, and stands here because the paper gives
    it. As there, all benign images are judged beside 10 of those made.

    Returns:
        Dict from "benign" and "made" to `sensitivity` (the share that is called what it
        is), `F-score` and `n`; None where the arm or made images are missing.
    """
    if arm not in run.arms or run.synthetic_catalog is None:
        return None
    train = run.catalog.split("train")
    benign = train.where((train.table["diagnosis"] != "MEL").to_numpy())
    real, made = (
        PreparedImages.load(one) for one in (run.prepared_real, run.prepared_synthetic)
    )
    first = np.random.default_rng(0).permutation(len(made))[:N_MADE_JUDGED]
    model = load_classifier(run.arm(arm) / "ensemble.keras")
    called = [
        predict_probabilities(model, image_dataset(images, rows)).argmax(axis=1)
        for images, rows in ((real, real.indices(benign)), (made, first))
    ]
    return f_scores(*called)


def f_scores(called_of_benign, called_of_made):
    """Scores of two groups that are judged together, 1 being melanoma."""
    benign_right = int((called_of_benign == 0).sum())
    made_right = int((called_of_made == 1).sum())
    n_benign, n_made = len(called_of_benign), len(called_of_made)
    wrong = n_benign - benign_right + n_made - made_right
    return {
        group: {"sensitivity": right / n, "F-score": 2 * right / (2 * right + wrong)}
        | {"n": n}
        for group, right, n in (
            ("benign", benign_right, n_benign),
            ("made", made_right, n_made),
        )
    }


def pictures(run):
    """Figures of the paper with the files that are their counterparts."""
    return {
        "Fig. 3, images of both classes": "figures/preparation.png",
        "Fig. 4, classes of the training set": "report.html, Preparation and split",
        "Fig. 5, bars of AUC, FN and sensitivity": "report.html, Judgement",
        "Fig. 6, ROC curves": "figures/roc.png",
        "Fig. 7, Grad-CAM of missed malignant images": _attention(run, "missed"),
        "Fig. 8, Grad-CAM of malignant images found": _attention(run, "found"),
        "Fig. 9, UMAP of real, and real and made images": _umap(run),
        "Fig. 10, benign images and their translations": "figures/synthetic.png",
    }


def _attention(run, kind, arm="augmented"):
    """Draw where each arm looks on malignant test images that MelaNet misses, or finds.

    Its surest decisions are taken, and of every arm what speaks for malignant is drawn,
    so that columns can be compared.
    """
    said = predicted(run, arm, "test")
    if said is None:
        return None
    rows, classes, probabilities = said
    called = probabilities.argmax(axis=1)
    right = 1 if kind == "found" else 0
    shown = np.flatnonzero((classes == 1) & (called == right))
    shown = shown[np.argsort(-probabilities[shown, right], kind="stable")][:N_SHOWN]
    if not len(shown):
        return None
    prepared = PreparedImages.load(run.prepared_real)
    images = prepared.take(prepared.indices(rows)[shown])
    arms = {each: name for each, (name, *_) in ARMS.items() if each in run.arms}
    maps = {}
    for each, name in track(arms.items(), f"Grad-CAM, {kind}", total=len(arms)):
        model = load_classifier(run.arm(each) / "ensemble.keras")
        maps[name] = explain.attention_maps(model, images, 1, "grad_cam")
    captions = [f"{kind}, {probability:.0%}" for probability in probabilities[shown, 1]]
    figure = figures.attention_columns(images, maps, captions)
    save_figure(run, f"attention_{kind}_by_arm", figure)
    return f"figures/attention_{kind}_by_arm.png"


def _umap(run, arm="augmented"):
    """Draw all real images but those of test, and with them all that were made.

    The paper's 900 are the archive's training images, of which val is a part here.
    """
    if arm not in run.arms:
        return None
    model = load_classifier(run.arm(arm) / "ensemble.keras")
    train, made = run.catalog.where(split=["train", "val"]), run.synthetic_catalog
    prepared = PreparedImages.load(run.prepared_real)
    images = prepared.take(prepared.indices(train))
    diagnosis = train.table["diagnosis"].to_numpy(object)
    is_malignant = np.where(diagnosis == "MEL", "malignant", "benign")
    drawn = {"real": (images, is_malignant, np.zeros(len(images), bool))}
    if made is not None:
        synthetic = PreparedImages.load(run.prepared_synthetic)
        added = synthetic.take(np.arange(len(synthetic)))
        drawn["real_and_made"] = (
            np.concatenate([images, added]),
            np.append(is_malignant, ["malignant"] * len(added)),
            np.append(np.zeros(len(images), bool), np.ones(len(added), bool)),
        )
    for name, (shown, kinds, synthetic) in drawn.items():
        points = explain.embed(explain.features(model, shown), seed=0)
        title = f"{len(shown):,} images, {int(synthetic.sum()):,} of them made"
        figure = figures.feature_map(points, kinds, synthetic, title)
        save_figure(run, f"umap_{name}", figure)
    return "figures/umap_*.png"
