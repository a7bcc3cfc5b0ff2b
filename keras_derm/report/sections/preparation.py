"""Section: how the images were prepared and split."""

from keras_derm.catalog import find_leaks
from keras_derm.report import figures
from keras_derm.report.html import Figure, Section, Table
from keras_derm.report.run_files import figure_block


def section(run):
    """Images in each part, and what preparation did; None before prepare_dataset."""
    if not run.done("prepare_dataset"):
        return None
    table = run.catalog.table
    split = table.groupby(["diagnosis", "split"], observed=True).size().unstack()
    split = split.reindex(columns=["train", "val", "test"]).fillna(0).astype(int)
    bars = Figure(
        figures.class_bars(split, "Real images of each diagnosis"),
        "Bars of the images of each diagnosis in train, val and test.",
        "The diagnoses as the archive has them; the table has the same numbers.",
    )
    split.loc["total"] = split.sum()
    figure = figure_block(
        run,
        "preparation",
        "Photographs before preparation, after hair removal, and as seen in training.",
        "The images on which preparation changed most, of a random sample.",
    )
    return Section(
        "Preparation and split",
        _separation(run.catalog),
        [Table(split, "Images in each part"), bars, figure],
    )


def _separation(catalog):
    """Whether patients or lesions have images in more than one part."""
    n_leaks = len(find_leaks(catalog))
    if n_leaks:
        return f"{n_leaks:,} patients or lesions have images in more than one part."
    if catalog.table[["patient_id", "lesion_id"]].notna().any(axis=None):
        return (
            "All images of one patient (or lesion, where no patient is named) are in "
            "one part only."
        )
    return "The archive names no patients and no lesions: each image is on its own."
