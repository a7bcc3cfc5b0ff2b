"""Grouped, stratified splits of a catalog, and where a published split leaks."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import SPLITS
from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.groups import TOGETHER, group_of_rows
from keras_derm.catalog.photograph_ids import match_ids
from keras_derm.catalog.text_tables import read_table
from keras_derm.files import shown

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name")
GIANT, LEAST_IMAGES = 0.2, 50
SPLIT_ALIASES = {"validation": "val", "valid": "val", "training": "train"}


def group_ids(catalog):
    """Number the groups of images that must stay together in one split.

    Images belong together when they share a patient, a lesion or a duplicate group,
    when their files are equal (`content_hash`), or when one was made from the other
    (`parent_id`), also through third images.

    Args:
        catalog: A `Catalog`.

    Returns:
        int64 array, shape (n,): 0, 1, ... in order of first appearance.
    """
    return group_of_rows(catalog.table)


def split_catalog(catalog, fractions=(0.7, 0.15, 0.15), seed=0, by="diagnosis"):
    """Split a catalog into train, val and test, grouped and stratified.

    Groups (`group_ids`) are dealt out whole, the largest first and equal ones in an
    order drawn from `seed`, each to the split that is furthest below its share of the
    group's diagnoses (or of the values of another column). Groups with a synthetic
    image go to train. A group of more than a fifth of all images is warned of: as a
    rule one word stands for all patients who are not known.

    Args:
        catalog: A `Catalog`; splits it has already are replaced.
        fractions: Shares of train, val and test, each in [0, 1], with sum 1.
        seed: Integer; the same seed and catalog give the same split.
        by: Column whose values each split is to have its share of.

    Returns:
        The `Catalog` with the column `split` filled.

    Raises:
        CatalogError: If the fractions are not shares.
    """
    fractions = np.asarray(fractions, dtype=float)
    are_shares = fractions.shape == (3,) and fractions.min() >= 0
    if not are_shares or not np.isclose(fractions.sum(), 1):
        raise CatalogError(
            "`fractions` must be three numbers in [0, 1] with sum 1 (train, val, "
            f"test). Received: {fractions.tolist()}"
        )
    if not len(catalog):
        return catalog
    table = catalog.table
    groups = group_of_rows(table)
    _warn_of_giant(table, groups)
    made = table["synthetic"].to_numpy()
    in_train = np.zeros(groups.max() + 1, dtype=bool)
    in_train[groups[made]] = True
    diagnoses = pd.factorize(table[by].fillna(""), sort=True)[0]
    counts = np.zeros((len(in_train), diagnoses.max() + 1))
    np.add.at(counts, (groups[~made], diagnoses[~made]), 1)
    choice = _deal_groups(counts, in_train, fractions, np.random.default_rng(seed))
    return catalog.with_columns(
        split=np.array(SPLITS, dtype=object)[choice[groups]], split_name=pd.NA
    )


def _warn_of_giant(table, groups):
    """Say which patients or lesions one large group has in common."""
    sizes = np.bincount(groups)
    largest = sizes.argmax()
    if len(table) < LEAST_IMAGES or sizes[largest] <= GIANT * len(table):
        return
    rows = table[groups == largest]
    counts = {column: rows[column].value_counts() for column in TOGETHER}
    names = [
        f"{column} {count.index[0]!r} in {count.iloc[0]}"
        for column, count in counts.items()
        if len(count)
    ]
    warnings.warn(
        f"{sizes[largest]} of {len(table)} images belong to one patient or lesion and "
        "stay in one split. Where that is a word for those who are not known, leave "
        f"the field empty. Received: {', '.join(names) or 'images made from one'}",
        stacklevel=3,
    )


def _deal_groups(counts, in_train, fractions, generator):
    """Choose a split for each group, given its number of images per diagnosis.

    The cost of a deal is sum((have - share)^2 / share), over splits and diagnoses, the
    rare diagnoses weighing as much as the common ones; each group goes where it adds
    least.
    """
    counts = np.column_stack([counts, counts.sum(axis=1)])
    totals = np.maximum(counts.sum(axis=0), 1)
    used = np.flatnonzero(fractions > 0)
    share = fractions[used, None] * totals
    have = np.zeros_like(share)
    choice = np.zeros(len(counts), dtype=np.int64)
    if 0 not in used and in_train.any():
        raise CatalogError(
            "Synthetic images may be in train only, whose fraction is zero. "
            f"Received: {fractions.tolist()}"
        )
    have[used == 0] += counts[in_train].sum(axis=0)
    order = np.lexsort((generator.random(len(counts)), -counts[:, -1]))
    for group in order[~in_train[order]]:
        count = counts[group]
        present = np.flatnonzero(count)
        count, shares = count[present], share[:, present]
        added = 2 * (have[:, present] / shares - 1) + count / shares
        best = int(np.argmin(added @ (count / totals[present])))
        have[best, present] += count
        choice[group] = used[best]
    return choice


def keep_test_set(catalog, val_share=0.15, seed=0):
    """Keep the test set that an archive names, and take val from its training images.

    So results compare with those published on it. An archive that names val too keeps
    it. Patients and lesions of the training images stay together; any that has test
    images as well is counted in a warning.

    Args:
        catalog: `Catalog` with the archive's own `split`; images without one are left
            out.
        val_share: Share of the training images that val takes, in (0, 1).
        seed: Integer; see `split_catalog`.

    Returns:
        The `Catalog` of these images, `split_name` as it was.

    Raises:
        CatalogError: The archive names no test images, or no training images.
    """
    catalog = catalog.where(catalog.table["split"].notna().to_numpy())
    splits = catalog.table["split"]
    missing = [name for name in ("train", "test") if not (splits == name).any()]
    if missing:
        raise CatalogError(
            "an archive's own test set can be kept where it names `split` of its "
            f"images: have them split anew (split: drawn). Received: no {missing[0]}"
        )
    if not (splits == "val").any():
        train = split_catalog(
            catalog.where(split="train"), (1 - val_share, val_share, 0.0), seed
        ).table.set_index("isic_id")["split"]
        drawn = catalog.table["isic_id"].map(train).fillna(splits)
        catalog = catalog.with_columns(split=drawn)
    n_seen = count_seen_in_training(catalog)
    if n_seen:
        warnings.warn(
            f"this split leaks: {n_seen} test images are of a lesion or patient with "
            "training images too, so test results are too good",
            UserWarning,
            stacklevel=2,
        )
    return catalog


def find_leaks(catalog):
    """List the groups that sit in more than one split.

    Args:
        catalog: A `Catalog` with splits.

    Returns:
        `pandas.DataFrame`, one row per leaking group: `group` (number as in
        `group_ids`), `patient_id` and `lesion_id` (of its first image), the number of
        images in `train`, `val` and `test`, and `isic_ids` (space-separated).
    """
    table = catalog.table.assign(group=group_ids(catalog))
    table = table[table["split"].notna()]
    table = table[table.groupby("group")["split"].transform("nunique") > 1]
    by_group = table.groupby("group", sort=True)
    counts = pd.crosstab(table["group"], table["split"])
    counts = counts.reindex(columns=list(SPLITS), fill_value=0)
    leaks = by_group[["patient_id", "lesion_id"]].first().join(counts)
    leaks["isic_ids"] = by_group["isic_id"].agg(" ".join).astype("string")
    return leaks.reset_index()


def count_seen_in_training(catalog):
    """Count the test images of a lesion or patient that has training images too."""
    leaks = find_leaks(catalog)
    return int(leaks.loc[leaks["train"] > 0, "test"].sum())


def apply_split_file(catalog, csv):
    """Give a catalog a published split, and warn of what is wrong with it.

    The split is taken as it is, so that results compare with published ones; lesions
    or patients that sit in more than one part are counted in a warning. An id listed
    twice gets one split: that of the row with the higher `mutual_nearest`, where the
    file has that column, then train before val before test. Images that the file does
    not list get no split.

    Args:
        catalog: A `Catalog`.
        csv: File with an id column (`isic_id`, `image_id`, `image` or `image_name`)
            and the column `split` (train, val or test).

    Returns:
        The `Catalog` with `split` filled and `split_name` the name of the file.

    Raises:
        CatalogError: If a column is missing, a split unknown, or no id is known.
    """
    listed = _read_split_file(csv, catalog.table)
    unique = listed.drop_duplicates("isic_id")
    if not unique["isic_id"].isin(catalog.table["isic_id"]).any():
        raise CatalogError(
            f"{csv} lists none of the catalog's {len(catalog)} images. "
            f"Received: {shown(unique['isic_id'].head(3).tolist())}"
        )
    splits = catalog.table["isic_id"].map(unique.set_index("isic_id")["split"])
    result = catalog.with_columns(split=splits, split_name=Path(csv).stem)
    for message in _split_warnings(result, listed, unique):
        warnings.warn(f"{Path(csv).name}: {message}", UserWarning, stacklevel=2)
    return result


def _read_split_file(csv, table):
    """Return the columns isic_id and split, the row to believe first.

    An id that is none of the catalog's stays as it is written.
    """
    listed = read_table(csv, dtype=str).fillna("")
    id_column = next((name for name in ID_COLUMNS if name in listed), None)
    if id_column is None or "split" not in listed:
        raise CatalogError(
            f"{csv} needs an id column ({', '.join(ID_COLUMNS)}) and the column "
            f"'split'. Received: {shown(list(listed))}"
        )
    splits = listed["split"].str.strip().str.lower().replace(SPLIT_ALIASES)
    unknown = ~splits.isin(SPLITS)
    if unknown.any():
        found = listed["split"][unknown].items()
        rows = [f"row {line}: {shown(split, 60)}" for line, split in found]
        more = f", ... ({len(rows):,} rows)" if len(rows) > 5 else ""
        raise CatalogError(
            f"{csv}, column 'split' must be one of {SPLITS}. Received: "
            f"{', '.join(rows[:5])}{more}"
        )
    nearest = listed.get("mutual_nearest", pd.Series(0, listed.index))
    nearest = pd.to_numeric(nearest, errors="coerce").fillna(0)
    written = listed[id_column].astype("string").str.strip()
    listed = pd.DataFrame(
        {
            "isic_id": match_ids(written, table).fillna(written),
            "split": splits,
            "distrust": -nearest,
            "place": splits.map(SPLITS.index),
        }
    )
    return listed.sort_values(["distrust", "place"], kind="stable")


def _split_warnings(catalog, listed, unique):
    double = listed[listed["isic_id"].duplicated(keep=False)]
    if len(double):
        chosen = unique[unique["isic_id"].isin(double["isic_id"])]
        taken = (chosen["isic_id"] + " " + chosen["split"]).sort_values()
        clash = double.groupby("isic_id")["split"].nunique().gt(1).sum()
        yield (
            f"{len(chosen)} id(s) appear more than once, {clash} of them in different "
            f"parts; taken as {', '.join(taken)}"
        )
    unlisted = catalog.table.loc[catalog.table["split"].isna(), "isic_id"]
    if len(unlisted):
        yield (
            f"{len(unlisted)} image(s) of the catalog are not listed and get no split: "
            + ", ".join(unlisted.head(10))
            + (", ..." if len(unlisted) > 10 else "")
        )
    absent = ~unique["isic_id"].isin(catalog.table["isic_id"])
    if absent.any():
        yield f"{absent.sum()} listed image(s) are not in the catalog"
    groups = pd.Series(group_ids(catalog), index=catalog.table["isic_id"])
    parts = listed["split"].groupby(listed["isic_id"].map(groups)).nunique()
    if parts.gt(1).any():
        yield (
            f"this split leaks: {parts.gt(1).sum()} of {groups.nunique()} lesions (or "
            "patients) sit in more than one part, so test results are too good. "
            "`split_catalog` makes a split that does not leak; `find_leaks` lists the "
            "groups."
        )
