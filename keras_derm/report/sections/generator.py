"""Section: how the generator learned, and what it makes."""

import pandas as pd

from keras_derm.report import figures
from keras_derm.report.html import Figure, Section, Table, Text
from keras_derm.report.run_files import read_csv, read_json
from keras_derm.settings import TrainGeneratorSettings

MEASURED = ("kernel_distance", "precision", "recall", "coverage")
OF_THE_CLOCK = ("images_per_second", "training_minutes", "epoch")


def section(run):
    """Curves, quality and samples of the generator; None where there is none."""
    if not run.done("train_generator"):
        return None
    settings = run.settings(TrainGeneratorSettings)
    told = read_json(run / "generator/description.json", "train_generator")
    history = read_csv(run / "generator/history.csv", "train_generator")
    steps = int(history["epoch"].max() + 1) * settings.steps_per_epoch
    minutes = history["training_minutes"].max()
    lead = (
        f"{told['text']}. It took {steps:,} steps at {settings.image_size} pixels, "
        f"{minutes:,.1f} minutes of training."
    )
    learned = history.drop(columns=[*OF_THE_CLOCK], errors="ignore")
    losses = [name for name in learned if learned[name].notna().any()]
    curves = figures.training_curves({told["name"]: history}, losses)
    blocks = [
        Figure(
            curves,
            f"Curves of {', '.join(losses)} over the epochs.",
            "Losses do not tell how good images are.",
        ),
        *_quality(run),
        *_samples(run / "generator", "Samples of the same noise after the last epoch"),
        *_adapter(run, settings),
    ]
    return Section("Generator", lead, blocks)


def _quality(run):
    """What was measured against training images while training went on."""
    path = run / "generator/quality.csv"
    if not path.is_file():
        said = "No feature_weights: images were not measured while training went on."
        return [Text(said)]
    table = read_csv(path, "train_generator")
    shown = table[["step", *(name for name in MEASURED if name in table)]]
    note = (
        "Against training images: the distance is 0 for images like them; precision is "
        "the share of made images that look like real ones, recall the share of real "
        "ones that made images look like. Whether images are copied is told under "
        "Image quality, by photographs that the generator did not see."
    )
    return [Table(_some_rows(shown).round(3), "Quality while training went on", note)]


def _some_rows(table, most=10):
    """First, last and rows between, so that a long training stays readable."""
    if len(table) <= most:
        return table
    places = [round(i * (len(table) - 1) / (most - 1)) for i in range(most)]
    return table.iloc[sorted(set(places))]


def _samples(folder, caption):
    """The last grid of samples, if any."""
    grids = sorted((folder / "samples").glob("epoch_*.png"))
    if not grids:
        return []
    alt = "Made images in rows, one a diagnosis and tone group."
    said = f"{caption}, one row a diagnosis and tone group that was learned."
    return [Figure(grids[-1], alt, said)]


def _adapter(run, settings):
    """What an adapter learned, and what it makes of the same noise."""
    if settings.adapt is None:
        return []
    folder = run / "generator" / settings.adapt
    scope = read_json(folder / "adapter.json", "train_generator")
    history = read_csv(folder / "history.csv", "train_generator")
    size = (folder / "adapter.safetensors").stat().st_size
    options = settings.generator.lora
    rows = {
        "learned": f"{scope['n_images']:,} training images: {scope['where']}",
        "rank": options.rank,
        "layers": options.modules.replace("_", " "),
        "steps": (history["epoch"].max() + 1) * settings.steps_per_epoch,
        "kilobytes": round(size / 1000),
        "guidance": options.guidance,
    }
    table = pd.DataFrame([rows]).astype(str)
    note = "Images of these cells are made with the adapter, all others without."
    return [
        Table(table, "The adapter", note),
        *_samples(folder, "With the adapter, after its last epoch"),
    ]
