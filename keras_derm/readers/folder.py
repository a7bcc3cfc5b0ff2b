"""A plain folder of class folders."""

import os
import re

import pandas as pd

from keras_derm.catalog.catalog import DIAGNOSES, SPLITS
from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.photograph_ids import file_stem
from keras_derm.catalog.splits import SPLIT_ALIASES
from keras_derm.photographs import IMAGE_SUFFIXES
from keras_derm.readers.archive import make_catalog
from keras_derm.readers.files import archive_root, find_masks, photographs_under
from keras_derm.readers.labels import diagnoses_in, diagnosis_of_word
from keras_derm.readers.tables import row_faults

MALIGNANCIES = ("benign", "malignant")


def read(path, skip_bad=False):
    """Read a folder that has one folder of images per class.

    A class folder is named by a diagnosis code in any case (`MEL`, `nv`), a HAM10000
    code (`akiec`), a diagnosis in words (`melanoma`, `basal cell carcinoma`), or
    `benign`, `malignant` or `unknown` (diagnosis UNK). Images may lie deeper in it. The
    class folders may lie in `train/`, `val/` and `test/`, which then give `split`.

    The id is the file name without suffix; where two files share it, every id has its
    class folder before it. Nothing is known of patients: each image is a group of its
    own. A mask (`<name>_segmentation.png`) lies beside its image, or anywhere where no
    other image has that name. Arguments and errors are those of an `ArchiveReader`.
    """
    root = archive_root(path)
    rows = photographs_under(root)
    paths = rows["path"]
    if paths.empty:
        raise CatalogError(
            "The folder must hold class folders with images "
            f"({', '.join(IMAGE_SUFFIXES)}). Received: {str(root)!r}, which has none"
        )
    folders, splits = _class_folders(paths)
    stems = paths.map(file_stem)
    words = folders.str.lower()
    ids = stems if stems.is_unique else folders + "__" + stems
    if not ids.is_unique:  # one name in the class folder of several parts
        ids = splits.fillna("") + "__" + ids
    table = rows.assign(
        isic_id=ids,
        folder=folders,
        diagnosis=folders.map(_diagnosis).astype("string"),
        benign_malignant=words.where(words.isin(MALIGNANCIES)),
        mask_path=_masks(root, paths, stems.str.lower()),
        split=splits,
        split_name=splits.where(splits.isna(), "folder"),
    )
    faults = _folder_faults(table)
    table = table.drop(columns="folder").fillna({"diagnosis": "UNK"})
    return make_catalog(table, root, "folder", skip_bad, faults)


def _folder_faults(table):
    """Fault tables of the class folders that name no diagnosis, or several."""
    known = f"name it by one of {', '.join(DIAGNOSES)}, or in words"
    in_none = table["folder"] == ""
    bad = table["diagnosis"].isna()
    several = bad & table["folder"].map(lambda name: len(diagnoses_in(name)) > 1)
    return [
        row_faults(
            table,
            bad & in_none,
            "path",
            f"lies in no class folder: make one for each diagnosis and {known}",
        ),
        row_faults(
            table,
            several,
            "folder",
            f"folder names several diagnoses: make one folder of each, and {known}",
        ),
        row_faults(
            table,
            bad & ~in_none & ~several,
            "folder",
            f"folder is no diagnosis: {known}",
        ),
    ]


def _masks(root, paths, stems):
    """Path of each image's mask: one of another folder may be another image's."""
    beside = paths.map(lambda name: os.path.splitext(name.lower())[0])
    beside = beside.map(find_masks(root, with_folder=True)).astype("string")
    anywhere = stems.map(find_masks(root)).where(~stems.duplicated(keep=False))
    return beside.fillna(anywhere.astype("string"))


def _class_folders(paths):
    """Class folder of each image, and its split where all lie in train/, test/ ..."""
    folders = [re.split(r"[\\/]", path)[:-1] for path in paths]
    first = [(parts or [""])[0].strip().lower() for parts in folders]
    splits = [SPLIT_ALIASES.get(name, name) for name in first]
    in_parts = set(splits) <= set(SPLITS)
    classes = [parts[in_parts : in_parts + 1] for parts in folders]
    return (
        pd.Series(["".join(one) for one in classes], paths.index, dtype="string"),
        pd.Series(splits if in_parts else pd.NA, paths.index, dtype="string"),
    )


def _diagnosis(folder):
    word = folder.strip().lower()
    return "UNK" if word in MALIGNANCIES else diagnosis_of_word(word)
