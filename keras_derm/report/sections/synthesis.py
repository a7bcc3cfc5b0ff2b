"""Section: the synthetic images, how they were made and which were kept."""

from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import figure_block, read_csv, read_json
from keras_derm.settings import TrainGeneratorSettings


def section(run):
    """What was made, screened and kept; None before synthesize."""
    if not run.done("synthesize"):
        return None
    path = run / "screening.csv"
    if not path.is_file():
        said = "None were made"
        if (run / "synthesis.json").is_file():
            why = read_json(run / "synthesis.json", "synthesize")
            said += f": {why['none_because']}"
        return Section("Synthetic images", f"{said}.")
    verdicts = read_csv(path, "synthesize", keep_default_na=False)
    cells = verdicts.groupby(["diagnosis", "tone_group"])
    by_cell = cells[["accepted", "kept"]].sum()
    by_cell.insert(0, "sampled", cells.size())
    by_cell = by_cell.rename(columns={"accepted": "passed screening"})
    rejected = verdicts[~verdicts["accepted"].astype(bool)]
    kinds = rejected["reason"].str.split(" unlike| of train|:").str[0].value_counts()
    settings = run.settings(TrainGeneratorSettings)
    generator = read_json(run / "generator/description.json", "train_generator")
    blocks = [
        Text(
            f"{generator['text']} learned from the training images alone, "
            f"{_steps_trained(run, settings)} at {settings.image_size} pixels. Its "
            "images were compared with real ones in colour, structure and texture, "
            "and the colour of skin (ITA) with that of real images of the tone group "
            "asked for; outliers and near copies of training images were rejected. "
            "They are in no validation or test set."
        ),
        figure_block(
            run,
            "synthetic",
            "Synthetic images, each beside the real training image nearest to it.",
            "Drawn at random from those kept, each beside the nearest real training "
            "image.",
        ),
        Table(
            by_cell.reset_index().rename(columns={"tone_group": "tone asked for"}),
            "Synthetic images by diagnosis and the tone group asked for",
            "What was asked of the generator: whether people of that tone look so, "
            "nobody has judged.",
        ),
        Table(
            kinds.rename_axis("first reason").reset_index(name="images"),
            "Why images were rejected",
        ),
    ]
    return Section(
        "Synthetic images",
        f"{int(verdicts['accepted'].sum()):,} of {len(verdicts):,} sampled images "
        f"passed the screening and {int(verdicts['kept'].sum()):,} were kept.",
        blocks,
    )


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
