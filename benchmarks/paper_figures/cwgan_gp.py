"""Dahir (cwgan_gp)."""

from paper_figures.rows import NOTHING, Row, metric

NAME = "cwgan_gp"
DATA = "SIIM-ISIC 2020, over 33,000 images, 584 of them melanoma (1.7 %)"
ERRORS = (
    "The GAN learned from all 584 melanomas of the archive, those of the test set "
    "among them.",
    "A recall of 100 % is given without specificity or threshold: a model that calls "
    "every image melanoma has it.",
)
AT_VAL = "at the threshold for 90 % on val"


def rows(run):
    """Images, and the recall of both classifiers with what the text leaves out."""
    train, made = run.catalog.split("train"), run.synthetic_catalog
    n_melanomas = int((train.table["diagnosis"] == "MEL").sum())
    found = [
        Row(
            "p. Limitations",
            "melanomas that the GAN learned from",
            "584",
            "those of the test set among them",
            f"{n_melanomas:,}, of train alone",
        ),
        Row(
            "p. Methodology",
            "made images",
            "1,000",
            ours=f"{0 if made is None else len(made):,}",
        ),
    ]
    for arm, recall in (("baseline", "about 0.12"), ("augmented", "1.00")):
        others = (
            ("recall at 0.5", recall, "sensitivity"),
            ("specificity at 0.5", "fell", "specificity"),
            (f"recall {AT_VAL}", NOTHING, "sensitivity_at_90"),
            (f"specificity {AT_VAL}", NOTHING, "specificity_at_90"),
            ("precision at 0.5", NOTHING, "ppv"),
            ("accuracy at 0.5", "fell", "accuracy"),
            ("AUC", NOTHING, "auc"),
        )
        for what, printed, name in others:
            if arm == "baseline" and printed == "fell":
                printed = NOTHING
            found.append(
                Row(
                    "p. Key Findings",
                    f"{arm}: {what}",
                    printed,
                    ours=metric(run, arm, name),
                )
            )
    return found


def pictures(run):
    """Figures of the page with the files that are their counterparts."""
    return {
        "shares of the classes": "report.html, Preparation and split",
        "ROC curves of both classifiers": "figures/roc.png",
        "confusion matrices": "figures/confusion.png",
        "training histories": "report.html, Training",
        "samples": "figures/synthetic.png",
    }
