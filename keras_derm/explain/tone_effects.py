"""How often and which way predictions change with melanin, and whether rightly so."""

import numpy as np
import pandas as pd

from keras_derm.evaluation import LEAST_POSITIVES, TOO_FEW, means_with_intervals
from keras_derm.explain.counterfactual_tone import (
    BRIGHTNESS,
    CANDIDATES,
    MELANIN,
    ORIGINAL,
    TRUTHS,
)

EFFECTS = {
    "renamed": "another diagnosis named",
    "gained": "newly called",
    "lost": "no longer called",
    "net": "called, change of the share",
    "probability": "probability, mean change",
}
"""What is told of each step. All but the first are of the class that is to be found;
`gained`, `lost` and `net` need a threshold."""

EXCESS = f"{MELANIN} minus {BRIGHTNESS}"
AGREEMENT = {
    "delta_e_skin": "colour error, skin",
    "delta_e_lesion": "colour error, lesion",
    "ita_error": "error of ITA",
    "same_diagnosis": "same diagnosis named",
    "same_call": "same call",
    "probability_error": "error of the probability",
}
"""What is told of each candidate beside a true rendering."""


def tone_effects(predictions, people, classes, positive=None, threshold=None, **draw):
    """Tell for every model, step and group what melanin and brightness change.

    Args:
        predictions: Frame of `counterfactual_table`.
        people: Frame indexed by `isic_id`: `group`, the patient or lesion that is
            drawn, and a column for each variable by which it is told apart. The
            levels of a categorical are all shown, also those without photographs.
        classes: Names of the classes.
        positive: Name of the class that is to be found, or None.
        threshold: Probability from which that class is called, or None.
        **draw: `n_replicates` and `seed` of the bootstrap.

    Returns:
        `pandas.DataFrame`, a row for each `model`, `stratum`, `value_of_stratum`,
        `step`, `change` (one of the changes, or `EXCESS`, their paired difference) and
        `effect` (of `EFFECTS`): `n` photographs, `n_groups`, `value`, `low`, `high` and
        `reason`, why there is no interval. Levels of a variable are told for the
        model that comes first.
    """
    tables = []
    for number, (name, of_model) in enumerate(predictions.groupby("model", sort=False)):
        changes = _changes(of_model, classes, positive, threshold)
        for step, rows in changes.groupby("step"):
            for stratum, value, chosen in _strata(people, number == 0):
                wide = _beside_each_other(rows[rows["isic_id"].isin(chosen)])
                head = {"model": name, "stratum": stratum, "value_of_stratum": value}
                tables.append(_means(wide, people, **draw).assign(**head, step=step))
    return pd.concat(tables, ignore_index=True)


def zero_control(predictions, classes):
    """What the step of 0 changed, which should be nothing.

    Args:
        predictions: Frame of `counterfactual_table`.
        classes: Names of the classes.

    Returns:
        Dict of `n` photographs, `n_renamed`, `largest` (largest change of a value of a
        pixel, of 255), `probability` (largest change of a probability) and `isic_ids`,
        the photographs that were given another name.
    """
    zero = predictions[predictions["change"].isin([MELANIN, BRIGHTNESS])]
    zero = zero[zero["step"] == 0]
    before = _originals(predictions).loc[_key(zero)][list(classes)].to_numpy()
    after = zero[list(classes)].to_numpy()
    renamed = before.argmax(axis=1) != after.argmax(axis=1)
    return {
        "n": int(zero["isic_id"].nunique()),
        "n_renamed": int(zero.loc[renamed, "isic_id"].nunique()),
        "largest": int(zero["largest"].max()) if len(zero) else 0,
        "probability": float(np.abs(after - before).max(initial=0)),
        "isic_ids": sorted(zero.loc[renamed, "isic_id"].unique()),
    }


def truth_agreement(
    predictions, colours, people, classes, positive=None, threshold=None, **draw
):
    """Tell how far what was made of phantoms is like the true renderings.

    Args:
        predictions, people, classes, positive, threshold, **draw: As in
            `tone_effects`.
        colours: Frame of the colour errors of `counterfactual_table`.

    Returns:
        `pandas.DataFrame`, a row for each `model`, `truth`, `step`, `candidate` and
        `measure` (of `AGREEMENT`): `n`, `n_groups`, `value`, `low`, `high`, `reason`,
        and `difference`, `difference_low` and `difference_high`, the paired difference
        from doing nothing.
    """
    tables = []
    for name, of_model in predictions.groupby("model", sort=False):
        found = colours.merge(
            _likeness(of_model, classes, positive, threshold),
            on=["isic_id", "truth", "step", "candidate"],
        )
        for (truth, step, candidate), rows in found.groupby(
            ["truth", "step", "candidate"]
        ):
            nothing = found[
                (found["truth"] == truth)
                & (found["step"] == step)
                & (found["candidate"] == ORIGINAL)
            ]
            head = {"model": name, "truth": truth, "step": step, "candidate": candidate}
            told = _beside_nothing(rows, nothing, people, **draw)
            tables.append(told.assign(**head))
    return pd.concat(tables, ignore_index=True)


def _strata(people, every):
    """All photographs, and where asked for each level of each variable."""
    yield "all", "all", people.index
    for variable in people.columns.drop("group") if every else ():
        values = pd.Categorical(people[variable])
        for level in values.categories:
            yield variable, str(level), people.index[np.asarray(values == level)]


def _key(rows):
    return pd.MultiIndex.from_frame(rows[["model", "isic_id"]])


def _originals(predictions):
    return predictions[predictions["change"] == ORIGINAL].set_index(
        ["model", "isic_id"]
    )


def _changes(predictions, classes, positive, threshold):
    """The effects on each photograph, by change and step: not of renderings."""
    after = predictions[predictions["change"].isin([MELANIN, BRIGHTNESS])]
    before = _originals(predictions).loc[_key(after)].reset_index()
    after = after.reset_index(drop=True)
    names = (one[list(classes)].to_numpy().argmax(axis=1) for one in (before, after))
    found = after[["isic_id", "change", "step"]].copy()
    found["renamed"] = np.not_equal(*names).astype(float)
    if positive is None:
        return found
    if threshold is not None:
        called, now = (one[positive] >= threshold for one in (before, after))
        found["gained"] = (~called & now).astype(float)
        found["lost"] = (called & ~now).astype(float)
        found["net"] = found["gained"] - found["lost"]
    return found.assign(probability=after[positive] - before[positive])


def _beside_each_other(rows):
    """A row a photograph, a column for each change and effect, and their excess."""
    effects = [name for name in EFFECTS if name in rows]
    wide = rows.pivot(index="isic_id", columns="change", values=effects)
    order = pd.MultiIndex.from_product([(MELANIN, BRIGHTNESS, EXCESS), effects])
    wide = wide.swaplevel(axis=1).reindex(columns=order)
    for effect in effects:
        wide[EXCESS, effect] = wide[MELANIN, effect] - wide[BRIGHTNESS, effect]
    return wide


def _means(wide, people, **draw):
    """Means of all columns with their intervals, on the same resamples."""
    groups = people["group"].reindex(wide.index).to_numpy()
    table = pd.DataFrame(wide.columns.tolist(), columns=["change", "effect"])
    return table.join(_with_intervals(wide.to_numpy(float), groups, **draw))


def _with_intervals(values, groups, **draw):
    """A row for each column of values: how many, the mean, the interval or why not."""
    n_groups = len(np.unique(groups))
    found = means_with_intervals(values, groups, **draw)
    reason = ""
    if n_groups < LEAST_POSITIVES:
        reason = f"{TOO_FEW}: images from {n_groups} patients or lesions"
        found[:, 1:] = np.nan
    table = pd.DataFrame(found, columns=["value", "low", "high"])
    n = (~np.isnan(values)).sum(axis=0)
    return table.assign(n=n, n_groups=n_groups, reason=reason)


def _likeness(predictions, classes, positive, threshold):
    """For each true rendering and candidate, how alike the predictions are."""
    kept = predictions.set_index(["isic_id", "change", "step"])[list(classes)]
    truths = predictions[predictions["change"].isin(TRUTHS.values())]
    tables = []
    for candidate in CANDIDATES:
        steps = truths["step"] * (candidate != ORIGINAL)
        key = pd.MultiIndex.from_arrays(
            [truths["isic_id"], [candidate] * len(truths), steps]
        )
        said, true = kept.loc[key].to_numpy(), truths[list(classes)].to_numpy()
        found = truths[["isic_id", "step"]].reset_index(drop=True)
        found["truth"], found["candidate"] = truths["change"].to_numpy(), candidate
        same = said.argmax(axis=1) == true.argmax(axis=1)
        found["same_diagnosis"] = same.astype(float)
        if positive is not None:
            place = list(classes).index(positive)
            said, true = said[:, place], true[:, place]
            found["probability_error"] = np.abs(said - true)
            if threshold is not None:
                same = (said >= threshold) == (true >= threshold)
                found["same_call"] = same.astype(float)
        tables.append(found)
    return pd.concat(tables, ignore_index=True)


def _beside_nothing(rows, nothing, people, **draw):
    """Measures of a candidate, and their paired differences from doing nothing."""
    measures = [name for name in AGREEMENT if name in rows]
    own = rows.set_index("isic_id")[measures]
    less = own - nothing.set_index("isic_id")[measures].loc[own.index]
    groups = people["group"].reindex(own.index).to_numpy()
    told = _with_intervals(own.to_numpy(float), groups, **draw)
    differences = _with_intervals(less.to_numpy(float), groups, **draw)
    for name, column in (("", "value"), ("_low", "low"), ("_high", "high")):
        told[f"difference{name}"] = differences[column]
    return told.assign(measure=measures)
