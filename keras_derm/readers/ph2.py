"""PH2: 200 dermoscopic photographs of melanocytic lesions, with masks and signs.

Needs `PH2_dataset.xlsx`, or else `PH2_dataset.txt`, and the folders `IMD003/...` of
bitmaps. Common and atypical nevi are NV; `atypical_nevus` tells them apart.

Reference:
    Mendonça et al. (2013), PH2: a dermoscopic image database for research and
    benchmarking, IEEE EMBC.
"""

import os

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.photograph_ids import file_stem
from keras_derm.object_store import read_bytes
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import files_under, find_table
from keras_derm.readers.tables import read_rows

CLASSES = ("Common Nevus", "Atypical Nevus", "Melanoma")
HEADER_ROW = 13
"""Row of the spreadsheet that names its columns."""

SIGNS = (
    *("Histological Diagnosis", "Asymmetry", "Pigment Network", "Dots/Globules"),
    *("Streaks", "Regression Areas", "Blue-Whitish Veil", "White", "Red"),
    *("Light-Brown", "Dark-Brown", "Blue-Gray", "Black", "Colors"),
)


def _rows(root):
    file = find_table(root, "PH2_dataset.xlsx", "PH2_dataset.txt")
    if file.suffix == ".txt":
        rows = _rows_between_bars(file)
        choice = rows["Clinical Diagnosis"]
        for number, name in enumerate(CLASSES):
            rows[name] = (choice == str(number)).map({True: "1", False: "0"})
    else:
        rows = read_rows(file, ("Image Name", *CLASSES), header=HEADER_ROW - 1)
        for name in CLASSES:
            marked = rows[name].str.strip().str.upper()
            rows[name] = marked.fillna("0").replace("X", "1")
    return rows[rows["Image Name"].notna()].reset_index(drop=True)


def _rows_between_bars(file):
    """Rows `|| IMD003 || ... ||` of the text file, under the names of its first."""
    lines = read_bytes(file).decode("utf-8", "replace").splitlines()
    cells = {
        number: [cell.strip() for cell in line.strip().strip("|").split("||")]
        for number, line in enumerate(lines, start=1)
        if line.strip().startswith("||")
    }
    if not cells:
        raise CatalogError(f"{file} has no rows between bars. Received: {lines[:3]}")
    first = next(iter(cells))
    names = cells.pop(first)
    rows = pd.DataFrame(
        [row for row in cells.values() if len(row) == len(names)],
        columns=["Image Name", *names[1:]],
        dtype="string",
    ).replace("", pd.NA)
    if "Clinical Diagnosis" not in rows:
        raise CatalogError(
            f"{file}: column(s) ['Clinical Diagnosis'] missing. Received: {names}"
        )
    lines = [number for number, row in cells.items() if len(row) == len(names)]
    return rows.assign(_file=file.name, _row=lines)


def _more(rows, root):
    masks = {
        file_stem(name).lower().removesuffix("_lesion"): name
        for name in files_under(root)
        if os.path.splitext(name)[0].lower().endswith("_lesion")
    }
    return {
        "mask_path": rows["isic_id"].str.lower().map(masks),
        "atypical_nevus": rows["Atypical Nevus"] == "1",
    }, []


read = ArchiveReader(
    "ph2",
    rows=_rows,
    columns={"isic_id": "Image Name"},
    one_hot=dict(zip(CLASSES, ("NV", "NV", "MEL"), strict=True)),
    fixed={"image_type": "dermoscopic"},
    keep=SIGNS,
    reads=("Clinical Diagnosis",),
    more=_more,
)
