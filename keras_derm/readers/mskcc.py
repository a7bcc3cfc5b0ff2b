"""MSKCC Skin Tone Labeling (ISIC collection 413): dermoscopy with a colorimeter.

Needs the ISIC Archive's `metadata.csv` and the images. The supplement's csvs tell which
site a photograph shows: `s7.csv` by `isic_id`, `s2.csv` by `lesion_id`. Of that site
`s3.csv` has two raters' Monk tones (`monk_r1`, `monk_r2`) and `s4.csv` the
colorimeter's L*, a* and b* (`colorimeter_l`, `_a`, `_b`, means of the readings);
`site_type` says whether it was read on the lesion or on normal skin.

Reference:
    MSKCC (2024), MSKCC Skin Tone Labeling, ISIC Archive, doi.org/10.34970/962049.
"""

import pandas as pd

from keras_derm.readers import isic_archive
from keras_derm.readers.archive import ArchiveReader
from keras_derm.readers.files import find_table
from keras_derm.readers.notes import warn
from keras_derm.readers.tables import numbers, read_rows

MONK = {"monk_r1": "mst_r1", "monk_r2": "mst_r2"}


def _more(rows, root):
    columns, faults = isic_archive.more(rows, root)
    tags = _tags(rows, root)
    monk = _by_tag(root, "s3.csv", tuple(MONK.values()), "Monk tones are not known")
    readings = _by_tag(root, "s4.csv", ("l_1",), "colours by colorimeter are not known")
    found = {"tag_id": tags}
    for column, name in MONK.items():
        found[column] = tags.map(numbers(monk, name))
    for axis in "lab":
        names = [name for name in readings if name.startswith(f"{axis}_")]
        values = [numbers(readings, name) for name in names]
        mean = pd.DataFrame(values).mean() if values else {}
        found[f"colorimeter_{axis}"] = tags.map(mean).astype("float64")
    types = [table["type"] for table in (readings, monk) if "type" in table]
    found["site_type"] = pd.Series(pd.NA, rows.index, dtype="string")
    for known in types:
        found["site_type"] = found["site_type"].fillna(tags.map(known).astype("string"))
    return columns | found, faults


def _tags(rows, root):
    """The site that each photograph shows."""
    by_image = _supplement(
        root, "s7.csv", ("isic_id", "tag_id"), "which site it shows is not known"
    )
    tags = rows["isic_id"].map(_unique(by_image, "isic_id")).astype("string")
    by_lesion = _supplement(
        root, "s2.csv", ("lesion_id", "tag_id"), "the sites of lesions are not known"
    )
    if "lesion_id" in rows:
        of_lesion = rows["lesion_id"].map(_unique(by_lesion, "lesion_id"))
        tags = tags.fillna(of_lesion.astype("string"))
    return tags


def _unique(table, by):
    """Tag of each name that has one alone: else it is not known which is meant."""
    table = table[[by, "tag_id"]].dropna().drop_duplicates()
    return table[~table[by].duplicated(keep=False)].set_index(by)["tag_id"]


def _by_tag(root, name, columns, absent):
    table = _supplement(root, name, ("tag_id", *columns), absent)
    return table.drop_duplicates("tag_id").set_index("tag_id", drop=False)


def _supplement(root, name, columns, absent):
    file = find_table(root, name, needed=False)
    if file is not None:
        table = read_rows(file, columns)
    else:
        warn(f"{name} is not under {root}: {absent}.")
        table = pd.DataFrame(columns=[*columns, "_file", "_row"], dtype="string")
    return table.assign(isic_id=table[columns[0]])


read = ArchiveReader(
    "mskcc",
    files=("metadata.csv",),
    columns=isic_archive.COLUMNS,
    optional=tuple(
        name for name in isic_archive.COLUMNS if name not in ("isic_id", "patient_id")
    ),
    words=isic_archive.read.words,
    skin_tone=isic_archive.read.skin_tone,
    keep=isic_archive.KEPT,
    reads=isic_archive.READ,
    more=_more,
)
