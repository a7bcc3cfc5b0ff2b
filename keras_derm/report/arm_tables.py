"""Tables that set arms beside each other, and their cells: numbers with intervals."""

import pandas as pd

from keras_derm.report.html import Table

INTERVALS = (
    "95 % percentile intervals from the paired cluster bootstrap: lesions (or "
    "patients) are drawn with all their images."
)


def beside_each_other(caption, table, reference, named=None):
    """`Table` of the values of every arm, and their differences from the reference.

    Of two arms each has a column, and so has their difference; of more, whose columns
    would not fit on a page, each has a row. The rows are in the reference's order.

    Args:
        caption: Line above the table.
        table: Rows of `Comparison.table()`, the same strata and metrics of every arm.
        reference: Name of the arm that the others are compared with.
        named: `dict` from further columns, which come first, to what they are called.
    """
    names = {**(named or {}), "label": "metric"}
    arms = {arm: rows for arm, rows in table.groupby("arm", sort=False)}
    if len(arms) > 2:
        turn = table.groupby("arm").cumcount().sort_values(kind="stable")
        rows = table.loc[turn.index]
        columns = [rows[[*names, "arm"]], _cells(rows, "value", "value")]
        columns.append(_cells(rows, "difference", f"difference from {reference}"))
    else:
        columns = [arms[reference][list(names)]]
        columns += [_cells(rows, "value", arm) for arm, rows in arms.items()]
        for arm in arms.keys() - {reference}:
            columns.append(_cells(arms[arm], "difference", "difference"))
    columns = [column.reset_index(drop=True) for column in columns]
    frame = pd.concat(columns, axis=1).rename(columns=names)
    return Table(frame, caption, INTERVALS)


def interval_cell(row, name="", sign="", decimals=3):
    """Text "value (low to high)" of one quantity in a row of metrics.

    Args:
        row: dict with `name`, `name_low` and `name_high`, or without a name `value`,
            `low` and `high`; NaN or None where not defined.
        name: Prefix of the keys.
        sign: "+" shows the sign of positive numbers too.
        decimals: Digits after the point.
    """
    keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    value, low, high = (
        None if pd.isna(row[key]) else f"{row[key]:{sign}.{decimals}f}" for key in keys
    )
    if value is None:
        return "–"
    return value if low is None else f"{value} ({low} to {high})"


def _cells(rows, quantity, name):
    sign = "+" if quantity == "difference" else ""
    cells = [
        interval_cell(row, quantity, sign, 0 if "negatives" in row["metric"] else 3)
        for row in rows.to_dict("records")
    ]
    return pd.Series(cells, name=name, dtype=object)


def overlap_cells(summary, names):
    """`score_cells` of masks, a row a stratum with its number of photographs.

    A figure that is not defined for each of them (precision where nothing was found)
    is the mean of the others.

    Args:
        summary: Frame of one finder with `axis`, `level`, `metric`, `value`, `low`,
            `high` and `n`.
        names: Dict from metrics to what they are called.
    """
    n = summary.groupby(["axis", "level"])["n"].transform("max")
    named = summary.assign(n=n, metric=summary["metric"].map(names))
    return score_cells(named, ["axis", "level", "n"])


def score_cells(scores, index):
    """A table of scores as text, a column a metric, in the order of the rows.

    Args:
        scores: Frame with `metric`, `value`, `low`, `high` and the columns of `index`.
        index: Columns that name a row.

    Returns:
        `pandas.DataFrame` of text, "–" where a metric is not defined.
    """
    cells = [
        interval_cell(row, decimals=2)
        for row in scores[["value", "low", "high"]].to_dict("records")
    ]
    rows = scores[index].drop_duplicates()
    order = pd.MultiIndex.from_frame(rows) if len(index) > 1 else rows[index[0]]
    shown = scores.assign(cell=cells).pivot_table(
        index=index, columns="metric", values="cell", aggfunc="first", sort=False
    )
    shown = shown.reindex(order)[scores["metric"].drop_duplicates().tolist()]
    return shown.fillna("–").reset_index()
