"""A reader that is a declaration: the archive's files, its columns and its words."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import (
    BENIGN_MALIGNANT,
    Catalog,
    complete_table,
    leaves_root,
    table_faults,
)
from keras_derm.catalog.faults import fault_table, faults_at, raise_faults
from keras_derm.catalog.images import SKIP_HINT, image_faults, mask_faults
from keras_derm.catalog.skin_tone_scales import SKIN_TONE_SCALES
from keras_derm.files import escaped
from keras_derm.object_store import are_files
from keras_derm.photographs import IMAGE_SUFFIXES
from keras_derm.readers.files import (
    archive_root,
    find_masks,
    find_tables,
    named_images,
    place_of_absent,
)
from keras_derm.readers.notes import note, take
from keras_derm.readers.tables import (
    numbers,
    one_hot_diagnosis,
    read_found,
    translated,
    warn_of_unread,
    without_unknown,
)

PLACES = ("sex", "anatom_site_general")
MOST_ABSENT, LOOKED_AT = 0.1, 100
"""Share and number of missing images above which this is told before any is decoded."""

ONE_HOT, SPLIT = "_diagnosis", "_split"
"""Columns of the rows that the parts of an archive give."""


@dataclass(frozen=True)
class ArchiveReader:
    """Reader of an archive with a table of its photographs.

    Photographs and lesion masks (`<image id>_segmentation.png`) may lie in any folder.

    Args:
        source: Name of the archive, `source` of its rows.
        columns: dict of catalog column -> column of the tables. That of `isic_id` holds
            ids, file names or paths. `age_approx` is read as a number, `sex` and
            `anatom_site_general` as lower-case words.
        files: File name patterns of the table of photographs, as `find_table` takes
            them; `{part}` stands for the part of the archive.
        names: Names of its columns, where it has no header.
        parts: dict of split -> name of that part in file names, for an archive that is
            published in parts: those that are there are read, and give the split.
        joined: `JoinedTable`s with more of each photograph or lesion.
        one_hot: dict of column -> diagnosis, where each diagnosis has a column.
        one_hot_else: Diagnosis where all of these are 0.
        words: dict of catalog column -> what its words mean, as `translated` takes it.
            A diagnosis that is not known is "UNK"; a row may lack one where the words
            have "".
        fixed: dict of catalog column -> value of all rows.
        skin_tone: Scale of the labels of skin tone, and who gave them.
        keep, measures: Columns that are kept under their own names where they are
            there, as text and as numbers.
        optional: Catalog columns that the tables may lack.
        required: Columns of the table that `more` needs.
        reads: Columns that `more` or `rows` reads where they are there.
        rows: Function of the root that reads the rows, where they are no plain table.
        more: Function of rows and root, for what is no plain column: gives a dict of
            catalog columns, which replace those of the tables, and a list of fault
            tables.

    Example:
        >>> read = ArchiveReader(
        ...     "clinic",
        ...     files=("lesions.csv",),
        ...     columns={"isic_id": "image", "diagnosis": "finding"},
        ...     words={"diagnosis": {"naevus": "NV", "melanoma": "MEL"}},
        ...     fixed={"image_type": "dermoscopic"},
        ... )
        >>> catalog = read("/data/clinic")
    """

    source: str
    columns: dict
    files: tuple = ()
    names: tuple | None = None
    parts: dict = field(default_factory=dict)
    joined: tuple = ()
    one_hot: dict = field(default_factory=dict)
    one_hot_else: str | None = None
    words: dict = field(default_factory=dict)
    fixed: dict = field(default_factory=dict)
    skin_tone: tuple | None = None
    keep: tuple = ()
    measures: tuple = ()
    optional: tuple = ()
    required: tuple = ()
    reads: tuple = ()
    rows: Callable | None = None
    more: Callable | None = None

    def __call__(self, path, skip_bad=False, with_images=True):
        """Read the archive.

        Args:
            path: Folder of the archive, or its URL in an object store.
            skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.
            with_images: Look for the images. Without, the catalog is of the tables
                alone: nothing that needs an image can be done with it.

        Returns:
            A `Catalog`.

        Raises:
            CatalogError: With every fault, each with file and row.
        """
        root = archive_root(path)
        rows, faults = self._rows(root)
        table = rows[["isic_id", "path", "_file", "_row"]].assign(**self.fixed)
        columns = {"diagnosis": ONE_HOT, "split": SPLIT} | self.columns
        for column, name in columns.items():
            if column != "isic_id" and name in rows:
                table[column], found = self._values(rows, column, name)
                faults += found
        for name in self.keep:
            if name in rows and name not in table:
                table[name] = rows[name]
        for name in self.measures:
            if name in rows:
                table[name] = numbers(rows, name)
        self._tell_of_columns(rows)
        if self.more is not None:
            further, found = self.more(rows, root)
            table, faults = table.assign(**further), [*faults, *found]
        return make_catalog(
            self._completed(table), root, self.source, skip_bad, faults, with_images
        )

    def _rows(self, root):
        """Rows of all parts, with their photographs and what is joined to them."""
        parts, faults = [], []
        for split, part in self._parts(root).items():
            rows = self._table(root, part)
            name = rows[self.columns["isic_id"]]
            rows["isic_id"], rows["path"] = named_images(name, root)
            for table in self.joined:
                rows, found = table.join(rows, root, part)
                faults += found
            if self.one_hot and set(self.one_hot) <= set(rows):
                rows[ONE_HOT], found = one_hot_diagnosis(
                    rows, self.one_hot, self.one_hot_else
                )
                faults.append(found)
            parts.append(rows if split is None else rows.assign(**{SPLIT: split}))
        return pd.concat(parts, ignore_index=True), faults

    def _tell_of_columns(self, rows):
        """Say which columns of the tables are not read."""
        joined = [name for table in self.joined for name in (table.by, *table.columns)]
        known = {
            *("isic_id", "path", ONE_HOT, SPLIT, "photograph", "view"),
            *(*self.columns.values(), *self.keep, *self.measures, *self.one_hot),
            *(*self.required, *self.reads, *joined),
        }
        left = [
            name
            for name in rows
            if name not in known and not name.startswith(("_", "unnamed "))
        ]
        if left:
            note(
                f"{len(left)} column(s) of the tables are not read: "
                f"{', '.join(map(escaped, left))}"
            )

    def _parts(self, root):
        """The parts that are there, by split; one without a name, where it has none."""
        if not self.parts:
            return {None: None}
        found = {
            split: part
            for split, part in self.parts.items()
            if find_tables(root, *self._files(part), needed=False)
        }
        if not found:  # then it says which files it looked for
            every = map(self._files, self.parts.values())
            find_tables(root, *itertools.chain.from_iterable(every))
        return found

    def _files(self, part):
        return [name.format(part=part) for name in self.files]

    def _table(self, root, part):
        if self.rows is not None:
            return self.rows(root)
        joined = {name for table in self.joined for name in table.columns}
        needed = [n for c, n in self.columns.items() if c not in self.optional]
        needed = [name for name in needed if name not in joined]
        one_hot = [name for name in self.one_hot if name not in joined]
        return read_found(
            root,
            *self._files(part),
            key=self.columns["isic_id"],
            required=(*needed, *one_hot, *self.required),
            names=self.names,
        )

    def _values(self, rows, column, name):
        """Values of one column of the catalog, and a list of fault tables."""
        if column in self.words:
            words = self.words[column]
            may_be_empty = column != "diagnosis" or callable(words) or "" in words
            is_side_field = column == "skin_tone_label"
            return translated(rows, name, words, may_be_empty, is_side_field)
        if column == "age_approx":
            return numbers(rows, name), []
        return without_unknown(rows[name]) if column in PLACES else rows[name], []

    def _completed(self, table):
        """The table with what follows from its columns."""
        table["diagnosis"] = table.get("diagnosis", pd.Series("UNK", table.index))
        table["diagnosis"] = table["diagnosis"].fillna("UNK")
        if self.skin_tone is not None and "skin_tone_label" in table:
            labelled = table["skin_tone_label"].notna()
            for column, value in zip(
                ("skin_tone_scale", "skin_tone_rater"), self.skin_tone, strict=True
            ):
                table[column] = pd.Series(value, table.index).where(labelled)
        if "split" in table:
            table["split_name"] = pd.Series(self.source, table.index).where(
                table["split"].notna()
            )
        return table


def make_catalog(table, root, source, skip_bad, faults=(), with_images=True):
    """Decode the images of a table and make the catalog, or tell every fault.

    Args:
        table: Catalog columns, and `_file` and `_row` as `read_rows` gives them. Masks
            are looked for where it has no `mask_path`.
        root: `Path` of the archive.
        source: Name of the archive, for the column `source`.
        skip_bad: Leave out the rows at fault, and keep them in `catalog.skipped`.
        faults: Fault tables that the reader has found already.
        with_images: Look for the images and decode them.

    Returns:
        A `Catalog` with `plain_rgb` and `content_hash` filled.

    Raises:
        CatalogError: With all faults, or if no good row is left.
    """
    table = table.reset_index(drop=True)
    names, rows = table.pop("_file").to_numpy(object), table.pop("_row").to_numpy()
    table["source"] = source
    if "mask_path" not in table:
        table["mask_path"] = table["isic_id"].str.lower().map(find_masks(root))
    usual = table["diagnosis"].map(BENIGN_MALIGNANT).astype("string")
    given = table.get("benign_malignant", usual).astype("string")
    table["benign_malignant"] = given.fillna(usual)
    if not with_images:
        table = table.assign(path=table["isic_id"], mask_path=pd.NA)
    table = _without_unread_labels(table.assign(_file=names, _row=rows))
    table = complete_table(table, root, name=source)
    sound = [pd.notna(path) and not leaves_root(path) for path in table["path"]]
    sound = np.array(sound, bool)
    hint = SKIP_HINT
    found = [*faults, table_faults(table, names, rows, check_files=False)]
    if with_images:
        paths = table["path"].fillna("")
        take(root, map(os.path.join, table["root"], paths))
        absent = sound & ~np.array(are_files(table["root"], paths), bool)
        hint = _way_out(table, absent, root)
        if absent.sum() > max(LOOKED_AT, MOST_ABSENT * len(table)) and not skip_bad:
            cause = "file is missing"
            found.append(faults_at(table, absent, "path", cause, names, rows))
            raise_faults(_together(found), f"{hint}\nNo image was looked into yet.")
        images, facts = image_faults(table[sound], names[sound], rows[sound])
        table.loc[sound, list(facts)] = facts
        sound &= ~table["isic_id"].isin(images["isic_id"]).to_numpy(bool)
        masks = mask_faults(table[sound], names[sound], rows[sound])
        found += [images, masks]
    found = _together(found)
    if not len(found):
        return Catalog._of(table)
    return _without_bad_rows(table, names, rows, found, hint, skip_bad)


def _without_unread_labels(table):
    """The table without labels of skin tone that their scale does not have."""
    if not {"skin_tone_label", "skin_tone_scale"} <= set(table):
        return table.drop(columns=["_file", "_row"])
    labels, scales = table["skin_tone_label"], table["skin_tone_scale"]
    for scale, known in SKIN_TONE_SCALES.items():
        unread = (scales == scale).fillna(False) & ~labels.isin([*known, "", pd.NA])
        cause = f"is none of {', '.join(known)}, the scale {scale}"
        warn_of_unread(table, unread, "skin_tone_label", cause)
        for column in ("skin_tone_label", "skin_tone_scale", "skin_tone_rater"):
            if column in table:
                table[column] = table[column].mask(unread)
    return table.drop(columns=["_file", "_row"])


def _together(faults):
    """Fault tables as one, in the order of the files."""
    found = [part for part in faults if len(part)]
    if not found:
        return fault_table([])
    found = pd.concat(found).sort_values(["file", "row"], kind="stable")
    return found.reset_index(drop=True)


def _way_out(table, absent, root):
    """What to do about faults, with what is known of photographs that are missing."""
    if not absent.any():
        return SKIP_HINT
    hint = SKIP_HINT
    if absent.all():
        hint = (
            f"None of the {len(table)} images is under {root}: put them, as "
            f"{', '.join(IMAGE_SUFFIXES)}, into any folder there."
        )
    place = place_of_absent(table["path"][absent], root)
    return "\n".join([hint, *filter(None, [place])])


def _without_bad_rows(table, names, rows, faults, hint, skip_bad):
    if not skip_bad:
        raise_faults(faults, hint)
    of_mask = faults["column"].eq("mask_path")
    good = ~_is_at_fault(table, names, rows, faults[~of_mask])
    if not good.any():
        raise_faults(faults, hint if hint != SKIP_HINT else "No good row is left.")
    # A photograph with a bad mask is one without a mask.
    masked = ~_is_at_fault(table, names, rows, faults[of_mask])
    table["mask_path"] = table["mask_path"].where(masked)
    return Catalog._of(table[good], faults)


def _is_at_fault(table, names, rows, faults):
    """Which rows have a fault: by file, line and id, or in a joined table by id."""
    ids = faults["isic_id"].fillna("")
    bad = set(zip(faults["file"], faults["row"], ids, strict=True))
    elsewhere = set(ids[~faults["file"].isin(names)])
    places = zip(names, rows, table["isic_id"].fillna(""), strict=True)
    return np.array(
        [place in bad or place[-1] in elsewhere for place in places], dtype=bool
    )
