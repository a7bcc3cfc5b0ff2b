"""Section: real and synthetic training images by the features of the classifier."""

from keras_derm.report.html import Callout, Section, Text
from keras_derm.report.run_files import figure_block, read_csv, read_json


def section(run):
    """The map by UMAP; None where explain drew none."""
    if not run.done("explain") or not (run / "feature_map.csv").is_file():
        return None
    explained = read_json(run / "explanations.json", "explain")
    found = explained["features"]
    points = read_csv(run / "feature_map.csv", "explain")
    said = (
        f"{len(points):,} training images, of each diagnosis at most an equal "
        "share, by the features on which the classifier decides. Neighbours are alike "
        "to it; distances between groups and their sizes mean nothing."
    )
    lead = "No synthetic image was kept, so the map shows real ones alone."
    blocks = []
    if found["two_sample_accuracy"] is not None:
        lead = (
            f"{found['same_class']:.0%} of the synthetic images have a real image of "
            "the diagnosis they were made for as nearest real neighbour; among real "
            f"images {found['same_class_real']:.0%} have, by chance "
            f"{found['same_class_chance']:.0%} would."
        )
        accuracy = found["two_sample_accuracy"]
        told_apart = (
            f"The nearest other image tells real from synthetic in {accuracy:.0%} of "
            "the cases. At 50 % the two kinds mix; at 100 % the classifier can always "
            "tell them apart, and may learn that in place of the diagnosis; far below "
            "50 % synthetic images copy real ones."
        )
        kind = "caution" if accuracy > 0.75 else "finding"
        blocks = [Callout(kind, told_apart)]
        said += (
            f" Told apart were {found['n_compared']:,} real and as many synthetic "
            "images, equally many in every diagnosis. All this is counted in the "
            "features, not in the picture."
        )
    picture = figure_block(
        run,
        "feature_map",
        "Training images in the plane by UMAP, coloured by diagnosis, crosses for "
        "synthetic ones; below, each diagnosis apart.",
        f"UMAP of the features of the {explained['arm']} ensemble.",
    )
    kinds = "Real and synthetic images" if blocks else "Images"
    return Section(
        f"{kinds} as the classifier sees them",
        lead,
        [*blocks, picture, Text(said)],
    )
