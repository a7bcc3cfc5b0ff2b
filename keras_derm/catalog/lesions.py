"""Lesions with their photographs: what is known of one through several."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import IMAGE_TYPES, Catalog
from keras_derm.catalog.faults import CatalogError, faults_at, raise_faults

DERMOSCOPIC = "dermoscopic"
CLOSE_UP = "clinical: close-up"
PAIR = (DERMOSCOPIC, CLOSE_UP)


@dataclass(frozen=True)
class Lesions:
    """Lesions, and of each at most one photograph of a type.

    Of several photographs of a type the earliest in the catalog is taken. A photograph
    without a `lesion_id` is of a lesion of its own.

    Attributes:
        photographs: `Catalog` of the photographs of these lesions, and perhaps others.
        rows: dict from image type to positions in `photographs`, int64 `(n,)`, -1 where
            a lesion has none of it.

    Example:
        >>> lesions = Lesions.of(catalog)
        >>> lesions.rows["clinical: close-up"] < 0  # those without a close-up
    """

    photographs: Catalog
    rows: dict

    @classmethod
    def of(cls, catalog, image_types=PAIR):
        """Find the lesions of a catalog.

        Args:
            catalog: `Catalog` of real photographs, whose types are known.
            image_types: Names of `IMAGE_TYPES`.

        Returns:
            `Lesions` that have a photograph of one of the types, in the order in which
            the catalog has the first of each.

        Raises:
            CatalogError: A type is unknown, no photograph is of these types, or the
                photographs of a lesion have several diagnoses.
        """
        unknown = [name for name in image_types if name not in IMAGE_TYPES]
        if unknown:
            raise CatalogError(
                f"`image_types` must be among {', '.join(IMAGE_TYPES)}. "
                f"Received: {', '.join(unknown)}"
            )
        table = catalog.require_real().table
        kept = table["image_type"].isin(image_types)
        if not kept.any():
            known = table["image_type"].fillna("not known").value_counts().to_dict()
            raise CatalogError(
                f"no photograph is {' or '.join(image_types)}: the column image_type "
                f"says of which type each is. Received: {known}"
            )
        table = table[kept]
        lesion = table["lesion_id"].fillna("photograph " + table["isic_id"])
        _refuse_several_diagnoses(table, lesion)
        names = lesion.unique()
        rows = {}
        for image_type in image_types:
            of_type = lesion[table["image_type"] == image_type].drop_duplicates()
            found = pd.Series(of_type.index, index=of_type.to_numpy()).reindex(names)
            rows[image_type] = found.fillna(-1).to_numpy("int64")
        return cls(catalog, rows)

    def __len__(self):
        return len(next(iter(self.rows.values())))

    @property
    def first_rows(self):
        """Position of the first photograph of each lesion, in the order of types."""
        first = np.full(len(self), -1)
        for rows in self.rows.values():
            first = np.where(first < 0, rows, first)
        return first

    @property
    def catalog(self):
        """`Catalog` of one photograph a lesion, the first: diagnosis, split and more.

        What is judged is a lesion; its row stands for it.
        """
        table = self.photographs.table.iloc[self.first_rows]
        return Catalog(table.reset_index(drop=True))

    def where(self, mask):
        """Keep the lesions for which a bool array `(n,)` is True."""
        return Lesions(
            self.photographs, {name: rows[mask] for name, rows in self.rows.items()}
        )

    def in_split(self, name):
        """Which lesions are of one split, bool `(n,)`."""
        splits = self.photographs.table["split"].iloc[self.first_rows]
        return splits.eq(name).fillna(False).to_numpy(bool)

    def split(self, name):
        """Keep the lesions of one split."""
        return self.where(self.in_split(name))

    def values(self, column, image_type=None):
        """What a column of the catalog says of each lesion.

        Args:
            column: Name of a column.
            image_type: By which photograph; by default the first that says something.

        Returns:
            `pandas.Series` of length n; missing where no photograph says it.
        """
        given = self.photographs.table[column]
        chosen = list(self.rows) if image_type is None else [image_type]
        found = None
        for name in chosen:
            rows = pd.Series(self.rows[name])
            one = given.reindex(rows.where(rows >= 0)).reset_index(drop=True)
            found = one if found is None else found.fillna(one)
        return found


def _refuse_several_diagnoses(table, lesion):
    several = table.groupby(lesion)["diagnosis"].transform("nunique") > 1
    if several.any():
        cause = "is not the diagnosis of the other photographs of this lesion"
        rows = table.index + 2
        raise_faults(faults_at(table, several, "diagnosis", cause, rows=rows))
