"""A plain folder of class folders."""

import os

import pandas as pd

from keras_derm.catalog.catalog import DIAGNOSES
from keras_derm.catalog.faults import CatalogError
from keras_derm.readers.archive import (
    IMAGE_SUFFIXES,
    archive_root,
    files_under,
    find_masks,
    is_annotation,
    make_catalog,
    row_faults,
)
from keras_derm.readers.ham10000 import DIAGNOSES_OF_DX
from keras_derm.readers.isic_archive import diagnosis_of_label

MALIGNANCIES = ("benign", "malignant")


def read(path, skip_bad=False):
    """Read a folder that has one folder of images per class.

    A class folder is named by a diagnosis code in any case (`MEL`, `nv`), a HAM10000
    code (`akiec`), a diagnosis in words (`melanoma`, `basal cell carcinoma`), or
    `benign`, `malignant` or `unknown` (diagnosis UNK). Images may lie deeper in it.

    The id is the file name without suffix; where two files share it, every id has its
    class folder before it. Nothing is known of patients: each image is a group of its
    own. A mask (`<name>_segmentation.png`) lies beside its image, or anywhere where no
    other image has that name. Arguments and errors are those of an `ArchiveReader`.
    """
    root = archive_root(path)
    paths = pd.Series(sorted(filter(_is_image, files_under(root))), dtype="string")
    if paths.empty:
        raise CatalogError(
            "The folder must hold class folders with .jpg, .jpeg or .png images. "
            f"Received: {str(root)!r}, which has none"
        )
    folders = paths.map(lambda name: name.split(os.sep)[0] if os.sep in name else "")
    stems = paths.map(lambda name: os.path.splitext(os.path.basename(name))[0])
    words = folders.str.lower()
    ids = stems if stems.is_unique else folders + "__" + stems
    table = pd.DataFrame(
        {
            "isic_id": ids,
            "path": paths,
            "folder": folders,
            "diagnosis": folders.map(_diagnosis),
            "benign_malignant": words.where(words.isin(MALIGNANCIES)),
            "mask_path": _masks(root, paths, stems.str.lower()),
            "_file": paths,
            "_row": 0,
        }
    )
    cause = (
        f"folder is no diagnosis: name it by one of {', '.join(DIAGNOSES)}, or in words"
    )
    faults = row_faults(table, table["diagnosis"].isna(), "folder", cause)
    table = table.drop(columns="folder").fillna({"diagnosis": "UNK"})
    return make_catalog(table, root, "folder", skip_bad, [faults])


def _masks(root, paths, stems):
    """Path of each image's mask: one of another folder may be another image's."""
    beside = paths.map(lambda name: os.path.splitext(name.lower())[0])
    beside = beside.map(find_masks(root, with_folder=True))
    anywhere = stems.map(find_masks(root)).where(~stems.duplicated(keep=False))
    return beside.fillna(anywhere)


def _is_image(relative):
    suffix = os.path.splitext(relative)[1].lower()
    return suffix in IMAGE_SUFFIXES and not is_annotation(relative)


def _diagnosis(folder):
    name = folder.strip().lower()
    if name.upper() in DIAGNOSES:
        return name.upper()
    if name in DIAGNOSES_OF_DX:
        return DIAGNOSES_OF_DX[name]
    if name in (*MALIGNANCIES, "unknown"):
        return "UNK"
    diagnosis = diagnosis_of_label(name)
    return pd.NA if diagnosis == "UNK" else diagnosis
