"""Which cells an adapter makes: those of the rows that it learned."""

from dataclasses import asdict, dataclass
from pathlib import Path

from keras_derm.catalog import CatalogError
from keras_derm.evaluation import UNKNOWN
from keras_derm.files import read_json, write_json
from keras_derm.settings.rows import chosen_values

FILE = "adapter.json"


@dataclass(frozen=True)
class AdapterScope:
    """What an adapter learned, and of which cells it therefore makes the images.

    Attributes:
        where: The rows that it learned, see `chosen_values`.
        tone_groups: Tone groups of those rows.
        n_images: Number of those rows.

    Example:
        >>> scope = AdapterScope("tone_group=dark", ("dark",), 67)
        >>> scope.covers({"diagnosis": "MEL", "tone_group": "dark"})
        True
    """

    where: str
    tone_groups: tuple
    n_images: int

    @classmethod
    def rows(cls, catalog, where):
        """The rows that an adapter is to learn, and its scope.

        Args:
            catalog: `Catalog` of the training rows.
            where: See `chosen_values`.

        Returns:
            Tuple of a `Catalog` and an `AdapterScope`.

        Raises:
            CatalogError: A column is not there, or no row is chosen.
        """
        mask = True
        for name, values in chosen_values(where).items():
            if name not in catalog.table:
                raise CatalogError(
                    f"`where` must name columns of catalog.csv. Received: {name!r}; "
                    f"there are {', '.join(catalog.table)}"
                )
            known = catalog.table[name].astype(object)
            known = known.where(known.notna(), UNKNOWN).astype(str)
            # A whole number in a column with gaps reads "1.0".
            found = known.str.removesuffix(".0").isin(values)
            if not found.any():
                counts = known.value_counts().head(12).to_dict()
                raise CatalogError(
                    f"`where` must choose training rows. Received: {where!r}, where "
                    f"{name} is {counts}"
                )
            mask = mask & found.to_numpy(bool)
        if not mask.any():
            raise CatalogError(
                "`where` must choose training rows: each condition alone does, and no "
                f"row meets all of them. Received: {where!r}"
            )
        rows = catalog.where(mask)
        tones = rows.table["tone_group"].fillna(UNKNOWN).unique()
        return rows, cls(where, tuple(sorted(map(str, tones))), len(rows))

    def covers(self, cell):
        """Whether the adapter makes a cell.

        Args:
            cell: Dict from conditions to the values asked for.

        Returns:
            Whether the cell has the values that the rows were chosen by. Where they
            were chosen by what no cell names, whether its tone is one of theirs.
        """
        chosen = chosen_values(self.where)
        shared = [name for name in chosen if name in cell]
        if not shared:
            return cell.get("tone_group") in self.tone_groups
        return all(str(cell[name]) in chosen[name] for name in shared)

    def save(self, folder):
        write_json(Path(folder) / FILE, asdict(self))

    @classmethod
    def load(cls, folder):
        """The scope of the adapter of a folder, or None where there is none."""
        path = Path(folder) / FILE
        if not path.is_file():
            return None
        found = read_json(path, ("where", "tone_groups", "n_images"))
        return cls(found["where"], tuple(found["tone_groups"]), found["n_images"])
