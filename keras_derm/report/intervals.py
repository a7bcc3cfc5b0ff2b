"""Numbers with their intervals as text."""

import pandas as pd


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
