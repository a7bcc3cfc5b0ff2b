"""Section: whose skin is in the archive, and what colour its photographs have."""

import pandas as pd

from keras_derm.catalog.duplicates import tell_identical
from keras_derm.report.arm_tables import score_cells
from keras_derm.report.html import Callout, Section, Table, Text
from keras_derm.report.run_files import figure_block, read_csv, read_json

NO_TABLE_OF_PEOPLE = (
    "This is no table of people. A dermatoscope lights, presses and exposes the skin: "
    "on MILK10k the ITA of the dermoscopic photograph has a rank correlation of 0.06 "
    "with the skin tone of the person (docs/skin_tone.md). It says how light or dark "
    "the photographs are."
)
NAMES_NONE = (
    "The groups that it named were not right often enough where labels could tell: "
    "here it names none."
)
SHOWN_SCORES = (
    "Spearman",
    "AUC dark against the rest",
    "AUC dark against light",
    "kappa",
    "within one",
    "group known",
    "group right",
)


def section(run):
    """People by tone group, and photographs by colour; None before audit_skin_tone."""
    if not run.done("audit_skin_tone"):
        return None
    blocks = people(run) + colours(run) + left_out(run)
    return Section("Whose skin is in the archive", how_many_unknown(run), blocks)


def left_out(run):
    """Blocks: what of the archive was left out, and what stands there twice."""
    blocks = not_used(run)
    if (run / "bad_images.csv").is_file():
        bad = read_csv(run / "bad_images.csv", "audit_skin_tone")
        causes = bad["cause"].str.split(":").str[0].str.split(" (", regex=False).str[0]
        counts = causes.value_counts().rename_axis("cause").reset_index(name="images")
        blocks.append(Table(counts, f"{len(bad)} fault(s): their images were left out"))
        blocks.append(Table(bad.head(50), "Images left out, the first 50"))
    if (run / "audit/identical_files.csv").is_file():
        files = read_csv(run / "audit/identical_files.csv", "audit_skin_tone")
        blocks.append(Callout("caution", tell_identical(files)))
        blocks.append(
            Table(files.head(50), "Files that stand there twice, the first 50")
        )
    return blocks


def not_used(run):
    """Blocks: which rows, files and columns of the archive are not used."""
    path = run / "audit/left_out.json"
    if not path.is_file():
        return []
    told = read_json(path, "audit_skin_tone")
    told = [told] if isinstance(told, str) else told  # as runs of before have it
    items = "\n".join(f"- {sentence}" for sentence in told if sentence)
    return [Text(f"Left out, or not known:\n\n{items}")] if items else []


def how_many_unknown(run):
    """Say of how many photographs the person's tone is unknown."""
    counts = read_csv(
        run / "audit/tone_by_diagnosis.csv", "audit_skin_tone", index_col=0
    )
    of = counts.loc["total"]
    return (
        f"The skin tone of the person is unknown in {int(of['unknown']):,} of "
        f"{int(of['total']):,} photographs."
    )


def people(run):
    """Blocks: people by tone group, where that comes from, and how good it is."""
    counts = read_csv(
        run / "audit/tone_by_diagnosis.csv", "audit_skin_tone", index_col=0
    )
    sources = read_csv(run / "audit/tone_sources.csv", "audit_skin_tone", index_col=0)
    return [
        Table(counts, "Photographs by diagnosis and tone group of the person"),
        figure_block(
            run,
            "tone_by_diagnosis",
            "Heat table of counts, diagnosis by tone group of the person.",
        ),
        Table(
            sources.reset_index(),
            "Where the tone group comes from",
            "A person's label goes first, then a clinical photograph of the same "
            "lesion or patient, then an estimate on the photograph itself where it is "
            "sure.",
        ),
        *_worth(run),
        *_scores(run),
        *_sheet(run),
    ]


def _sheet(run):
    if not run.figure("tone_sheet").is_file():  # an audit of tables alone
        return []
    return [
        figure_block(
            run,
            "tone_sheet",
            "Photographs drawn at random from each tone group.",
            "Drawn at random from each tone group: see for yourself.",
        )
    ]


def _worth(run):
    """How good the estimators are that were used, by their own cards."""
    path = run / "audit/estimators.json"
    if not path.is_file():  # an audit of tables alone
        return []
    told = read_json(path, "audit_skin_tone")
    return [
        Text(
            f"{one['name']}: {one['worth']}"
            + ("" if one["names"] else f" {NAMES_NONE}")
        )
        for one in told
    ]


def _scores(run):
    """How good every estimator is on this archive's own labels."""
    path = run / "audit/label_scores.csv"
    if not path.is_file():
        return []
    scores = read_csv(path, "audit_skin_tone")
    scores = scores[scores["metric"].isin(SHOWN_SCORES)]
    of_row = ["scale", "image_type", "estimator", "n"]
    cells = score_cells(scores, of_row)
    return [
        Table(
            cells[[*of_row, *(name for name in SHOWN_SCORES if name in cells)]],
            "How good each estimate is where people labelled",
            "With 95 % intervals by lesion, on photographs that the estimator did not "
            "learn from. Kappa has quadratic weights, and is given on the scale of the "
            "labels alone. The labels are used where there are any.",
        )
    ]


def colours(run):
    """Blocks: ITA, the colour of the photographs, and what moves it."""
    counts = read_json(run / "audit/rule_disagreement.json", "audit_skin_tone")
    types = read_csv(
        run / "audit/colour_by_diagnosis.csv", "audit_skin_tone", index_col=0
    )
    undecided = run.catalog.where(ita_type="undetermined").table
    # One line for each kind of reason, not for each figure in it.
    reasons = (
        undecided["ita_reason"].astype("string").str.split(":").str[0].value_counts()
    )
    blocks = [
        Table(types, "Colour of the photographs: ITA type", NO_TABLE_OF_PEOPLE),
        figure_block(
            run,
            "colour_by_diagnosis",
            "Heat table of image counts, diagnosis by ITA type of the photograph.",
        ),
        Text(
            "The published rule (mean colour, plain arctangent) and ours (medians, "
            "quadrant-aware angle, corners and lesion left out) disagree on "
            f"{counts['disagree']:,} of the {counts['both_determined']:,} images that "
            f"both can judge. The published rule calls {counts['published_dark']:,} "
            f"images V or VI; {counts['published_dark_but_bright']:,} of these are "
            "bright skin whose pink cast turns the sign of its angle. Called "
            f"V or VI by ours: {counts['default_dark']:,}."
        ),
        figure_block(
            run,
            "rule_disagreement",
            "Cross table of ITA type by our rule against the published rule.",
        ),
        *_casts(run),
    ]
    if len(reasons):
        frame = reasons.rename_axis("reason").reset_index(name="images")
        blocks.append(Table(frame.head(12), "Why an ITA type was not determined"))
    return blocks


def _casts(run):
    """What a colour cast of the camera does to the ITA."""
    casts = read_csv(run / "audit/cast_sensitivity.csv", "audit_skin_tone")
    if not casts["images"].any():
        return []
    largest = casts["p95_absolute_change"]
    shown = pd.DataFrame(
        {
            "cast of a few per cent": casts["cast"],
            "images": casts["images"],
            "median change of ITA": casts["median_change"].map("{:+.0f}°".format),
            "95 % change less than": largest.map("{:.0f}°".format),
            "another type": casts["share_of_type_changed"].map("{:.0%}".format),
            "no type": casts["became_undetermined"].map("{:.0%}".format),
        }
    )
    shown = shown.mask(shown.isin(["+nan°", "nan°", "nan%"]), "–")
    return [
        Table(
            shown,
            "What a small colour cast of the camera does to the measured ITA",
            "The same photographs measured again with red, green and blue changed by 3 "
            "to 5 per cent, or the light by 10.",
        )
    ]
