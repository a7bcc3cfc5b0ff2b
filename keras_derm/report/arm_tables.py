"""Tables that set arms beside each other, from the long table of a `Comparison`."""

import pandas as pd

from keras_derm.report.intervals import interval_cell

INTERVALS = (
    "95 % percentile intervals from the paired cluster bootstrap: lesions (or "
    "patients) are drawn with all their images."
)


def beside_each_other(table, reference):
    """One row a stratum and metric: the value of every arm, then every difference.

    Args:
        table: Rows of `Comparison.table()`, the same strata and metrics of every arm.
        reference: Name of the arm that the others are compared with.

    Returns:
        `pandas.DataFrame` in the order of the reference's rows: `metric`, a column for
        each arm with values and intervals, and one for each difference to the
        reference, called `difference` where there is only one.
    """
    by_arm = table.groupby("arm", sort=False)
    arms = {arm: rows.reset_index(drop=True) for arm, rows in by_arm}
    others = [arm for arm in arms if arm != reference]
    columns = [arms[reference]["label"].rename("metric")]
    columns += [_cells(arms[arm], "value", arm) for arm in arms]
    for arm in others:
        name = "difference" if len(others) == 1 else f"{arm} − {reference}"
        columns.append(_cells(arms[arm], "difference", name, "+"))
    return pd.concat(columns, axis=1)


def _cells(rows, quantity, name, sign=""):
    return pd.Series(
        [
            interval_cell(
                row, quantity, sign, 0 if "false_negatives" in row["metric"] else 3
            )
            for row in rows.to_dict("records")
        ],
        name=name,
        dtype=object,
    )
