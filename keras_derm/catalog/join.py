"""Several archives in one catalog, their ids kept apart."""

import pandas as pd

from keras_derm.catalog.groups import GROUP_COLUMNS, group_of_rows

ID_COLUMNS = ("isic_id", "parent_id", *GROUP_COLUMNS)
ISIC_ID = r"ISIC_\d+"


def join_catalogs(catalogs):
    """Join the catalogs of several archives.

    Ids, patients, lesions and duplicate groups get the name of their archive before
    them, as in `milk10k:ISIC_0000001`: equal names in two archives are no relation. But
    an id of the ISIC Archive is the same photograph wherever it stands: where several
    archives hold it, these rows are one `duplicate_group`, and stay in one split. So do
    files that are equal byte for byte, by their `content_hash`.

    Args:
        catalogs: dict of name -> `Catalog`.

    Returns:
        A `Catalog`; that of one archive as it is.

    Example:
        >>> join_catalogs({"milk10k": first, "isic2019": second})
    """
    if len(catalogs) == 1:
        return next(iter(catalogs.values()))
    own_ids = pd.concat([one.table["isic_id"] for one in catalogs.values()])
    apart = [
        one.with_columns(
            **{column: f"{name}:" + one.table[column] for column in ID_COLUMNS}
        )
        for name, one in catalogs.items()
    ]
    joined = apart[0]
    for other in apart[1:]:
        joined = joined.concat(other)
    groups = _duplicate_groups(joined.table, own_ids.reset_index(drop=True))
    return joined.with_columns(duplicate_group=groups)


def _duplicate_groups(table, own_ids):
    """Groups of listed duplicates, joined where archives hold the same photograph."""
    is_shared = own_ids.str.fullmatch(ISIC_ID) & own_ids.duplicated(keep=False)
    shared = own_ids.where(is_shared.fillna(False))
    relations = table[["duplicate_group"]].assign(shared=shared)
    related = table["duplicate_group"].notna() | shared.notna()
    groups = group_of_rows(relations, list(relations))
    first = table["isic_id"].groupby(groups).transform("first")
    return first.where(related)
