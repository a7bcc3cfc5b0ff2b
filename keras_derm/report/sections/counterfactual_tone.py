"""Section: what a change of tone alone does to the predictions."""

import pandas as pd

from keras_derm.evaluation import ENSEMBLE, TONE, stratum_title
from keras_derm.explain import START_ITA
from keras_derm.explain.counterfactual_tone import (
    BRIGHTNESS,
    MELANIN,
    MOVED,
    ORIGINAL,
)
from keras_derm.explain.tone_effects import AGREEMENT, EFFECTS, EXCESS
from keras_derm.report.arm_tables import INTERVALS, interval_cell
from keras_derm.report.html import Callout, Section, Table, Text
from keras_derm.report.run_files import figure_block, read_json

FOLDER = "counterfactual_tone"
CHANGES = (MELANIN, BRIGHTNESS, EXCESS)
CANDIDATES = {
    ORIGINAL: "doing nothing",
    MELANIN: f"melanin, the person's ITA taken to be {START_ITA:.0f}°",
    "melanin, tone known": "melanin, the person's ITA known",
    BRIGHTNESS: "equal brightness without melanin",
}
MEANING = (
    "What this is: the sensitivity of a model to a simulated change of colour in a "
    "photograph. It is not a statement about people: lesions differ between tones in "
    "more than colour, and a dermatoscope adapts to the skin that it sees."
)
STEPS = (
    f"A step of ITA is the melanin that moves skin of ITA {START_ITA:.0f}° by so many "
    "degrees in neutral light; below 0 adds melanin, above 0 takes some away. It "
    "filters lesion and skin alike, so that the lesion keeps its structure. Equal "
    "brightness is the control: all light is dimmed by one factor until the skin is as "
    "dark as under the melanin, and its hue stays."
)


def section(run):
    """Effects of melanin on the predictions; None before counterfactual_tone."""
    if not run.done("counterfactual_tone"):
        return None
    return section_of_files(run)


def section_of_files(run):
    """The section, of what lies in the run: also while the stage is at work."""
    told = read_json(run / FOLDER / "summary.json", "counterfactual_tone")
    effects = pd.read_csv(run / FOLDER / "effects.csv", keep_default_na=False)
    effects = effects.replace("", None).infer_objects()
    name = told["positive"]
    blocks = [
        Callout("caution", MEANING),
        Text(f"{told['origin']} {_counts(told)}\n\n{STEPS}"),
        _zero(told["zero"]),
        _finding(effects, name),
        _colours(told["colours"]),
        Table(
            effects_table(effects, name),
            "What changes with each step",
            f"{_threshold(told)} {INTERVALS} Shares and probabilities are in "
            "percentage points; the last row of a step is the paired difference.",
        ),
        figure_block(
            run,
            "counterfactual_steps",
            "Share of photographs that are named otherwise and mean change of the "
            "probability, by step of ITA, with melanin and with equal brightness.",
            "Bars: 95 % intervals.",
        ),
        figure_block(
            run,
            "counterfactual_strip",
            "Photographs with melanin added and removed, and at equal brightness "
            "without melanin, with what the model names.",
            "One photograph of each of the commonest diagnoses whose change is typical "
            "of it, and the one that changes most; below each what the model names. "
            "Framed: another diagnosis than of the photograph as it is.",
        ),
        *_by_group(effects, "diagnosis", "renamed"),
        *_by_group(effects, "diagnosis", "net", name),
        *_by_group(effects, "diagnosis", "probability", name),
        *_by_group(effects, TONE, "renamed"),
        *_by_group(effects, TONE, "net", name),
        *_by_group(effects, TONE, "probability", name),
        Text(told["tone_sources"]),
        *_members(effects, name),
        *_truth(run, name),
    ]
    return Section(
        "What tone alone changes",
        f"The same photographs, with melanin added and removed, shown to "
        f"{told['model']}.",
        blocks,
    )


def effects_table(effects, positive=None):
    """Effects on all photographs by the ensemble: a row a step and change, as text.

    Args:
        effects: Frame of `keras_derm.explain.tone_effects`.
        positive: Name of the class that is to be found, or None.
    """
    rows = effects[
        (effects["model"] == ENSEMBLE) & (effects["value_of_stratum"] == "all")
    ]
    rows = rows.assign(cell=_percentages(rows), step=rows["step"].map(degrees))
    table = rows.pivot_table(
        index=["step", "n", "change"], columns="effect", values="cell", aggfunc="first",
        sort=False,
    )  # fmt: skip
    steps = rows["step"].unique()
    order = [
        (step, n, change)
        for step in steps
        for n in rows.loc[rows["step"] == step, "n"].unique()[:1]
        for change in CHANGES
    ]
    names = {
        effect: f"{positive} {words}" if effect != "renamed" else words
        for effect, words in EFFECTS.items()
        if effect in table
    }
    return table.reindex(order)[list(names)].rename(columns=names).reset_index()


def agreement_table(agreement, step, positive=None):
    """How right the changed phantoms are at one step: a row a truth and candidate.

    Args:
        agreement: Frame of `keras_derm.explain.truth_agreement`.
        step: The step, degrees.
        positive: As in `effects_table`.
    """
    rows = agreement[(agreement["model"] == ENSEMBLE) & (agreement["step"] == step)]
    cells = [
        _measure_cell(row, percent=row["measure"] in _SHARES)
        for row in rows.to_dict("records")
    ]
    table = rows.assign(cell=cells).pivot_table(
        index=["truth", "candidate"], columns="measure", values="cell", aggfunc="first"
    )
    order = [
        (truth, candidate)
        for truth in rows["truth"].unique()
        for candidate in CANDIDATES
    ]
    names = {
        measure: f"{words} of {positive}" if measure in _OF_POSITIVE else words
        for measure, words in AGREEMENT.items()
        if measure in table
    }
    table = table.reindex(order)[list(names)].rename(columns=names).reset_index()
    return table.assign(candidate=table["candidate"].map(CANDIDATES))


_OF_POSITIVE = ("same_call", "probability_error")
_SHARES = ("same_diagnosis", *_OF_POSITIVE)


def _counts(told):
    said = f"{told['n']:,} photographs"
    if told["n_without_skin"]:
        said += (
            f", of which {told['n_without_skin']:,} show no plain skin by which to set "
            "the brightness, and are left out"
        )
    return f"{said}."


def _threshold(told):
    if told["threshold"] is None:
        return "No threshold is known, so nothing is said of calls."
    return (
        f"{told['positive']} is called from a probability of {told['threshold']:.3f} "
        f"({told['threshold_fitted_on']})."
    )


def _zero(zero):
    """The control of no change: which must be none, or say where it is not."""
    how = f"largest change of a pixel {zero['largest']} of 255, of a probability "
    how += f"{zero['probability']:.2g}"
    if not zero["n_renamed"]:
        return Callout(
            "finding",
            f"Control of no change: at a step of 0, through the same arithmetic, none "
            f"of {zero['n']:,} photographs is named otherwise ({how}).",
        )
    cause = (
        "the arithmetic changes pixels"
        if zero["largest"]
        else "the pixels are the same, so the model is not repeatable"
    )
    return Callout(
        "caution",
        f"Control of no change: at a step of 0 {zero['n_renamed']:,} of {zero['n']:,} "
        f"photographs are named otherwise, because {cause} ({how}): "
        f"{', '.join(zero['isic_ids'][:5])}. Believe no figure below by less.",
    )


def _colours(rows):
    """How the colour of the skin changed, that the steps can be pictured."""
    rows = [{**row, "step": degrees(row["step"])} for row in rows]
    names = dict(zip(MOVED, ("L*", "a*", "b*"), strict=True))
    names["cut"] = "pixels cut off at white, %"
    return Table(
        pd.DataFrame(rows).rename(columns=names),
        "How the skin of the photographs changes in colour",
        "Medians over the photographs; of each, the change of the skin's median.",
        digits=1,
    )


def _finding(effects, positive):
    """One step in words: the one nearest to 30 degrees of added melanin."""
    rows = effects[
        (effects["model"] == ENSEMBLE) & (effects["value_of_stratum"] == "all")
    ]
    step = middle_step(rows["step"])
    rows = rows[rows["step"] == step]
    keys = zip(rows["change"], rows["effect"], strict=True)
    cells = dict(zip(keys, _percentages(rows), strict=True))
    said = (
        f"At {degrees(step)} the model names another diagnosis on "
        f"{cells[MELANIN, 'renamed']} percent of the photographs, and at equal "
        f"brightness without melanin on {cells[BRIGHTNESS, 'renamed']}."
    )
    for effect, what in (
        ("net", f"share that is called {positive}"),
        ("probability", f"mean probability of {positive}"),
    ):
        if (MELANIN, effect) in cells:
            said += (
                f" The {what} changes by {cells[MELANIN, effect]} percentage points, "
                f"at equal brightness by {cells[BRIGHTNESS, effect]}."
            )
    return Callout("finding", said)


def middle_step(steps):
    """The step that is shown where one stands for all: nearest to -30 degrees."""
    return min((step for step in steps if step), key=lambda step: abs(step + 30))


def _by_group(effects, stratum, effect, positive=None):
    """One effect of melanin, and of its control, in every group, a column a step."""
    rows = effects[
        (effects["stratum"] == stratum)
        & (effects["effect"] == effect)
        & effects["change"].isin([MELANIN, BRIGHTNESS])
        & (effects["step"] != 0)
    ]
    if rows.empty:
        return []
    words = EFFECTS[effect] if positive is None else f"{positive} {EFFECTS[effect]}"
    title = stratum_title(stratum)
    rows = rows.assign(cell=_percentages(rows), step=rows["step"].map(degrees))
    table = rows.pivot_table(
        index=["value_of_stratum", "n_groups", "n", "change"], columns="step",
        values="cell", aggfunc="first", sort=False,
    )  # fmt: skip
    names = {"value_of_stratum": title, "n_groups": "lesions or patients", "n": "n"}
    return [
        Table(
            table[list(rows["step"].unique())].reset_index().rename(columns=names),
            f"By {title}: {words}",
            "Percentage points. Without an interval: fewer than ten lesions or "
            "patients, too few to judge, or no difference between resamples.",
        )
    ]


def _members(effects, positive):
    """The mean change of the probability by every member of the ensemble."""
    effect = "renamed" if positive is None else "probability"
    rows = effects[
        (effects["value_of_stratum"] == "all")
        & (effects["effect"] == effect)
        & (effects["change"] == MELANIN)
        & (effects["step"] != 0)
    ]
    if rows["model"].nunique() < 2:
        return []
    rows = rows.assign(cell=_percentages(rows), step=rows["step"].map(degrees))
    table = rows.pivot(index="model", columns="step", values="cell")
    table = table.loc[rows["model"].unique(), list(rows["step"].unique())]
    words = EFFECTS[effect] if positive is None else f"{positive} {EFFECTS[effect]}"
    return [Table(table, f"By member, with melanin: {words}", "Percentage points.")]


def _truth(run, positive):
    """How right the changed photographs of a phantom are."""
    path = run / FOLDER / "agreement.csv"
    if not path.is_file():
        return []
    agreement = pd.read_csv(path)
    step = middle_step(agreement["step"])
    own = agreement[(agreement["model"] == ENSEMBLE) & (agreement["step"] == step)]
    return [
        Text(
            "The photographs are phantoms, whose truth under other melanin is "
            "rendered: the same person, lesion, light and noise. Held is a camera that "
            "keeps its exposure and white balance, which is what a filter over a "
            "photograph can be right about; metered is a dermatoscope that chooses "
            f"both anew, which is what would be photographed. {_verdicts(own)}"
        ),
        figure_block(
            run,
            "counterfactual_truth",
            "Phantoms as they are, with simulated melanin, and truly rendered.",
            "Framed: another diagnosis is named than of the photograph as it is.",
        ),
        Table(
            agreement_table(agreement, step, positive),
            f"How right the changed photographs are, at {degrees(step)}",
            "Colour errors: mean CIEDE2000 over the pixels; ITA in degrees, where b* "
            "is above 0; the rest in percent. The other steps are in "
            f"{FOLDER}/agreement.csv. {INTERVALS}",
        ),
    ]


def _verdicts(rows):
    """For each camera whether the counterfactual is nearer the truth than nothing."""
    said = []
    for truth, of_truth in rows.groupby("truth", sort=False):
        by = of_truth.set_index(["candidate", "measure"])
        parts = []
        for measure, words in AGREEMENT.items():
            if measure not in ("delta_e_skin", "delta_e_lesion", "same_diagnosis"):
                continue
            row = by.loc[(MELANIN, measure)]
            better = row["difference"] * (-1 if measure.startswith("same") else 1) < 0
            sure = row["difference_low"] * row["difference_high"] > 0
            how = ("better" if better else "worse") if sure else "no surely better"
            parts.append(f"{words} {how} than doing nothing")
        said.append(f"Against {truth}, at this step: {', '.join(parts)}.")
    return " ".join(said)


def _percentages(rows):
    """Cells in percentage points, with the sign of what may go either way."""
    return [
        _measure_cell(row, percent=True, signed=_is_signed(row))
        for row in rows.to_dict("records")
    ]


def _is_signed(row):
    return row["effect"] in ("net", "probability") or row["change"] == EXCESS


def _measure_cell(row, percent, signed=False):
    factor = 100 if percent else 1
    scaled = {
        key: None if pd.isna(row[key]) else factor * float(row[key])
        for key in ("value", "low", "high")
    }
    return interval_cell(scaled, sign="+" if signed else "", decimals=1)


def degrees(step):
    """A step of ITA in words, such as "+15°"."""
    return f"{step:+.0f}°".replace("-", "−") if step else "0°"
