"""Thomas et al. (sn_gan_ensemble)."""

import numpy as np

from keras_derm.layers import HairRemoval, preparation, scaled_kernel_size
from keras_derm.pipeline.prepared import decoded_images
from keras_derm.report import figures, save_figure
from keras_derm.settings import PrepareDatasetSettings
from paper_figures.rows import (
    NOT_RUN,
    NOTHING,
    Row,
    first_member,
    history,
    metric,
    span,
    test_counts,
)

NAME = "sn_gan_ensemble"
DATA = "ISIC 2019, 25,331 images of 8 diagnoses"
ERRORS = (
    "Correct BCC grow from 91 to 6,522: ISIC 2019 has 3,323 BCC in all, so that the "
    "test set after augmentation holds made images, and is another than before. Ours "
    "stays real, and is the same.",
    "It claims images of dark skin and measures no tone; its darkening is one of the "
    "light (III.C), and adds no melanin.",
)
N_SHOWN, N_LOOKED_AT = 4, 64
NUMBERS = (  # class, and correct test images before and after
    ("NV", "1,276", NOTHING),
    ("BCC", "91", "6,522"),
)


def rows(run):
    """Confusion matrices and histories, before and after augmentation."""
    found = []
    for name, before, after in NUMBERS:
        for arm, place, printed in (
            ("baseline", "Fig. 7", before),
            ("augmented", "Fig. 8", after),
        ):
            counts = test_counts(run, arm)
            n, right = counts.get(name, (0, 0))
            wrong = name == "BCC" and arm == "augmented"
            found.append(
                Row(
                    place,
                    f"{arm}: correct {name}",
                    printed,
                    "on other, made images" if wrong else NOTHING,
                    f"{right} of {n}" if counts else NOT_RUN,
                )
            )
    for arm, place, training, validation in (
        ("baseline", "Fig. 6", "about 0.90 at last", "0.20 to 0.80"),
        ("augmented", "Fig. 9", "approaching 1", "peaking around 0.90"),
    ):
        table, name = history(run, arm), first_member(run, arm)
        known = table is not None
        found += [
            Row(
                place,
                f"{arm}: training accuracy",
                training,
                ours=f"{span(table['accuracy'])}, {name}" if known else NOT_RUN,
            ),
            Row(
                place,
                f"{arm}: validation accuracy",
                validation,
                "real and made mixed" if arm == "augmented" else NOTHING,
                f"{span(table['val_accuracy'])}, {name}" if known else NOT_RUN,
            ),
        ]
    for arm in ("baseline", "augmented"):
        for name, label in (
            ("balanced_accuracy", "balanced accuracy"),
            ("macro_auc", "macro AUC"),
        ):
            found.append(
                Row(NOTHING, f"{arm}: {label}", NOTHING, ours=metric(run, arm, name))
            )
    return found


def pictures(run):
    """Figures of the paper with the files that are their counterparts."""
    return {
        "Fig. 3, stages of hair removal": _hair_removal(run),
        "Fig. 4, images of the data set": "figures/preparation.png",
        "Fig. 5, made images": "figures/synthetic*.png",
        "classes of the data set": "report.html, Preparation and split",
        "classes after augmentation": "report.html, Synthetic images",
        "Fig. 6 and 9, histories": "report.html, Training",
        "Fig. 7 and 8, confusion matrices": "figures/confusion.png",
    }


def _hair_removal(run):
    """Draw the stages of the black-hat on training images with most found."""
    train = run.catalog.split("train")
    order = np.random.default_rng(0).permutation(len(train))[:N_LOOKED_AT]
    kept = np.zeros(len(train), bool)
    kept[order] = True
    side = run.settings(PrepareDatasetSettings).image_size
    chain = preparation(NAME, side)
    squares = np.concatenate(
        [
            chain.apply_geometry(image[None])
            for image in decoded_images(train.where(kept))
        ]
    )
    layer = HairRemoval("published", scaled_kernel_size(side))
    covered = np.asarray(layer.mask(squares)).mean(axis=(1, 2, 3))
    shown = squares[np.argsort(-covered, kind="stable")[:N_SHOWN]]
    stages = {name: np.asarray(value) for name, value in layer.stages(shown).items()}
    stages["mask"] = stages["mask"] * 255.0
    rgb = {
        name: np.repeat(value, 3, axis=-1) if value.shape[-1] == 1 else value
        for name, value in stages.items()
    }
    names = {"grey": "grey", "black_hat": "black-hat", "mask": "hair"}
    named = {"original": shown} | {text: rgb[name] for name, text in names.items()}
    figure = figures.preparation_stages(named | {"painted over": rgb["result"]})
    save_figure(run, "hair_removal_stages", figure)
    return "figures/hair_removal_stages.png"
