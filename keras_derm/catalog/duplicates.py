"""Which rows of a catalog are one photograph: equal files, pairs found or decided."""

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import read_table
from keras_derm.catalog.faults import CatalogError, faults_at, raise_faults
from keras_derm.catalog.groups import GROUP_COLUMNS, group_of_rows

IDS = ("first", "second")
DECISION = "decision"
YES = ("yes", "y", "true", "1", "1.0")
NO = ("no", "n", "false", "0", "0.0")
SAME_FILE, SAME_PIXELS, NEAR = "same file", "same pixels", "near"
"""How alike two photographs are, the strongest first."""


def identical_files(catalog):
    """List the files that stand in a catalog more than once, equal byte for byte.

    Args:
        catalog: A `Catalog` whose images were checked, so that it has `content_hash`.

    Returns:
        `pandas.DataFrame`, one row a file: `n_images`, `n_groups` (of patients, lesions
        and listed duplicates, as they are known without looking at files), `diagnoses`
        and `isic_ids` (each once, space-separated).
    """
    table = catalog.table
    table["group"] = group_of_rows(table, GROUP_COLUMNS)
    table = table[table["content_hash"].duplicated(keep=False)]
    table = table[table["content_hash"].notna()]
    files = table.groupby("content_hash", sort=False)
    return pd.DataFrame(
        {
            "n_images": files.size().astype("int64"),
            "n_groups": files["group"].nunique().astype("int64"),
            "diagnoses": files["diagnosis"].agg(_words),
            "isic_ids": files["isic_id"].agg(_words),
        }
    ).reset_index(drop=True)


def tell_identical(files):
    """Say in a sentence what `identical_files` found; "" where that is nothing."""
    if not len(files):
        return ""
    surplus = int((files["n_images"] - 1).sum())
    told = (
        f"{surplus} photograph(s) are copies, byte for byte, of {len(files)} others. "
        "They stay together in a split."
    )
    unlike = int(files["diagnoses"].str.contains(" ").sum())
    if unlike:
        told += f" {unlike} of these files have several diagnoses: one must be wrong."
    return told


def _words(values):
    return " ".join(dict.fromkeys(values))


def identical_pairs(catalog):
    """Pairs of equal files: each with the first row that has its content.

    Returns:
        (pairs, rows): `pandas.DataFrame` with `first`, `second`, `kind` and
        `similarity`, and the positions of the rows that are no copy of an earlier one,
        which alone need to be looked at further.
    """
    table = catalog.table
    hashes = table["content_hash"].fillna(table["isic_id"])
    first = table["isic_id"].groupby(hashes).transform("first")
    is_copy = (first != table["isic_id"]).to_numpy(bool)
    pairs = pd.DataFrame(
        {
            "first": first[is_copy],
            "second": table["isic_id"][is_copy],
            "kind": SAME_FILE,
            "similarity": 1.0,
        }
    )
    return pairs.reset_index(drop=True), np.flatnonzero(~is_copy)


def read_decisions(csv, catalog):
    """Read what a person decided of pairs of photographs.

    Args:
        csv: File with the columns `first` and `second` (ids of the catalog) and
            `decision`: yes where they are one photograph, no where they are not; pairs
            without a word are left undecided. That is the form of duplicates/pairs.csv
            of a run.
        catalog: `Catalog` that the ids are of.

    Returns:
        `pandas.DataFrame` with `first`, `second` and `decision` (bool), one row for
        each pair that was decided.

    Raises:
        CatalogError: A column is missing, or rows name an unknown image, hold another
            word, contradict each other, or say no to files that are equal byte for
            byte; every one is named.
    """
    listed = read_table(csv, dtype=str)
    missing = [name for name in (*IDS, DECISION) if name not in listed]
    if missing:
        raise CatalogError(
            f"{csv} lacks {', '.join(missing)}: decisions stand in a copy of "
            f"duplicates/pairs.csv. Received: {list(listed)}"
        )
    listed["row"] = np.arange(2, len(listed) + 2)
    words = listed[DECISION].str.strip().str.lower()
    listed = listed.assign(word=words)[words.notna() & words.ne("")]
    for name in IDS:
        listed[name] = listed[name].str.strip()
    _refuse_decisions(listed, catalog, str(csv))
    decided = listed.assign(**{DECISION: listed["word"].isin(YES)})
    return _one_way(decided)[[*IDS, DECISION]].drop_duplicates(ignore_index=True)


def _refuse_decisions(listed, catalog, name):
    hashes = catalog.table.set_index("isic_id")["content_hash"]
    is_no = listed["word"].isin(NO).to_numpy(bool)
    is_yes = listed["word"].isin(YES).to_numpy(bool)
    of_first, of_second = (listed[one].map(hashes) for one in IDS)
    equal = of_first.eq(of_second).fillna(False).to_numpy(bool)
    ways = _one_way(listed.assign(is_yes=is_yes)).groupby(list(IDS))["is_yes"]
    torn = (ways.transform("nunique") > 1).to_numpy(bool) & (is_yes | is_no)
    checks = [
        ("first", ~listed["first"].isin(hashes.index), "no image of the catalog"),
        ("second", ~listed["second"].isin(hashes.index), "no image of the catalog"),
        (
            "second",
            listed["first"].eq(listed["second"]),
            "is `first` itself: a pair is of two images",
        ),
        (DECISION, ~(is_yes | is_no), "must be yes, no, or empty"),
        (DECISION, torn, "another row says the opposite of this pair"),
        (
            DECISION,
            is_no & equal,
            "these files are equal byte for byte: they are one photograph",
        ),
    ]
    faults = [
        faults_at(
            listed.assign(isic_id=listed["first"]),
            np.asarray(mask, bool),
            column,
            cause,
            name,
            listed["row"],
        )
        for column, mask, cause in checks
    ]
    faults = pd.concat(faults, ignore_index=True)
    if len(faults):
        raise_faults(
            faults, "Mend these rows; leave the decision empty to say nothing."
        )


def _one_way(pairs):
    """The pairs with the lesser id first, so that each has one form."""
    swapped = pairs["first"] > pairs["second"]
    first = pairs["first"].mask(swapped, pairs["second"])
    return pairs.assign(
        second=pairs["second"].mask(swapped, pairs["first"]), first=first
    )


def with_decisions(pairs, decisions):
    """Put what a person decided beside what was found.

    Args:
        pairs: `pandas.DataFrame` with `first`, `second` and `is_copy`.
        decisions: What `read_decisions` gives, or None.

    Returns:
        `pandas.DataFrame`: `pairs` with `decision` ("yes", "no" or empty), and
        `is_copy` by it. A pair that was not found, but decided to be one photograph,
        comes last.
    """
    if decisions is None or not len(decisions):
        return pairs.assign(decision=pd.Series(pd.NA, pairs.index, "string"))
    said = decisions.set_index(list(IDS))[DECISION]
    keys = pd.MultiIndex.from_frame(_one_way(pairs)[list(IDS)])
    words = said.map({True: "yes", False: "no"}).reindex(keys)
    words = pd.Series(words.to_numpy(), pairs.index, "string")
    is_copy = pairs["is_copy"].where(words.isna(), words.eq("yes")).astype(bool)
    result = pairs.assign(is_copy=is_copy, decision=words)
    added = said[said & ~said.index.isin(keys)].index.to_frame(index=False)
    if not len(added):
        return result
    added = added.assign(kind="decided", is_copy=True, decision="yes")
    return pd.concat([result, added], ignore_index=True)


def with_facts(pairs, catalog):
    """Put beside pairs what a person needs to judge them.

    Args:
        pairs: `pandas.DataFrame` with `first` and `second`.
        catalog: `Catalog` that the ids are of.

    Returns:
        `pandas.DataFrame`: `pairs` with a number `pair` from 1 before them, and
        `together` (whether both are of one patient, lesion or listed duplicate),
        `first_diagnosis` and `second_diagnosis` behind them.
    """
    table = catalog.table
    groups = pd.Series(group_of_rows(table, GROUP_COLUMNS), table["isic_id"])
    diagnoses = table.set_index("isic_id")["diagnosis"]
    first, second = (pairs[name].map(groups) for name in IDS)
    facts = pairs.assign(together=first.eq(second).astype(bool))
    for name in IDS:
        facts[f"{name}_diagnosis"] = pairs[name].map(diagnoses)
    facts.insert(0, "pair", np.arange(1, len(pairs) + 1))
    return facts


def copy_groups(catalog, pairs):
    """Name the groups of rows that are one photograph, also through third ones.

    Listed duplicates (`duplicate_group`) that share a photograph become one group.

    Args:
        catalog: `Catalog`.
        pairs: `pandas.DataFrame` with `first`, `second` and `is_copy`; the others are
            passed over.

    Returns:
        Series of str in the order of the catalog: the first id of each group, NA where
        an image is in none.
    """
    table = catalog.table
    pairs = pairs[pairs["is_copy"].astype(bool)]
    ends = pd.DataFrame(
        {
            "isic_id": pd.concat([pairs["first"], pairs["second"]]),
            "pair": np.tile(np.arange(len(pairs)), 2),
        }
    )
    rows = pd.concat([table[["isic_id", "duplicate_group"]], ends], ignore_index=True)
    groups = group_of_rows(rows, list(rows))[: len(table)]
    named = set(pairs["first"]) | set(pairs["second"])
    is_in = table["isic_id"].isin(named) | table["duplicate_group"].notna()
    return table["isic_id"].groupby(groups).transform("first").where(is_in)


def joined_in_spite(catalog, pairs):
    """Pairs decided to be none that other pairs make one group all the same."""
    groups = copy_groups(catalog, pairs)
    named = pd.Series(groups.array, index=catalog.table["isic_id"])
    no = pairs[pairs["decision"].eq("no").fillna(False).to_numpy(bool)]
    first, second = (no[name].map(named) for name in IDS)
    return no[first.eq(second).fillna(False).to_numpy(bool)]
