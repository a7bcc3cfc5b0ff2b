"""What a photograph is of: which types are used, and pairs of a lesion."""

import pandas as pd

from keras_derm.catalog.catalog import IMAGE_TYPES
from keras_derm.catalog.faults import CatalogError

USUAL = "dermoscopic"


def of_types(catalog, image_types=None):
    """Keep the photographs of some types, and say what is left out.

    Photographs whose type is not known stay.

    Args:
        catalog: A `Catalog`.
        image_types: Names of `IMAGE_TYPES`. By default "dermoscopic" or, where there
            is no such photograph, all that there are.

    Returns:
        (catalog, sentence): the `Catalog`, and what to tell the user, "" where nothing
        is left out and all is dermoscopic or not known.

    Raises:
        CatalogError: If a type is unknown or no photograph is left.

    Example:
        >>> catalog, told = of_types(catalog, ["clinical: close-up"])
    """
    known = catalog.table["image_type"]
    unknown = sorted(set(image_types or ()) - set(IMAGE_TYPES))
    if unknown:
        raise CatalogError(
            f"`image_types` must be among {', '.join(IMAGE_TYPES)}. "
            f"Received: {', '.join(unknown)}"
        )
    if image_types is None and not known.eq(USUAL).any():
        if known.isna().all():
            return catalog, ""
        return catalog, (
            f"No photograph is dermoscopic; all are taken: {_counted(catalog)}."
        )
    chosen = (USUAL,) if image_types is None else tuple(image_types)
    kept = (known.isna() | known.isin(chosen)).to_numpy(dtype=bool)
    if not kept.any():
        raise CatalogError(
            f"No photograph is {' or '.join(chosen)}; there are {_counted(catalog)}. "
            f"Received: {', '.join(chosen)}"
        )
    if kept.all():
        return catalog, ""
    return catalog.where(kept), (
        f"{(~kept).sum()} of {len(catalog)} photographs are not {' or '.join(chosen)} "
        f"and are left out: {_counted(catalog, ~kept)}. "
        "--image_types takes other types."
    )


def _counted(catalog, rows=slice(None)):
    """Numbers of photographs by type, and by archive where there are several."""
    table = catalog.table
    by = ["image_type"] if table["source"].nunique() < 2 else ["image_type", "source"]
    counts = table[by][rows].fillna("not known").value_counts()
    return ", ".join(f"{n:,} {' of '.join(what)}" for what, n in counts.items())


def lesion_pairs(catalog, first="dermoscopic", second="clinical: close-up"):
    """Pair two photographs of each lesion by their types.

    Args:
        catalog: A `Catalog`.
        first, second: Names of `IMAGE_TYPES`.

    Returns:
        `pandas.DataFrame`, one row per lesion that has both: `lesion_id`, `first_id`,
        `second_id`, and the rows of the catalog, `first_row` and `second_row`. Of
        several photographs of a type the earliest in the catalog is taken.

    Raises:
        CatalogError: If a type is unknown.

    Example:
        >>> pairs = lesion_pairs(catalog)
        >>> paths = np.array(catalog.paths)[pairs["first_row"]]
    """
    table = catalog.table[["lesion_id", "isic_id", "image_type"]]
    sides = []
    for name, image_type in (("first", first), ("second", second)):
        if image_type not in IMAGE_TYPES:
            raise CatalogError(
                f"`{name}` must be one of {', '.join(IMAGE_TYPES)}. "
                f"Received: {image_type!r}"
            )
        side = table[table["image_type"].eq(image_type) & table["lesion_id"].notna()]
        side = side.drop_duplicates("lesion_id").reset_index(names=f"{name}_row")
        side = side.rename(columns={"isic_id": f"{name}_id"})
        sides.append(side.drop(columns="image_type"))
    pairs = pd.merge(*sides, on="lesion_id")
    return pairs[["lesion_id", "first_id", "second_id", "first_row", "second_row"]]
