"""One file per archive layout, each `read(path, skip_bad=False) -> Catalog`.

A new reader is a file here, mostly an `ArchiveReader`, and a line in `READERS`.
"""

from keras_derm import phantom
from keras_derm.readers import (
    fitzpatrick17k,
    folder,
    ham10000,
    isic2016,
    isic2019,
    isic2020,
    isic_archive,
)

READERS = {
    "isic_archive": isic_archive.read,
    "isic2016": isic2016.read,
    "isic2019": isic2019.read,
    "isic2020": isic2020.read,
    "ham10000": ham10000.read,
    "fitzpatrick17k": fitzpatrick17k.read,
    "folder": folder.read,
    # No image of it is bad.
    "phantom": lambda options, skip_bad=False: phantom.read(options),
}


def read_data_source(source, skip_bad=False):
    """Read the archive named by a data source, which every app takes as `--data`.

    Args:
        source: `READER:PATH`, as in `"ham10000:/data/HAM10000"` or
            `"isic2019:/data/isic2019"`; `"phantom:n=2000,seed=7,size=256"` renders
            the embedded phantom.
        skip_bad: Whether to go on without rows whose image is missing.

    Returns:
        `Catalog`.

    Raises:
        ValueError: The reader is unknown.
        CatalogError: The archive has faults; all of them are named.

    Example:
        >>> catalog = read_data_source("ham10000:/data/HAM10000")
    """
    reader, separator, path = source.partition(":")
    if not separator or reader not in READERS:
        raise ValueError(
            "a data source is READER:PATH with a reader among "
            f"{', '.join(READERS)}. Received: {source!r}"
        )
    return READERS[reader](path, skip_bad=skip_bad)
