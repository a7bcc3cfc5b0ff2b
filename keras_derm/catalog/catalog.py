"""The table of images: what there is, what is known of each, who may see it."""

import os
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from keras_derm.catalog.faults import (
    CatalogError,
    fault_table,
    faults_at,
    raise_faults,
)
from keras_derm.catalog.groups import GROUP_COLUMNS, NO_NAMES, group_of_rows
from keras_derm.catalog.skin_tone_scales import (
    FITZPATRICK_TYPES,
    SKIN_TONE_SCALES,
    TONE_GROUPS,
    tone_group_of_label,
)
from keras_derm.catalog.text_tables import read_table
from keras_derm.files import write_csv
from keras_derm.object_store import absolute, are_files
from keras_derm.settings.kinds import ImageType

DIAGNOSES8 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
DIAGNOSES11 = (*DIAGNOSES8, "INF", "BEN_OTH", "MAL_OTH")
DIAGNOSES = (*DIAGNOSES11, "UNK")
BENIGN_MALIGNANT = {
    "MEL": "malignant",
    "BCC": "malignant",
    "SCC": "malignant",
    "MAL_OTH": "malignant",
    "AK": "indeterminate",
    "NV": "benign",
    "BKL": "benign",
    "DF": "benign",
    "VASC": "benign",
    "INF": "benign",
    "BEN_OTH": "benign",
}
"""What a diagnosis is as a rule, where the archive does not say it of the lesion."""

IMAGE_TYPES = get_args(ImageType)
"""What a photograph is of, in the words of the ISIC Archive."""

CLINICAL_TYPES = tuple(name for name in IMAGE_TYPES if name.startswith("clinical"))

SPLITS = ("train", "val", "test")
OLDEST = 120
"""Years that nobody is older than."""

REQUIRED_COLUMNS = ("isic_id", "path", "diagnosis")

COLUMN_TYPES = {
    "isic_id": "string",
    "path": "string",
    "root": "string",
    "diagnosis": "string",
    "benign_malignant": "string",
    "patient_id": "string",
    "lesion_id": "string",
    "duplicate_group": "string",
    "age_approx": "float64",
    "sex": "string",
    "anatom_site_general": "string",
    "image_type": "string",
    "skin_tone_label": "string",
    "skin_tone_scale": "string",
    "skin_tone_rater": "string",
    "tone_group": "string",
    "tone_source": "string",
    "mask_path": "string",
    "source": "string",
    "copyright_license": "string",
    "ita": "float64",
    "ita_type": "string",
    "split": "string",
    "split_name": "string",
    "plain_rgb": "bool",
    "content_hash": "string",
    "synthetic": "bool",
    "generator": "string",
    "seed": "Int64",
    "parent_id": "string",
}
ALLOWED_VALUES = {
    "diagnosis": DIAGNOSES,
    "benign_malignant": ("benign", "malignant", "indeterminate"),
    "image_type": IMAGE_TYPES,
    "skin_tone_scale": tuple(SKIN_TONE_SCALES),
    "tone_group": TONE_GROUPS,
    "ita_type": (*FITZPATRICK_TYPES, "undetermined"),
    "split": SPLITS,
}
LABELLED = "label"
"""The `tone_source` of a group that a person's label gives."""

EARLIER_NAMES = {"ita_tone": "ita_type", "skin_tone_reason": "ita_reason"}
"""Columns of catalogs that were saved before their names were these."""


class Catalog:
    """Images of skin lesions and what is known of each, one table row per image.

    A catalog checks itself when it is made and answers with every fault at once.
    It is never changed in place: each method returns a new catalog.

    A person's label of the skin is `skin_tone_label` on its `skin_tone_scale`, given
    by `skin_tone_rater`. The `tone_group` (light, medium, dark) by which people are
    compared follows from it (`tone_source` is then "label"). Without a label it may
    come from an estimator, which `tone_source` names; it is empty where nothing is
    known. `ita` and `ita_type` are the colour of the photograph, not a person's tone.

    Args:
        table: `pandas.DataFrame` with at least the columns `isic_id` (unique), `path`
            (relative to `root`) and `diagnosis` (one of `DIAGNOSES`). The other
            columns of `COLUMN_TYPES` are added, empty, where they are absent; further
            columns are kept as they are.
        root: Directory, or URL in an object store, that `path` and `mask_path` are
            relative to, for rows without a value in the column `root`.

    Raises:
        CatalogError: If a column is missing, an id empty or double, a value not
            allowed, a path outside its root, a file absent, a synthetic row in `val`
            or `test`, or a patient, lesion, duplicate group or file (by its
            `content_hash`) in more than one split. A published split, named in
            `split_name`, may break the last rule: `find_leaks` tells where.

    Example:
        >>> catalog = Catalog(
        ...     pd.DataFrame(
        ...         {"isic_id": ["a"], "path": ["a.jpg"], "diagnosis": ["MEL"]}
        ...     ),
        ...     root="/data/images",
        ... )
        >>> catalog.where(diagnosis="MEL").paths
        ['/data/images/a.jpg']
    """

    def __init__(self, table, root=None):
        self._table = _sound_table(table, root)
        self._skipped = fault_table([])
        self._notes = ()

    @classmethod
    def load(cls, csv):
        """Read a catalog that `save` wrote.

        Raises:
            CatalogError: As for a new catalog, naming the csv file and row.
        """
        return cls._of(_sound_table(_read_saved(csv), name=str(csv)))

    @classmethod
    def _of(cls, table, skipped=None, notes=()):
        """Wrap a table already known to be sound."""
        catalog = cls.__new__(cls)
        catalog._table = table.reset_index(drop=True)
        catalog._skipped = fault_table([]) if skipped is None else skipped
        catalog._notes = tuple(notes)
        return catalog

    @property
    def table(self):
        """A copy of the `pandas.DataFrame`, index 0 to n - 1."""
        return self._table.copy()

    @property
    def skipped(self):
        """Table of the rows that a reader left out (`skip_bad=True`), with causes."""
        return self._skipped.copy()

    @property
    def notes(self):
        """Sentences of the reader: what it left out, and what it does not know."""
        return self._notes

    def with_notes(self, notes):
        """Return the same catalog with further sentences of its reader."""
        notes = tuple(dict.fromkeys([*self._notes, *notes]))
        return Catalog._of(self._table, self._skipped, notes)

    @property
    def paths(self):
        """Absolute path of each image, or its URL in an object store, a list of str."""
        return list(map(os.path.join, self._table["root"], self._table["path"]))

    @property
    def mask_paths(self):
        """Absolute path of each lesion mask, None where there is none."""
        places = zip(self._table["root"], self._table["mask_path"], strict=True)
        return [None if pd.isna(m) else os.path.join(root, m) for root, m in places]

    def __len__(self):
        return len(self._table)

    def __repr__(self):
        counts = self._table["diagnosis"].value_counts().to_dict()
        return f"Catalog({len(self)} images: {counts})"

    def save(self, csv):
        """Write the catalog as csv, whole or not at all; `load` reads it back."""
        write_csv(csv, self._table)

    def where(self, mask=None, **columns):
        """Keep the rows that meet every condition.

        Args:
            mask: Optional bool array or Series, one value per row.
            **columns: Column name and the value, or list of values, to keep.

        Returns:
            A `Catalog`, perhaps empty.

        Raises:
            CatalogError: If a column is not there or the mask has another length.
        """
        keep = np.ones(len(self), dtype=bool)
        if mask is not None:
            mask = np.asarray(mask)
            if mask.dtype != bool or mask.shape != (len(self),):
                raise CatalogError(
                    f"`mask` must be a bool array of shape ({len(self)},). "
                    f"Received: {mask.dtype} of shape {mask.shape}"
                )
            keep &= mask
        for column, values in columns.items():
            self._require_column(column)
            if isinstance(values, (str, bytes)) or not np.iterable(values):
                values = [values]
            keep &= self._table[column].isin(list(values)).to_numpy(dtype=bool)
        return Catalog._of(self._table[keep], self._skipped, self._notes)

    def split(self, name):
        """Keep the rows of one split: "train", "val" or "test"."""
        if name not in SPLITS:
            raise CatalogError(f"`name` must be one of {SPLITS}. Received: {name!r}")
        return self.where(split=name)

    def real(self):
        """Keep the photographs."""
        return self.where(synthetic=False)

    def synthetic(self):
        """Keep the made images."""
        return self.where(synthetic=True)

    def with_columns(self, **arrays):
        """Set columns, checking the rules anew.

        Args:
            **arrays: Column name and its values, one per row, or one for all rows.

        Returns:
            A `Catalog`.

        Raises:
            CatalogError: If the new values break a rule.
        """
        table = self.table
        for column, values in arrays.items():
            if isinstance(values, pd.Series):
                values = values.to_numpy(dtype=object, na_value=pd.NA)
            table[column] = values
        return Catalog._of(_sound_table(table), self._skipped, self._notes)

    def concat(self, other):
        """Append the rows of `other`; ids must stay unique, groups in one split."""
        table = pd.concat([self._table, other._table], ignore_index=True)
        skipped = pd.concat([self._skipped, other._skipped], ignore_index=True)
        notes = dict.fromkeys([*self._notes, *other._notes])
        return Catalog._of(_sound_table(table), skipped, notes)

    def require_real(self):
        """Return self; refuse synthetic rows, as every judgement must.

        Raises:
            CatalogError: If a row is synthetic.
        """
        self._refuse(
            self._table["synthetic"],
            "synthetic",
            "is a synthetic image, where only real ones may be judged",
            "Use `catalog.real()`.",
        )
        return self

    def require_training_only(self):
        """Return self; refuse held-out rows, as every generator must.

        Raises:
            CatalogError: If a row is in `val` or `test`.
        """
        self._refuse(
            self._table["split"].isin(["val", "test"]),
            "split",
            "is held out; a generator may see training rows only",
            "Use `catalog.split('train')`.",
        )
        return self

    def _refuse(self, mask, column, cause, way_out):
        mask = mask.to_numpy(dtype=bool)
        if mask.any():
            raise_faults(faults_at(self._table, mask, column, cause), way_out)

    def _require_column(self, column):
        if column not in self._table:
            raise CatalogError(
                f"The catalog has the columns {list(self._table)}. Received: {column!r}"
            )


def _sound_table(table, root=None, name="catalog"):
    """The completed table; every fault of it is raised."""
    table = complete_table(table, root, name)
    faults = table_faults(table, name)
    if len(faults):
        raise_faults(faults)
    return table


def complete_table(table, root=None, name="catalog"):
    """Return a copy of `table` with every column of `COLUMN_TYPES`, typed.

    Args:
        table: `pandas.DataFrame` with at least `REQUIRED_COLUMNS`.
        root: Directory for rows without a `root`, or None.
        name: What error messages call the table.

    Returns:
        `pandas.DataFrame` with index 0 to n - 1; the known columns come first.

    Raises:
        CatalogError: If a column is missing or holds values of another type.
    """
    table = _with_present_names(table)
    missing = [column for column in REQUIRED_COLUMNS if column not in table]
    if missing:
        raise CatalogError(
            f"{name}: column(s) {missing} missing. A catalog needs "
            f"{list(REQUIRED_COLUMNS)}. Received: {list(table)}"
        )
    table = table.reset_index(drop=True).copy()
    faults = []
    for column, kind in COLUMN_TYPES.items():
        values = table.get(column)
        table[column], bad = _typed(values, column, kind, len(table))
        if bad is not None and bad.any():
            cause = f"is not of type {kind}"
            faults.append(
                faults_at(table.assign(**{column: values}), bad, column, cause, name)
            )
    if faults:
        raise_faults(pd.concat(faults, ignore_index=True))
    if root is not None:
        table["root"] = table["root"].fillna(absolute(root))
    labelled = tone_group_of_label(table["skin_tone_label"], table["skin_tone_scale"])
    first = table["tone_group"].isna() & labelled.notna()
    table["tone_group"] = table["tone_group"].mask(first, labelled)
    table["tone_source"] = table["tone_source"].mask(first, LABELLED)
    extra = [column for column in table if column not in COLUMN_TYPES]
    for column in extra:
        if pd.api.types.is_string_dtype(table[column]):
            table[column] = table[column].astype("string").replace("", pd.NA)
    return table[[*COLUMN_TYPES, *extra]]


def _with_present_names(table):
    """The table with columns named as now, and ISIC's Fitzpatrick type as a label."""
    earlier = {
        old: new
        for old, new in EARLIER_NAMES.items()
        if old in table and new not in table
    }
    table = table.rename(columns=earlier)
    if "fitzpatrick_skin_type" not in table:
        return table
    types = table["fitzpatrick_skin_type"].astype("string").replace("", pd.NA)
    empty = pd.Series(pd.NA, table.index, dtype="string")
    labels = table.get("skin_tone_label", empty).astype("string")
    scales = table.get("skin_tone_scale", empty).astype("string")
    own = labels.isna() & types.notna()
    table = table.assign(
        skin_tone_label=labels.mask(own, types),
        skin_tone_scale=scales.mask(own, "fitzpatrick"),
    )
    return table.drop(columns="fitzpatrick_skin_type")


def _typed(values, column, kind, n_rows):
    """Return (values as `kind`, mask of those that are not)."""
    if values is None:
        values = pd.Series([pd.NA] * n_rows, dtype=object)
    if kind == "string" and column in GROUP_COLUMNS:
        names = values.astype("string").str.strip()
        return names.mask(names.str.lower().isin(NO_NAMES)), None
    if kind == "string":
        return values.astype("string").replace("", pd.NA), None
    if kind == "bool":
        words = values.astype("string").str.lower()
        bad = ~(words.isin(["true", "false"]) | words.isna())
        return (words == "true").fillna(False).astype(bool), bad.to_numpy(dtype=bool)
    # As text, since whole numbers beyond 2**53 would lose digits as floats.
    written = values.astype("string" if kind == "Int64" else "object")
    numbers = pd.to_numeric(written, errors="coerce")
    bad = (numbers.isna() & values.notna()).to_numpy(dtype=bool)
    if kind == "Int64":
        whole = numbers.isna() | ((numbers % 1 == 0) & (numbers < 2**63))
        bad = bad | ~whole.to_numpy(dtype=bool)
        numbers = numbers.where(whole)
    return numbers.astype(kind), bad


def table_faults(table, name="catalog", rows=None, check_files=True):
    """Return every fault of a completed table as a `pandas.DataFrame`.

    Args:
        table: What `complete_table` returned.
        name, rows: As for `faults_at`.
        check_files: Whether to look for the image and mask files.
    """
    checks = [_id_faults, _value_faults, _tone_faults, _path_faults, _rule_faults]
    if check_files:
        checks.append(_file_faults)
    found = [
        faults_at(table, mask, column, cause, name, rows)
        for check in checks
        for mask, column, cause in check(table)
        if mask.any()
    ]
    if not found:
        return fault_table([])
    return pd.concat(found).sort_values("row", kind="stable").reset_index(drop=True)


def _id_faults(table):
    for column in REQUIRED_COLUMNS:
        yield table[column].isna(), column, "is empty"
    cause = "is empty: give the directory of the images as `root`"
    yield table["root"].isna(), "root", cause
    double = table["isic_id"].duplicated() & table["isic_id"].notna()
    yield double, "isic_id", "double id: an earlier row has it"
    same = table["isic_id"].str.lower().duplicated() & table["isic_id"].notna()
    cause = "double id: that of an earlier row differs in upper and lower case alone"
    yield same & ~double, "isic_id", cause


def _value_faults(table):
    for column, allowed in ALLOWED_VALUES.items():
        unknown = table[column].notna() & ~table[column].isin(allowed)
        yield unknown, column, f"unknown value, must be one of {', '.join(allowed)}"
    age = table["age_approx"]
    outside = age.notna() & ~age.between(0, OLDEST)
    yield outside, "age_approx", f"must be years from 0 to {OLDEST}, or empty"
    outside = table["seed"].notna() & (table["seed"] < 0).fillna(False)
    yield outside, "seed", "must be a whole number from 0 to 2^63 - 1"


def _tone_faults(table):
    labels, scales = table["skin_tone_label"], table["skin_tone_scale"]
    cause = f"has no `skin_tone_scale`: one of {', '.join(SKIN_TONE_SCALES)}"
    yield labels.notna() & scales.isna(), "skin_tone_label", cause
    groups = tone_group_of_label(labels, scales)
    for scale, words in SKIN_TONE_SCALES.items():
        unknown = labels.notna() & scales.eq(scale).fillna(False) & groups.isna()
        cause = f"is no label of the scale {scale}, which has {', '.join(words)}"
        yield unknown, "skin_tone_label", cause
    other = groups.notna() & table["tone_group"].ne(groups).fillna(False)
    yield other, "tone_group", "is another group than that of the person's label"


def leaves_root(path):
    """Tell whether a relative path climbs out of the directory it is relative to."""
    normal = os.path.normpath(path)
    return os.path.isabs(normal) or normal == ".." or normal.startswith("../")


def _path_faults(table):
    for column in ("path", "mask_path"):
        outside = [pd.notna(path) and leaves_root(path) for path in table[column]]
        cause = "path leaves its root: must be relative and stay below it"
        yield np.array(outside, bool), column, cause


def _file_faults(table):
    for column in ("path", "mask_path"):
        is_named = [
            pd.notna(path) and pd.notna(root) and not leaves_root(path)
            for root, path in zip(table["root"], table[column], strict=True)
        ]
        named = table[np.array(is_named, bool)]
        there = are_files(named["root"], named[column])
        absent = table.index.isin(named.index[~np.array(there, bool)])
        yield absent, column, "file is missing"


def _rule_faults(table):
    held_out = table["split"].isin(["val", "test"])
    cause = "is synthetic, and may be in train only"
    yield table["synthetic"] & held_out, "split", cause
    ruled = (table["split"].notna() & table["split_name"].isna()).to_numpy(dtype=bool)
    if not held_out.any() or not ruled.any():
        return
    splits = table["split"].where(ruled)
    by_group = splits.groupby(group_of_rows(table))
    leaking = by_group.transform("nunique").gt(1) & ruled
    cause = (
        "its patient, lesion, duplicate group or file is in more than one split: "
        "use `split_catalog`, or name a published split in `split_name`"
    )
    yield leaking, "split", cause


def _read_saved(csv):
    as_text = ("string", "Int64")
    text = {name: "string" for name, kind in COLUMN_TYPES.items() if kind in as_text}
    if not Path(csv).is_file():
        raise CatalogError(f"There is no catalog csv. Received: {str(csv)!r}")
    return read_table(csv, dtype=text)
