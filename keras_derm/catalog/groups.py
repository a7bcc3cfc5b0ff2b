"""Which images must stay together: same patient, lesion, duplicate, file or parent."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

GROUP_COLUMNS = ("patient_id", "lesion_id", "duplicate_group")
TOGETHER = (*GROUP_COLUMNS, "content_hash")
"""Columns whose equal values keep images together; equal files have one hash."""

NO_NAMES = ("", "unknown", "nan", "na", "n/a", "none", "null")
"""Words in these columns that name no patient and no lesion."""


def group_of_rows(table, columns=TOGETHER):
    """Number the groups of rows that are connected, also through third rows.

    Args:
        table: Completed table, or any with the columns.
        columns: Columns whose equal values connect rows; empty ones connect none.
            Where the table has `parent_id`, a row is connected with its parent too.

    Returns:
        int64 array, shape (n,), as of `group_ids`.
    """
    n_rows = len(table)
    starts, ends, n_nodes = [], [], n_rows
    for column in columns:
        codes, names = pd.factorize(table[column])
        known = np.flatnonzero(codes >= 0)
        starts.append(known)
        ends.append(n_nodes + codes[known])
        n_nodes += len(names)
    if "parent_id" in table:
        known = table["parent_id"].dropna()
        parents = pd.Index(table["isic_id"]).get_indexer_for(known)
        children = np.flatnonzero(table["parent_id"].notna())
        starts.append(children[parents >= 0])
        ends.append(parents[parents >= 0])
    starts, ends = np.concatenate(starts), np.concatenate(ends)
    graph = coo_matrix((np.ones(len(starts)), (starts, ends)), (n_nodes, n_nodes))
    labels = connected_components(graph, directed=False)[1][:n_rows]
    return pd.factorize(labels)[0].astype(np.int64)
