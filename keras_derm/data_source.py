"""Open the data source that every app takes as `--data READER:PATH`."""

from keras_derm import phantom
from keras_derm.catalog.readers import READERS


def read_data_source(source, skip_bad=False):
    """Read the archive named by a data source string.

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
    """
    reader, separator, path = source.partition(":")
    if not separator or reader not in (*READERS, "phantom"):
        raise ValueError(
            "a data source is READER:PATH with a reader among "
            f"{', '.join((*READERS, 'phantom'))}. Received: {source!r}"
        )
    if reader == "phantom":
        return phantom.read(path)
    return READERS[reader](path, skip_bad=skip_bad)
