"""One file per archive layout, each `read(path, skip_bad=False) -> Catalog`."""

from keras_derm.catalog.readers import ham10000

READERS = {
    "ham10000": ham10000.read,
}
