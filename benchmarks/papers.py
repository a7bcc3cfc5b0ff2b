"""Each of the four papers beside what its recipe finds here.

Usage:
    python benchmarks/papers.py --paper melanet --ham10000 /data/HAM10000
    python benchmarks/papers.py --paper melanet --data isic2016:/data/isic2016 \
        --scale published --weights.VGG16 imagenet
    python benchmarks/papers.py --paper melanet --run runs/papers/melanet

Runs the recipe, by default as far as two processor cores allow (`laptop`), and prints
the paper's figures, the corrected ones where the paper erred, ours on real images that
no arm learned from, and what differs in data, size and epochs. Where the paper's
archive is not at hand, `--ham10000` lays HAM10000 out like it, which the output says.
`--run` prints what a finished run found and runs nothing. Figures of the paper that a
run has no counterpart of are drawn into its `figures/`.
"""

from pathlib import Path

import pandas as pd
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm.jobs.command_line import exit_with
from keras_derm.terminal import silenced

with silenced():  # TensorFlow says at length what it found
    from paper_figures import PAPERS
    from paper_figures.stand_ins import lay_out, told

    from keras_derm.files import write_csv
    from keras_derm.jobs.run_recipe import run_recipe
    from keras_derm.runs import RunDirectory
    from keras_derm.runs.records import Record
    from keras_derm.settings import AuditSkinToneSettings, Recipe
    from keras_derm.settings.recipe import ARM_STAGES

COLUMNS = ("place", "what", "printed", "corrected", "ours")
NOT_COMPARED = ("data", "arm")
WIDE = 200
"""Characters a line where the output is no terminal, so that no cell is broken."""


def main(
    paper: str,
    run: str | None = None,
    out: str | None = None,
    data: str | None = None,
    ham10000: str | None = None,
    scale: str = "laptop",
    weights: dict[str, str] | None = None,
) -> None:
    """Run the recipe of a paper, or read a finished run, and print both side by side.

    Args:
        paper: sn_gan_ensemble, lora_diffusion, cwgan_gp or melanet.
        run: A finished run to print from; nothing is run.
        out: Run directory to write; runs/papers/PAPER by default. What it already has
            is not done again.
        data: Data source READER:PATH of the images.
        ham10000: Folder of HAM10000, which is laid out as the paper's archive, in place
            of data.
        scale: Scale of the recipe: published, laptop or quick.
        weights: For each backbone imagenet or the path of a weights file.
    """
    if paper not in PAPERS:
        raise ValueError(
            f"`paper` must be one of {', '.join(PAPERS)}. Received: {paper!r}"
        )
    if run is None:
        out = out or f"runs/papers/{paper}"
        if (data is None) == (ham10000 is None):
            raise ValueError(
                "say --data READER:PATH or --ham10000 FOLDER, one of them, or --run of "
                f"a finished run. Received: data={data}, ham10000={ham10000}"
            )
        if data is None:
            data = lay_out(paper, ham10000, Path(f"{out}_archive"))
        run_recipe(out, data, paper, scale, weights)
    directory = RunDirectory(run or out)
    if not directory.done("audit_skin_tone"):
        raise FileNotFoundError(
            f"no run to print from: nothing was done in it. Received: {directory.path}"
        )
    show(PAPERS[paper], directory)


def show(paper, run):
    """Print a paper beside a run, and write the table to `paper.csv` in the run.

    Args:
        paper: Module of the paper.
        run: `RunDirectory`.
    """
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    told_data(console, paper, run)
    rows = paper.rows(run)
    shown = Table(*COLUMNS, title=f"{paper.NAME}: as published, and here")
    for row in rows:
        shown.add_row(*(getattr(row, name) for name in COLUMNS))
    console.print(shown)
    values = [[getattr(row, name) for name in COLUMNS] for row in rows]
    write_csv(run / "paper.csv", pd.DataFrame(values, columns=COLUMNS))
    console.print("What was wrong in the paper:")
    for error in paper.ERRORS:
        console.print(f"- {error}", highlight=False)
    console.print(differences(paper.NAME, run))
    console.print(counterparts(paper, run))


def told_data(console, paper, run):
    """Say which images the paper had and which the run has."""
    sources = run.settings(AuditSkinToneSettings).data
    sources = [sources] if isinstance(sources, str) else list(sources)
    own = "; ".join(f"{source} ({told(source) or 'an archive'})" for source in sources)
    console.print(f"The paper's images: {paper.DATA}.", highlight=False)
    console.print(f"Ours: {own}.", highlight=False)
    if run.done("prepare_dataset"):
        counts = run.catalog.table["split"].value_counts()
        parts = ", ".join(
            f"{counts.get(name, 0):,} {name}" for name in ("train", "val", "test")
        )
        console.print(f"Real images of the run: {parts}.", highlight=False)


def differences(name, run):
    """Table of what the run did otherwise than the recipe's published scale."""
    published = Recipe.load(name, "published")
    table = Table("stage", "differs from published", title="Size, epochs and the rest")
    for stage in published.only:
        for label, wanted, done in _pairs(published, run, stage):
            if done is None:
                table.add_row(label, "not run")
                continue
            changed = _changed(wanted.to_dict(), done.to_dict())
            if changed:
                table.add_row(label, "\n".join(changed))
    return table


def _changed(wanted, done):
    """What is another in `done`, one line a setting, by its path."""
    before, after = _flat(wanted), _flat(done)
    return [
        f"{path}: {before.get(path, 'none')}, here {after.get(path, 'none')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path) and path not in NOT_COMPARED
    ]


def _flat(value, path=""):
    """Values of settings within settings, by their path."""
    if isinstance(value, dict):
        named = value.items()
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        named = enumerate(value, 1)
    else:
        return {path: value}
    return {
        where: one
        for name, each in named
        for where, one in _flat(each, f"{path}.{name}".lstrip(".")).items()
    }


def _pairs(published, run, stage):
    """The settings of a stage as published and as done, once for each arm."""
    if stage in ARM_STAGES:
        asked = published.arms(stage).values()
    else:
        known = {"data": "phantom"} if stage == "audit_skin_tone" else {}
        asked = [published.settings(stage, **known)]
    for wanted in asked:
        record = run.record(wanted.record)
        done = Record.read(record).settings if record.is_file() else None
        yield wanted.record, wanted, done


def counterparts(paper, run):
    """Table of the paper's figures and the files of the run that stand beside them."""
    table = Table("figure of the paper", "here", title="Figures")
    for name, pattern in paper.pictures(run).items():
        plain, comma, where = (pattern or "").partition(",")
        # The first of several: what was made before what was rejected.
        found = sorted(run.path.glob(plain)) if plain else []
        here = f"{found[0]}{comma}{where}" if found else "not made by this run"
        table.add_row(name, here)
    return table


if __name__ == "__main__":
    exit_with(lambda: auto_cli(main, as_positional=False))
