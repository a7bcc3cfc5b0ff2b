"""PASSION: common skin diseases on dark skin, photographed in four African countries.

Needs `label.csv` (in an older copy `PASSION_meta_data.xls`, which is a csv) and images
`<subject_id>_<n>.jpg`; `PASSION_split.csv` gives the published split. Eczema, fungal
infection and scabies are INF, "Others" is UNK; `conditions_PASSION` and `impetig` keep
the archive's words.

Reference:
    Gottfrois et al. (2024), PASSION for dermatology, MICCAI, arXiv:2411.04584.
"""

from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.photograph_ids import file_stem
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_table, photographs_under
from keras_derm.readers.joined_table import JoinedTable
from keras_derm.readers.notes import warn
from keras_derm.readers.tables import FITZPATRICK_WORDS, read_rows

LABELS = ("label.csv", "PASSION_meta_data.xls")


def _rows(root):
    """Photographs with the subject that their names begin with."""
    file = find_table(root, *LABELS)
    subjects = set(read_rows(file, ("subject_id",))["subject_id"].str.strip())
    rows = photographs_under(root)
    if rows.empty:
        raise CatalogError(f"There are no photographs. Received: {str(root)!r}")
    rows["subject_id"] = rows["path"].map(lambda path: _subject(path, subjects))
    unseen = sorted(subjects - set(rows["subject_id"]))
    if unseen:
        warn(
            f"{file.name}: {len(unseen)} subject(s) have no photograph: "
            f"{', '.join(unseen[:10])}"
        )
    return rows


def _subject(path, subjects):
    stem = file_stem(path)
    starts = (stem[:end] for end, mark in enumerate(stem) if mark in "_-")
    return next((start for start in starts if start in subjects), stem)


read = ArchiveReader(
    "passion",
    rows=_rows,
    joined=(
        JoinedTable(
            LABELS, "subject_id", ("conditions_PASSION", "fitzpatrick", "age", "sex")
        ),
        JoinedTable(
            ("PASSION_split.csv",),
            by="subject_id",
            columns=("Split",),
            absent="the published split is not known",
        ),
    ),
    columns={
        "isic_id": "path",
        "diagnosis": "conditions_PASSION",
        "patient_id": "subject_id",
        "age_approx": "age",
        "sex": "sex",
        "anatom_site_general": "body_loc",
        "skin_tone_label": "fitzpatrick",
        "split": "Split",
    },
    words={
        "diagnosis": dict.fromkeys(("eczema", "fungal", "scabies"), "INF")
        | {"others": "UNK"},
        "sex": lambda word: {"m": "male", "f": "female"}.get(word, word),
        "skin_tone_label": FITZPATRICK_WORDS,
        "split": {"train": "train", "test": "test"},
    },
    fixed={"image_type": "clinical: close-up"},
    skin_tone=("fitzpatrick", "archive"),
    keep=("conditions_PASSION", "impetig", "country"),
)
