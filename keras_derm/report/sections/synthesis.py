"""Section: the synthetic images, how they were made and which were kept."""

import pandas as pd

from keras_derm.report import figures
from keras_derm.report.html import Callout, Figure, Section, Table, Text
from keras_derm.report.run_files import figure_block, read_csv, read_json
from keras_derm.settings import TrainGeneratorSettings

MEASURES = {
    "diversity": ("diversity", "≥"),
    "nearest_distance": ("distance to the nearest", "≥"),
    "feature_distance": ("distance to real images", "≤"),
    "spectrum_distance": ("spectrum", "≤"),
    "sharpness_difference": ("sharpness", "≤"),
    "grid": ("grid", "≤"),
}
"""Columns of screening_sets.csv, what they are called here, and which way they go."""


def section(run):
    """What was made, screened and kept; None before synthesize."""
    if not run.done("synthesize"):
        return None
    path = run / "screening.csv"
    told = _told(run)
    if not path.is_file():
        said = "None were made"
        if told:
            said += f": {told['none_because']}"
        return Section("Synthetic images", f"{said}.")
    verdicts = read_csv(path, "synthesize", keep_default_na=False)
    settings = run.settings(TrainGeneratorSettings)
    generator = read_json(run / "generator/description.json", "train_generator")
    blocks = [
        Text(
            f"{generator['text']} learned from the training images alone, "
            f"{_steps_trained(run, settings)} at {settings.image_size} pixels. Its "
            "images were compared with real ones in colour, structure, texture, "
            "sharpness and grids, and the colour of skin (ITA) with that of real "
            "images of the tone group asked for; outliers and near copies of training "
            "images were rejected. What passed was then judged as a set, beside real "
            "images of the same kind. Synthetic images are in no validation or test "
            f"set.{_seconds(told)}"
        ),
        *_sets(run),
        *_sheets(run, verdicts),
        *_classes(run, verdicts),
        Table(
            _by_cell(verdicts),
            "Synthetic images by diagnosis and the tone group asked for",
            "What was asked of the generator: whether people of that tone look so, "
            "nobody has judged.",
        ),
        Table(_first_reasons(verdicts), "Why images were rejected"),
    ]
    return Section("Synthetic images", _lead(told, verdicts), blocks)


def _told(run):
    """What synthesize said of its work: a dict, empty where it said nothing."""
    path = run / "synthesis.json"
    return read_json(path, "synthesize") if path.is_file() else {}


def _lead(told, verdicts):
    sampled, kept = len(verdicts), int(verdicts["kept"].sum())
    if not kept and "none_because" in told:
        return f"None of {sampled:,} sampled images was kept: {told['none_because']}."
    said = (
        f"{int(verdicts['accepted'].sum()):,} of {sampled:,} sampled images "
        f"passed the screening and {kept:,} were kept."
    )
    if "not_learned" in told:
        learned = told["not_learned"]
        said += f" {learned[0].upper()}{learned[1:]}: none of it was kept."
    return said


def _sheets(run, verdicts):
    """Images that were kept, and such of sets that were not, where there are any."""
    blocks = []
    if verdicts["kept"].any():
        blocks.append(
            figure_block(
                run,
                "synthetic",
                "Synthetic images, each beside the real training image nearest to it.",
                "Drawn at random from those kept, each beside the nearest real "
                "training image, and the photograph that it was made of, where there "
                "is one.",
            )
        )
    if (run / "figures/synthetic_rejected.png").is_file():
        blocks.append(
            figure_block(
                run,
                "synthetic_rejected",
                "Rejected images, each beside the real training image nearest to it.",
                "Rejected: drawn at random from all that was sampled of the sets that "
                "the generator did not learn, each beside the nearest real training "
                "image. Nothing was trained on them.",
            )
        )
    return blocks


def _classes(run, verdicts):
    """Bars of the training images of each diagnosis, real and kept."""
    kept = verdicts.loc[verdicts["kept"].astype(bool), "diagnosis"].value_counts()
    if kept.empty:
        return []
    real = run.catalog.split("train").table["diagnosis"].value_counts()
    counts = pd.DataFrame({"real": real, "made": kept}).fillna(0).astype(int)
    counts = counts.sort_index().rename_axis("diagnosis")
    return [
        Figure(
            figures.class_bars(counts, "Training images, real and made"),
            "Bars of the training images of each diagnosis, real and synthetic.",
            "What an arm learns from that adds synthetic images; it is tested on real "
            "ones alone.",
        )
    ]


def _seconds(told):
    """How long it took to make an image, where it was taken down."""
    if "seconds_an_image" not in told:
        return ""
    return f" To make one of them took {told['seconds_an_image']:.2g} seconds."


def _by_cell(verdicts):
    asked = ["diagnosis", "tone_group", "image_type", "anatom_site_general", "known_by"]
    cells = verdicts.groupby([name for name in asked if name in verdicts])
    alone = [name for name in ("passed_alone",) if name in verdicts]
    by_cell = cells[[*alone, "accepted", "kept"]].sum()
    by_cell.insert(0, "sampled", cells.size())
    return by_cell.reset_index().rename(
        columns={
            "tone_group": "tone asked for",
            "image_type": "image type",
            "anatom_site_general": "site",
            "known_by": "known from",
            "passed_alone": "passed alone",
            "accepted": "passed screening",
        }
    )


def _sets(run):
    """What was not learned, and the measures of every set."""
    if not (run / "screening_sets.csv").is_file():
        return []
    sets = read_csv(run / "screening_sets.csv", "synthesize", keep_default_na=False)
    table = sets[["set", "images"]].assign(learned=sets["passed"])
    for name, (title, sign) in MEASURES.items():
        table[title] = [
            f"{value} ({sign} {limit})" if value else ""
            for value, limit in zip(
                map(_short, sets[name]), map(_short, sets[f"{name}_limit"]), strict=True
            )
        ]
    measured = Table(
        table,
        "Did the generator learn it? Sets of synthetic images beside real ones",
        "In brackets the limit: how far halves of the real images are apart by chance, "
        "and an allowance. Diversity, and the distance to the nearest image of the "
        "set, are given as parts of those of real images; spectrum, sharpness and grid "
        "as differences of logarithms. The distance to real images decides where all "
        "are of one diagnosis and tone.",
    )
    failed = sets[~sets["passed"].astype(bool)]
    if not len(failed):
        return [measured]
    reasons = "\n".join(f"- {row.set}: {row.reason}" for row in failed.itertuples())
    said = (
        f"The generator did not learn these, and none of them was kept:\n\n{reasons}"
        "\n\nTrain it longer (n_steps), on more images, or take another generator."
    )
    return [Callout("caution", said), measured]


def _short(value):
    return "" if value == "" else f"{float(value):.2g}"


def _first_reasons(verdicts):
    rejected = verdicts[~verdicts["accepted"].astype(bool)]
    kinds = rejected["reason"].str.split(" unlike| of train|:").str[0].value_counts()
    return kinds.rename_axis("first reason").reset_index(name="images")


def _steps_trained(run, settings):
    """How long the generator was trained, and which of its states made the images."""
    history = read_csv(run / "generator/history.csv", "train_generator")
    steps = (history["epoch"].max() + 1) * settings.steps_per_epoch
    quality = run / "generator/quality.csv"
    if not quality.is_file():
        return f"{steps:,} steps"
    measured = read_csv(quality, "train_generator")
    best = measured.loc[measured["kernel_distance"].idxmin(), "step"]
    return f"{steps:,} steps (those of step {best:,} were nearest to training images)"
