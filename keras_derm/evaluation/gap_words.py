"""What a gap between two groups shows, in words that go by the standardised gap."""

import pandas as pd

from keras_derm.evaluation.differences import claim
from keras_derm.evaluation.statistics.power import GAP, POWER


def gap_claim(gap):
    """Say whether a standardised gap is more than chance.

    Args:
        gap: dict with the keys `group_gaps.COLUMNS`.

    Returns:
        1 where `group` is served better than `beside`, -1 where it is worse, 0 where
        nothing may be claimed, or no standardised gap could be given.
    """
    keys = {"low": "standardised_low", "high": "standardised_high"}
    keys |= {key: key for key in ("p_value", "p_adjusted")}
    found = {name: gap[key] for name, key in keys.items()}
    if gap["standardised_reason"]:
        return 0
    return claim(gap["metric"], found)


def describe_gap(gap):
    """Write a gap in sentences: raw, with one mix, and what these numbers can show.

    Args:
        gap: dict with the keys `group_gaps.COLUMNS`, its texts empty where there is
            nothing to say.

    Returns:
        Three sentences or four.
    """
    said = []
    if pd.isna(gap["raw"]):
        said.append(
            f"Of {gap['label']} nothing can be said of {gap['group']} beside "
            f"{gap['beside']} ({gap['raw_reason']})."
        )
    else:
        said.append(
            f"{_capital(gap['label'])} is {gap['raw_group']:.2f} in {gap['group']} and "
            f"{gap['raw_beside']:.2f} in {gap['beside']}, a raw gap of "
            f"{gap['raw']:+.2f}{_interval(gap, 'raw')}."
        )
        said.append(_with_one_mix(gap))
    return " ".join([*said, *_what_it_takes(gap)])


def _with_one_mix(gap):
    if gap["standardised_reason"]:
        return (
            "With one mix of diagnoses, sites and ages it cannot be given "
            f"({gap['standardised_reason']}): the raw gap may be one of who is in the "
            "groups."
        )
    without = f"without {gap['left_out']}" if gap["left_out"] else ""
    if gap["mix"]:
        by = f"with one mix of {_and(gap['mix'])}" + (without and f", {without},")
    else:
        by = without or f"as nothing is known by which to weigh {gap['counted']} images"
    said = (
        f"{_capital(by)} it is {gap['standardised']:+.2f}"
        f"{_interval(gap, 'standardised')}"
    )
    verdict = {
        1: f"{gap['group']} is served better",
        0: "no gap can be told",
        -1: f"{gap['group']} is served worse",
    }[gap_claim(gap)]
    return f"{said}: {verdict}."


def _what_it_takes(gap):
    """The smallest gap that can be seen, and what one worth telling takes."""
    said = []
    if not pd.isna(gap["smallest_gap"]):
        said.append(
            f"Numbers like these show a gap of {gap['smallest_gap']:.2f} or more with "
            f"{POWER:.0%} power."
        )
    if not pd.isna(gap["n_needed"]):
        n_needed = f"{gap['n_needed']:,.0f} {gap['counted']}"
        n, n_beside = gap["n_lesions"], gap["n_lesions_beside"]
        said.append(
            f"A gap of {GAP:.2f} takes {n_needed} lesions in {gap['needed_in']}; there "
            f"are {n:,.0f} in {gap['group']} and {n_beside:,.0f} in {gap['beside']}."
        )
    return said


def _interval(gap, kind):
    low, high = gap[f"{kind}_low"], gap[f"{kind}_high"]
    if pd.isna(low):
        return f" ({gap[f'{kind}_reason']})"
    return f" (95 % interval {low:+.2f} to {high:+.2f})"


def _and(names):
    first, _, last = names.rpartition(", ")
    return f"{first} and {last}" if first else last


def _capital(text):
    return text[0].upper() + text[1:]
