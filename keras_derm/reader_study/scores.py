"""What readers' answers say: of the images, of groups of them, and of the readers."""

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.evaluation import (
    TOO_FEW,
    UNKNOWN,
    agreement,
    mean_over_readers,
    reader_aucs,
    reader_means,
    self_agreement,
)
from keras_derm.reader_study.questions import (
    BOTH,
    CANNOT_SAY,
    DIAGNOSIS,
    FAULT_WORDS,
    FAULTS,
    LOST,
    ORIGIN,
    ORIGIN_LEVELS,
    ORIGINAL_LACKS,
    PLAUSIBILITY,
    PLAUSIBILITY_LEVELS,
    PREPARED_LACKS,
    PRESERVATION,
    SAME,
    SIGN_WORDS,
)
from keras_derm.reader_study.series import (
    CHECK,
    FIRST,
    KEPT,
    PREPARED,
    REAL,
    REPEAT,
    SCREENED_OUT,
)

LEAST = 5
"""Images of each kind that a group needs to be judged."""

REJECTED = 2
"""A reader rejects what is plausible hardly or not at all: at most this level."""

SYNTHETIC = (KEPT, SCREENED_OUT)
AXES = ("generator", "diagnosis", "tone_group")


def score(answers, pictures):
    """Score what readers answered, each figure with a 95 % interval.

    Intervals are of other readers and other images (`mean_over_readers`). First answers
    alone are scored; the images that screening rejected are in no figure but their own.

    Args:
        answers: Table of `read_answers`.
        pictures: Table of what was shown, one row an item: `item`, `isic_id`, `kind`,
            `diagnosis`, `tone_group` and `generator`.

    Returns:
        `pandas.DataFrame`, one row a figure: `quantity`, `axis` ("all", "generator",
        "diagnosis", "tone_group"), `level`, `value`, `low`, `high`, `n_images`,
        `n_readers` and `reason`.
    """
    first = answers[(answers["showing"] == FIRST) & (answers["kind"] != CHECK)]
    matrices = {question: _matrix(rows) for question, rows in first.groupby("question")}
    about = pictures.set_index("item")
    rows = []
    for axis, level, items in _groups(about):
        for quantity, found, n_images in _figures(matrices, about, items, axis):
            row = {"quantity": quantity, "axis": axis, "level": level}
            row |= {"value": found.value, "low": found.low, "high": found.high}
            row |= {"n_images": n_images, "n_readers": found.n_readers}
            rows.append({**row, "reason": found.reason})
    columns = ["quantity", "axis", "level", "value", "low", "high", "n_images"]
    return pd.DataFrame(rows, columns=[*columns, "n_readers", "reason"])


def score_readers(answers):
    """What each reader did.

    Args:
        answers: Table of `read_answers`.

    Returns:
        `pandas.DataFrame`, one row a reader: `pictures` answered, `seconds` a picture
        (median), `checks` passed and `n_checks`, `accuracy` and `auc` of photographs
        against synthetic images that were kept.
    """
    rows = []
    for reader, given in answers.groupby("reader", sort=True):
        steps = given.drop_duplicates("step")
        checks = given[(given["kind"] == CHECK) & given["expected"].notna()]
        right = checks["value"] == checks["expected"]
        passed = right.groupby(checks["step"]).all()
        origin = given[(given["question"] == ORIGIN) & (given["showing"] == FIRST)]
        origin = origin[origin["kind"].isin([REAL, KEPT])]
        is_synthetic = (origin["kind"] != REAL).to_numpy()
        levels = origin["value"].astype(float).to_numpy()
        areas, _ = reader_aucs(is_synthetic, levels[None])
        right = (levels > ORIGIN_LEVELS / 2) == is_synthetic
        rows.append(
            {
                "reader": reader,
                "pictures": int((steps["kind"] != CHECK).sum()),
                "seconds": float(steps["ms"].median() / 1000),
                "checks": int(passed.sum()),
                "n_checks": len(passed),
                "accuracy": float(right.mean()) if len(right) else np.nan,
                "auc": float(areas[0]),
            }
        )
    return pd.DataFrame(rows)


def score_agreement(answers, questions, n_replicates=200, seed=0):
    """Agreement between readers, and of readers with themselves.

    An answer "I cannot say" is none.

    Args:
        answers: Table of `read_answers`.
        questions: Those of the `Study`.
        n_replicates, seed: Of the bootstrap of images.

    Returns:
        `pandas.DataFrame`, one row a measure: `question`, `between` ("readers" or "one
        reader's answers"), `measure`, `value`, `low`, `high`, `n` and `reason`. Empty
        for one reader without repeats.
    """
    rows, images = [], answers[answers["kind"] != CHECK]
    codings = list(_codings(questions))
    for name, question, ordered, codes in track(codings, "Agreement", transient=True):
        given = images[images["question"] == question]
        given = given.assign(value=given["value"].map(codes).astype(float))
        found = _agreements(given, ordered, n_replicates, seed)
        rows += [
            {"question": name, "between": between, "measure": measure, **values}
            for between, measures in found.items()
            for measure, values in measures.items()
        ]
    return pd.DataFrame(rows)


def _agreements(given, ordered, n_replicates, seed):
    """Measures of the answers to one question, between readers and within them."""
    found, first = {}, given[given["showing"] == FIRST]
    if first["reader"].nunique() > 1:
        numbers = _matrix(first).to_numpy(float)
        found["readers"] = agreement(numbers, ordered, n_replicates, seed)
    again = given[given["showing"] == REPEAT]
    if len(again):
        pairs = again.merge(first, on=["reader", "item"], suffixes=("", "_first"))
        found["one reader's answers"] = self_agreement(
            pairs["value_first"], pairs["value"], ordered, n_replicates, seed
        )
    return found


def beside_screening(answers, screening):
    """What readers reject against what screening rejects.

    Args:
        answers: Table of `read_answers`.
        screening: Table of what was shown: `item`, `kind`, and `screening_reason`,
            empty where it passed.

    Returns:
        `pandas.DataFrame`, one row a verdict of screening ("kept", and each reason for
        rejection): `images`, the shares `rejected` by readers with `low` and `high`,
        and `n_readers`. Readers reject what they find hardly plausible or worse; where
        plausibility was not asked, what they call synthetic. Empty where nothing that
        screening rejected was shown, or neither was asked.
    """
    judged = _rejections(answers)
    rejected = screening[screening["kind"] == SCREENED_OUT]
    if judged is None or rejected.empty:
        return pd.DataFrame()
    groups = {
        "kept": list(screening.loc[screening["kind"] == KEPT, "item"]),
        "screened out": list(rejected["item"]),
    }
    reasons = rejected["screening_reason"].fillna("").str.split("; ")
    for item, found in zip(rejected["item"], reasons, strict=True):
        for kind in dict.fromkeys(map(_kind_of_reason, found)):
            groups.setdefault(f"screened out for {kind}", []).append(item)
    rows = []
    for verdict, items in groups.items():
        _, found, n_images = _mean(verdict, judged, items)
        row = {"screening": verdict, "images": n_images, "rejected": found.value}
        row |= {"low": found.low, "high": found.high}
        rows.append({**row, "n_readers": found.n_readers, "reason": found.reason})
    return pd.DataFrame(rows)


def _groups(about):
    """Axis, level and items: all, and every level of every axis."""
    yield "all", "all", about.index
    for axis in AXES:
        levels = about[axis].fillna(UNKNOWN if axis == "tone_group" else "")
        for level in sorted(set(levels) - {""}):
            yield axis, level, about.index[levels == level]


def _figures(matrices, about, items, axis):
    """Quantity, `ReadersEstimate` and number of images, of one group."""
    kinds = about["kind"]
    # A generator's images stand beside all photographs.
    real = kinds.index if axis == "generator" else items
    real = real[kinds[real] == REAL]
    kept, out, pairs = (
        items[kinds[items] == k] for k in (KEPT, SCREENED_OUT, PREPARED)
    )
    if ORIGIN in matrices and len(kept):
        yield from _origin_figures(matrices[ORIGIN].astype(float), real, kept)
    if PLAUSIBILITY in matrices:
        yield from _plausibility_figures(matrices[PLAUSIBILITY], real, kept, out)
    if DIAGNOSIS in matrices and axis != "generator":
        right = _right_diagnoses(matrices[DIAGNOSIS], about)
        yield _mean("diagnosis as labelled, photographs", right, real)
        if len(kept):
            yield _mean("diagnosis as asked of the generator, synthetic", right, kept)
    if FAULTS in matrices and axis == "all":
        yield from _fault_figures(matrices, real, kept)
    if PRESERVATION in matrices and len(pairs) and axis != "generator":
        yield from _preparation_figures(matrices, pairs, axis)


def _origin_figures(levels, real, kept):
    columns = levels.columns.intersection([*real, *kept])
    shown = levels[columns]
    is_synthetic = columns.isin(kept)
    right = (shown > ORIGIN_LEVELS / 2) == is_synthetic
    right = right.astype(float).where(shown.notna())
    least = min(is_synthetic.sum(), (~is_synthetic).sum())
    yield (
        "origin: accuracy",
        _judged(shown, lambda: reader_means(right.to_numpy(), is_synthetic), least),
        len(columns),
    )
    yield (
        "origin: AUC",
        _judged(shown, lambda: reader_aucs(is_synthetic, shown.to_numpy()), least),
        len(columns),
    )
    yield _mean("origin: synthetic images called synthetic", right, kept)
    yield _mean("origin: photographs called photographs", right, real)


def _plausibility_figures(levels, real, kept, out):
    levels = levels.astype(float)
    bounds = 1.0, float(PLAUSIBILITY_LEVELS)
    rejected = (levels <= REJECTED).astype(float).where(levels.notna())
    for name, items in (
        ("photographs", real),
        ("synthetic", kept),
        ("screened out", out),
    ):
        if len(items):
            yield _mean(f"plausibility, {name}", levels, items, bounds)
            yield _mean(f"rejected as implausible, {name}", rejected, items)


def _fault_figures(matrices, real, kept):
    """Shares of all answers that name a fault, also where nothing was found wrong."""
    for fault, word in FAULT_WORDS.items():
        named = _naming(matrices[FAULTS], fault, matrices[PLAUSIBILITY])
        for name, items in (("photographs", real), ("synthetic", kept)):
            if len(items):
                yield _mean(f"fault named: {word}, {name}", named, items)


def _preparation_figures(matrices, pairs, axis):
    said = matrices[PRESERVATION]
    for name, words in (
        ("preparation: signs preserved", (SAME, ORIGINAL_LACKS)),
        ("preparation: signs lacking after it", (PREPARED_LACKS, BOTH)),
        ("preparation: signs lacking before it (guesses)", (ORIGINAL_LACKS, BOTH)),
    ):
        yield _mean(name, said.isin(words).astype(float).where(said.notna()), pairs)
    if LOST in matrices and axis == "all":
        after = matrices[LOST].reindex_like(said).where(said == PREPARED_LACKS)
        for sign, word in SIGN_WORDS.items():
            name = f"preparation: {word} lacking after it"
            yield _mean(name, _naming(after, sign, said), pairs)


def _naming(chosen, word, asked_with):
    """1 where a word was chosen, 0 where it was not or was not asked for."""
    chosen = chosen.reindex_like(asked_with)
    named = chosen.map(lambda words: isinstance(words, tuple) and word in words)
    return named.astype(float).where(asked_with.notna())


def _mean(name, values, items, bounds=(0.0, 1.0)):
    columns = values.columns.intersection(items)
    part = values[columns]
    found = _judged(part, lambda: reader_means(part.to_numpy(float)), None, bounds)
    return name, found, len(columns)


def _judged(part, figures, least=None, bounds=(0.0, 1.0)):
    """Estimate of a figure, or the reason why there is none."""
    least = part.shape[1] if least is None else least
    if least < LEAST:
        nothing = mean_over_readers([np.nan], [[np.nan]])
        return nothing._replace(reason=f"{TOO_FEW}: {least} images")
    return mean_over_readers(*figures(), bounds=bounds)


def _matrix(rows):
    """Answers of one question, readers by items; NaN where there is none."""
    return rows.pivot(index="reader", columns="item", values="value")


def _codings(questions):
    """Name, question, whether its order counts, and the number of each answer."""
    for question in questions:
        name = question["name"]
        if question["several"]:
            continue
        values = [option["value"] for option in question["options"]]
        if name == PRESERVATION:
            values = [SAME, ORIGINAL_LACKS, PREPARED_LACKS, BOTH]
        codes = {value: i for i, value in enumerate(values) if value != CANNOT_SAY}
        if name == ORIGIN:
            halves = {value: i >= ORIGIN_LEVELS // 2 for value, i in codes.items()}
            yield f"{name}, yes or no", name, False, halves
            yield f"{name}, certainty", name, True, codes
        else:
            yield name, name, question["ordered"], codes


def _right_diagnoses(said, about):
    truth = about["diagnosis"].reindex(said.columns)
    return said.eq(truth, axis="columns").astype(float).where(said.notna())


def _rejections(answers):
    """1 where a reader rejects a synthetic image, else 0: readers by images."""
    first = answers[answers["showing"].eq(FIRST) & answers["kind"].isin(SYNTHETIC)]
    for question, is_rejected in (
        (PLAUSIBILITY, lambda level: level <= REJECTED),
        (ORIGIN, lambda level: level > ORIGIN_LEVELS / 2),
    ):
        rows = first[first["question"] == question]
        if len(rows):
            levels = _matrix(rows).astype(float)
            return is_rejected(levels).astype(float).where(levels.notna())
    return None


def _kind_of_reason(reason):
    """The criterion that a reason of the screening begins with."""
    if reason.startswith("colour of skin"):
        return "colour of skin"
    return "near copy" if reason.startswith("near copy") else reason.split(" unlike")[0]
