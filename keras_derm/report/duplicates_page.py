"""The page of duplicates: pairs of photographs, for a person to judge."""

import pandas as pd

from keras_derm.catalog import read_image
from keras_derm.catalog.duplicates import SAME_FILE
from keras_derm.report import figures
from keras_derm.report.html import Callout, Section, Table, Text, render_report
from keras_derm.report.run_files import figure_block, save_figure

SHOWN_SIDE = 300
"""Pixels that a shown photograph needs at the most."""

LIMITS = """
- Pairs are compared as grey thumbnails of 64 x 64 pixels. A copy that was cut down to a
  part of the picture, turned by other than a right angle, or put into a frame is not
  found.
- Two photographs of one lesion that were taken one right after the other can look like
  copies; they are of one lesion, and belong together as well.
- Pictures without any contrast are compared byte for byte alone.
"""
KINDS = (
    (
        "apart",
        "One photograph, of several patients or lesions",
        "Nothing else keeps these together. They count as one photograph, unless you "
        "decide otherwise; names of lesions and labels may be wrong.",
    ),
    (
        "doubtful",
        "Doubtful",
        "These are alike, and count as two photographs unless you decide otherwise.",
    ),
    (
        "together",
        "One photograph, of one patient or lesion",
        "These stay together in any split.",
    ),
)


def write_duplicates_page(run, catalog, pairs, told, n_shown, archives):
    """Draw the closest pairs, and write duplicates.html.

    Args:
        run: `RunDirectory`.
        catalog: `Catalog` that the pairs are of.
        pairs: `pandas.DataFrame` of pairs, the most alike first, with `with_facts`.
        told: Sentences for the head of the page.
        n_shown: Pairs of each kind that are drawn.
        archives: What the archives are called.

    Returns:
        `Path` of the page.
    """
    copies = pairs["is_copy"]
    rows = {
        "apart": pairs[copies & ~pairs["together"]],
        "doubtful": pairs[~copies],
        "together": pairs[copies & pairs["together"]],
    }
    paths = dict(zip(catalog.table["isic_id"], catalog.paths, strict=True))
    sections = []
    for name, title, lead in KINDS:
        own = rows[name]
        if len(own):
            shown = own[own["kind"] != SAME_FILE].head(n_shown)
            _draw(run, name, shown, paths)
            sections.append(Section(title, lead, _blocks(run, name, own, len(shown))))
    first, *others = told
    how = (
        "To decide, copy duplicates/pairs.csv, write yes or no into its column "
        "`decision`, and give the copy to find_duplicates.py as --decisions."
    )
    return render_report(
        sections,
        run / "duplicates.html",
        "Which photographs stand there twice?",
        [Text(first), *map(Text, others), Callout("note", how)],
        LIMITS,
        subtitle=f"Archive: {archives}",
    )


def _blocks(run, name, rows, n_shown):
    columns = ["pair", "first", "second", "kind", "similarity", "turn", "decision"]
    columns += ["first_diagnosis", "second_diagnosis"]
    return [
        figure_block(
            run,
            f"duplicates_{name}",
            "Pairs of photographs beside each other, the most alike first.",
            f"In pairs, the {n_shown} most alike of those whose files are not equal.",
        ),
        Table(
            rows[columns].head(200).set_index("pair"),
            f"{len(rows)} pairs" + (", the first 200" if len(rows) > 200 else ""),
            "Similarity: correlation of the details when one is laid upon the other. "
            "The number of a pair is that in duplicates/pairs.csv.",
        ),
    ]


def _draw(run, name, rows, paths):
    images, captions = [], []
    for pair in rows.itertuples():
        for isic_id, diagnosis in (
            (pair.first, pair.first_diagnosis),
            (pair.second, pair.second_diagnosis),
        ):
            images.append(read_image(paths[isic_id], SHOWN_SIDE))
            captions.append(f"pair {pair.pair}: {diagnosis}\n{isic_id}")
        alike = "decided" if pd.isna(pair.similarity) else f"{pair.similarity:.3f}"
        captions[-1] += f"\n{alike}, {pair.turn if pd.notna(pair.turn) else ''}"
    if images:
        sheet = figures.contact_sheet(images, captions, 6)
        save_figure(run, f"duplicates_{name}", sheet)
