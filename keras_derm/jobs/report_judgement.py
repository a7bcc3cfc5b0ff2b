"""Sections of the report: what the classifiers are worth, for whom, and how to use."""

import pandas as pd

from keras_derm.evaluation import ALPHA, HEADLINE, TONE_STRATA
from keras_derm.jobs.figure_files import figure_block
from keras_derm.report.interval_cell import interval_cell

INTERVALS = (
    "95 % percentile intervals from the paired cluster bootstrap: lesions (or "
    "patients) are drawn with all their images."
)


def positive_words(metrics):
    """The class that is to be found, in the singular and in the plural."""
    name = metrics["positive"]
    if name in ("MEL", "melanoma"):
        return "melanoma", "melanomas"
    return name, f"{name} lesions"


def judgement(run, metrics, table):
    """All arms on all test images."""
    from keras_derm.report import Section, Table

    overall = table[table["stratum"] == "all"]
    labels = dict(zip(overall["metric"], overall["label"], strict=True))
    called = _intervals(overall[~_at_threshold(overall)], metrics["reference"])
    members = [
        {"arm": arm, "model": model}
        | {labels[name]: interval_cell(scores[name]) for name in HEADLINE}
        for arm, models in metrics["members"].items()
        for model, scores in models.items()
    ]
    return Section(
        "Judgement on real test images",
        metrics["verdict"],
        [
            Table(
                _numbered(called),
                "Called the class of highest probability",
                INTERVALS,
            ),
            *_tests(metrics),
            figure_block(run, "confusion", f"Confusion matrices of {_arms(metrics)}."),
            figure_block(
                run,
                "roc",
                f"ROC curves of {_arms(metrics)} with 95 % bands.",
                "Bands from the cluster bootstrap, intervals of the areas by DeLong.",
            ),
            Table(
                pd.DataFrame(members),
                "Each member on its own, and the ensemble",
                INTERVALS,
            ),
        ],
    )


def subgroups(run, metrics, table):
    """Who gains and who loses: strata, gaps, sets of equal coverage."""
    from keras_derm.report import Section, Table

    tones = table["stratum"].isin(TONE_STRATA) & table["metric"].isin(HEADLINE)
    known = _intervals(table[tones], metrics["reference"])
    tones = table[tones & (table["arm"] == metrics["reference"])]
    singular, plural = positive_words(metrics)
    columns = _tone_columns(tones, plural)
    known = columns.join(known)
    too_few = columns.assign(why=tones["reason"])
    too_few["why"] = too_few["why"].where(too_few["n"] > 0, "no images")
    too_few = too_few[~tones["judged"]].drop_duplicates("tone")
    blocks = [
        figure_block(
            run,
            "forest",
            "Difference in balanced accuracy per tone, each arm minus "
            f"{metrics['reference']}.",
            "Hollow: the interval holds zero, or the difference does not survive the "
            "correction for the number of strata.",
        ),
    ]
    if tones["judged"].any():
        judged = _numbered(known[tones["judged"]])
        blocks.append(Table(judged, "By apparent tone", INTERVALS))
    if len(too_few):
        blocks.append(
            Table(
                _numbered(too_few),
                "Tones of which nothing can be said",
                "Their figures are in metrics.csv; they prove nothing.",
            )
        )
    blocks += [
        figure_block(
            run,
            "forest_others",
            "Difference in balanced accuracy by sex, age, site and contrast.",
            f"Strata with at least ten lesions that are {singular} and ten that are "
            "not.",
        ),
        *_gaps(run),
        *_selective(run),
    ]
    return Section("For whom", "What holds for all need not hold for each.", blocks)


def thresholds(run, metrics, table):
    """Where to draw the line, and whether the probabilities can be believed."""
    from keras_derm.report import Section, Table, Text

    overall = table[(table["stratum"] == "all") & _at_threshold(table)]
    if overall.empty:
        return None
    points = "; ".join(
        f"{float(sensitivity):.0%}: "
        + ", ".join(
            f"{found['operating_points'][sensitivity]:.3f} ({arm})"
            for arm, found in metrics["arms"].items()
        )
        for sensitivity in metrics["arms"][metrics["reference"]]["operating_points"]
    )
    return Section(
        "Thresholds and probabilities",
        "A threshold is fixed on validation images and then kept.",
        [
            Text(
                "Probability from which an image is called "
                f"{positive_words(metrics)[0]}, for {points}."
            ),
            Table(
                _numbered(_intervals(overall, metrics["reference"])),
                "At these thresholds",
                INTERVALS,
            ),
            _temperatures(metrics),
            figure_block(
                run,
                "reliability",
                "Accuracy against confidence, in bins of equally many images.",
                "On the diagonal the probabilities mean what they say.",
            ),
            figure_block(
                run,
                "net_benefit",
                f"Net benefit of {_arms(metrics)} against acting on all or on nobody.",
                "At each probability from which a reader would act; bands of 95 %.",
            ),
        ],
    )


def _temperatures(metrics):
    from keras_derm.report import Text

    said = [
        f"{arm}: temperature {found['temperature']:.2f}, expected calibration error "
        f"{found['expected_calibration_error']:.3f} before and "
        f"{found['expected_calibration_error_scaled']:.3f} after"
        for arm, found in metrics["temperature"].items()
    ]
    return Text(
        "One temperature fitted on validation images softens (above 1) or sharpens the "
        f"probabilities; on test images, {'; '.join(said)}."
    )


def _numbered(frame):
    """Without an index that would be shown."""
    return frame.reset_index(drop=True)


def _at_threshold(table):
    return table["metric"].str.contains("_at_")


def _arms(metrics):
    names = list(metrics["arms"])
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _tests(metrics):
    from keras_derm.report import Text

    reference, said = metrics["reference"], []
    for arm, tests in metrics["tests"].items():
        mcnemar, delong = tests["mcnemar"], tests["delong"]
        text = (
            f"Lesions on which one arm alone is right more often: {reference} "
            f"{mcnemar['only_reference']}, {arm} {mcnemar['only_arm']} "
            f"(McNemar's exact test, p = {mcnemar['p_value']:.2g})."
        )
        if delong is not None and delong["low"] is not None:
            text += (
                f" Difference in {positive_words(metrics)[0]} AUC "
                f"{delong['difference']:+.3f} ({delong['low']:+.3f} to "
                f"{delong['high']:+.3f}; DeLong's test, p = {delong['p_value']:.2g})."
            )
        said.append(Text(text))
    return said


def _gaps(run):
    """Gaps in sensitivity and in both error rates, where two groups can be judged."""
    from keras_derm.report import Table, Text

    gaps = pd.read_csv(run / "disparities.csv")
    gaps = gaps[gaps["gap"].isin(["sensitivity", "equalised_odds"])]
    names = gaps["stratum"].str.replace("_", " ").str.replace(" x ", " and ")
    known = gaps["value"].notna()
    none = sorted(set(names[~known]))
    said = f"No gap can be given for {', '.join(none)}: fewer than two groups judged."
    blocks = [Text(said)] if none else []
    if not known.any():
        return blocks
    table = pd.DataFrame(
        {
            "between": names,
            "arm": gaps["arm"],
            "gap": gaps["label"],
            "value": [interval_cell(row) for row in gaps.to_dict("records")],
            "worst": gaps["worst"].fillna(""),
            "best": gaps["best"].fillna(""),
            "corrected p": gaps["p_adjusted"].map("{:.2g}".format),
        }
    )
    note = (
        "The greatest difference between two groups; even equal groups have one by "
        "chance, so read the p-value, corrected for the number of variables."
    )
    return [Table(_numbered(table[known]), "Gaps between groups", note), *blocks]


def _selective(run):
    """Prediction sets that hold the truth equally often for every tone."""
    from keras_derm.report import Table

    path = run / "selective.csv"
    if not path.is_file():
        return []
    found = pd.read_csv(path)
    columns = {"tone": found["group"], "arm": found["arm"], "n": found["n"]}
    for name, label in (
        ("coverage", "truth in the set"),
        ("decided", "one class alone"),
        ("accuracy", "right where one class alone"),
    ):
        columns[label] = [interval_cell(row, name) for row in found.to_dict("records")]
    if found["reason"].notna().any():
        columns["remark"] = found["reason"].fillna("")
    note = (
        "Sets of classes fitted on validation images for each tone so that "
        f"{1 - ALPHA:.0%} hold the truth (Mondrian conformal prediction). Where a set "
        "does not name one class alone the model abstains."
    )
    return [Table(pd.DataFrame(columns), "Prediction sets and abstention", note)]


def _tone_columns(table, positives):
    columns = {"value_of_stratum": "tone", "n": "n", "n_positive": positives}
    columns["n_classes"] = "classes"
    return table[list(columns)].rename(columns=columns)


def _intervals(table, reference):
    """One row a stratum and metric: every arm, and its difference from the reference.

    The index is that of the rows of the reference.
    """
    of_arm = dict(list(table.groupby("arm", sort=False)))
    columns = {"metric": of_arm[reference]["label"]}
    for arm, rows in of_arm.items():
        columns[arm] = _cells(rows, "value")
        if arm != reference:
            title = "difference" if len(of_arm) == 2 else f"{arm} minus {reference}"
            columns[title] = _cells(rows, "difference", "+")
    return pd.DataFrame(columns)


def _cells(rows, name, sign=""):
    return [
        interval_cell(row, name, sign, 0 if "false_negatives" in row["metric"] else 3)
        for row in rows.to_dict("records")
    ]
