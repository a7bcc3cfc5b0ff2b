"""One file per archive layout, each `read(path, skip_bad=False) -> Catalog`."""

from keras_derm.catalog.readers import (
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
}
