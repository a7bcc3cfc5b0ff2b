"""One file per archive layout: `read(path, skip_bad, with_images) -> Catalog`.

A new reader is a file here, mostly an `ArchiveReader`, and a line in `READERS`.
"""

from collections import Counter

from keras_derm import phantom
from keras_derm.catalog.join import join_catalogs
from keras_derm.object_store import keeping_listings
from keras_derm.readers import (
    bcn20000,
    ddi,
    derm7pt,
    fitzpatrick17k,
    folder,
    ham10000,
    isic2016,
    isic2017,
    isic2018,
    isic2019,
    isic2020,
    isic2024,
    isic_archive,
    midas,
    milk10k,
    mskcc,
    pad_ufes20,
    passion,
    ph2,
    scin,
    table,
)
from keras_derm.readers.files import tell_of_files
from keras_derm.readers.notes import listening

READERS = {
    "isic_archive": isic_archive.read,
    "isic2016": isic2016.read,
    "isic2017": isic2017.read,
    "isic2018": isic2018.read,
    "isic2019": isic2019.read,
    "isic2020": isic2020.read,
    "isic2024": isic2024.read,
    "milk10k": milk10k.read,
    "mskcc": mskcc.read,
    "ham10000": ham10000.read,
    "bcn20000": bcn20000.read,
    "ph2": ph2.read,
    "derm7pt": derm7pt.read,
    "midas": midas.read,
    "pad_ufes20": pad_ufes20.read,
    "ddi": ddi.read,
    "fitzpatrick17k": fitzpatrick17k.read,
    "scin": scin.read,
    "passion": passion.read,
    "folder": folder.read,
    "table": table.read,
    # No image of it is bad.
    "phantom": lambda options, skip_bad=False: phantom.read(options),
}


IMAGES_ALONE = ("folder", "phantom")
"""Readers of archives that have no table beside their images."""


def read_data_source(source, skip_bad=False, with_images=True):
    """Read the archives named by data sources, which every app takes as `--data`.

    Args:
        source: `READER:PATH`, as in `"ham10000:/data/HAM10000"` or
            `"isic2019:/data/isic2019"`; PATH may be a URL of an object store, as in
            `"ham10000:s3://bucket/HAM10000"`. `"phantom:n=2000,seed=7,size=256"`
            renders the embedded phantom. Or a list of these, which are joined: every
            id then begins with the name of its reader (`join_catalogs`), or, where
            several sources have one reader, with that and a number (`folder2:...`).
        skip_bad: Whether to go on without rows whose image is missing.
        with_images: Whether images are looked for. Without, the tables alone are read:
            who is in an archive whose images are elsewhere.

    Returns:
        `Catalog`, whose `notes` say what was left out.

    Raises:
        ValueError: The reader is unknown, or nothing is named.
        CatalogError: An archive has faults; all of them are named.

    Example:
        >>> catalog = read_data_source("ham10000:/data/HAM10000")
        >>> both = read_data_source(["milk10k:/data/milk10k", "ddi:/data/ddi"])
    """
    sources = [source] if isinstance(source, str) else list(source)
    named = [_reader_and_path(one) for one in sources]
    if not named:
        raise ValueError("name a data source READER:PATH. Received: none")
    times, number, catalogs = Counter(name for name, _ in named), Counter(), {}
    with listening() as heard, keeping_listings():
        for name, path in named:
            number[name] += 1
            key = name if times[name] == 1 else f"{name}{number[name]}"
            catalogs[key] = _read(name, path, skip_bad, with_images)
        for root, taken in heard.taken.items():
            tell_of_files(root, taken)
    return join_catalogs(catalogs).with_notes(heard.said)


def _read(name, path, skip_bad, with_images):
    if with_images:
        return READERS[name](path, skip_bad=skip_bad)
    if name in IMAGES_ALONE:
        raise ValueError(
            f"{name} has no table that could be read without its images. "
            f"Received: {name}:{path}"
        )
    return READERS[name](path, skip_bad=skip_bad, with_images=False)


def _reader_and_path(source):
    reader, separator, path = str(source).partition(":")
    if not separator or reader not in READERS:
        raise ValueError(
            "a data source is READER:PATH with a reader among "
            f"{', '.join(READERS)}. Received: {source!r}"
        )
    return reader, path
