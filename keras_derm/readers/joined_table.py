"""A further table of an archive, joined to that of the photographs."""

from dataclasses import dataclass

from keras_derm.readers.notes import warn
from keras_derm.readers.tables import read_found, row_faults


@dataclass(frozen=True)
class JoinedTable:
    """A table with more of each photograph, lesion or patient.

    Args:
        files: File name patterns, as `find_table` takes them; `{part}` stands for the
            part of the archive.
        by: The column that both tables have.
        columns: Columns that it must have.
        part: The one part of the archive that has such a table.
        absent: What is not known without the table, for a warning; without these words
            the table is needed.
        partial: Whether it may lack rows.

    Example:
        >>> JoinedTable(("patients.csv",), by="patient_id", columns=("age",))
    """

    files: tuple
    by: str
    columns: tuple = ()
    part: str | None = None
    absent: str | None = None
    partial: bool = False

    def is_of(self, part):
        """Whether the part of the archive has such a table."""
        return self.part in (None, part)

    def join(self, rows, root, part=None):
        """Add the columns that `rows` does not have yet.

        Args:
            rows: What `read_rows` returned, with `isic_id`.
            root: `Path` of the archive.
            part: Name of the part that the rows are of.

        Returns:
            (rows, faults): the rows with more columns, each with the file and line of
            its table (`row_faults`), and a list of fault tables.

        Raises:
            CatalogError: If the table is needed and absent, or lacks a column.
        """
        if not self.is_of(part):
            return rows, []
        files = [name.format(part=part) for name in self.files]
        table = read_found(
            root,
            *files,
            key=self.by,
            required=self.columns,
            needed=self.absent is None,
        )
        if table is None:
            warn(f"{files[0]} is not under {root}: {self.absent}.")
            return rows, []
        table = table.assign(isic_id=table[self.by])
        double = table[self.by].duplicated()
        faults = [row_faults(table, double, self.by, "double id")]
        if not self.partial:
            alone = ~rows[self.by].isin(table[self.by])
            cause = f"has no row in {', '.join(table['_file'].unique()[:3])}"
            faults.append(row_faults(rows, alone, self.by, cause))
        new = [column for column in table if column not in rows]
        places = {f"_file {name}": table["_file"] for name in new}
        places |= {f"_row {name}": table["_row"] for name in new}
        table = table.assign(**places)[~double & table[self.by].notna()]
        return rows.join(table.set_index(self.by)[[*new, *places]], on=self.by), faults
