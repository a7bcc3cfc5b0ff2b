"""Section: who is in the archive, by diagnosis and apparent skin tone."""

import pandas as pd

from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import figure_block, read_json
from keras_derm.skin_tone import describe_agreement


def section(run):
    """Counts by diagnosis and tone, and doubts; None before audit_skin_tone."""
    if not run.done("audit_skin_tone"):
        return None
    counts = read_json(run / "audit/rule_disagreement.json", "audit_skin_tone")
    table = pd.read_csv(run / "audit/tone_by_diagnosis.csv", index_col=0)
    undetermined = int(table.loc["total", "undetermined"])
    undecided = run.catalog.where(ita_type="undetermined").table
    # One line for each kind of reason, not for each figure in it.
    reasons = undecided["ita_reason"].astype("string").str.split(":").str[0].value_counts()
    blocks = [
        Table(
            table,
            "Images by diagnosis and type by ITA",
            "By the ITA of the skin around the lesion: the colour of the photograph.",
        ),
        figure_block(
            run,
            "tone_by_diagnosis",
            "Heat table of image counts, diagnosis by ITA.",
        ),
        figure_block(
            run,
            "tone_sheet",
            "Photographs drawn at random from each type by ITA.",
            "Drawn at random from each type: see for yourself whether the types fit.",
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
            "Cross table of ITA by our rule against the published rule.",
        ),
    ]
    blocks += _doubts_about_tone(run)
    if len(reasons):
        frame = reasons.rename_axis("reason").reset_index(name="images")
        blocks.append(Table(frame.head(12), "Why ITA was not determined"))
    if (run / "bad_images.csv").is_file():
        bad = pd.read_csv(run / "bad_images.csv")
        blocks.append(Table(bad.head(50), f"{len(bad)} images left out as unreadable"))
    return Section(
        "Who is in the archive",
        f"{undetermined:,} of {len(run.catalog):,} images have no ITA that could be "
        "determined.",
        blocks,
    )


def _doubts_about_tone(run):
    """What a colour cast does to the tone, and how far people agree with it."""
    blocks = []
    casts = pd.read_csv(run / "audit/cast_sensitivity.csv")
    if casts["images"].any():
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
        blocks.append(
            Table(
                shown,
                "What a small colour cast of the camera does to the measured ITA",
                "The same photographs measured again with red, green and blue changed "
                "by 3 to 5 per cent, or the light by 10.",
            )
        )
    if (run / "audit/label_agreement.json").is_file():
        found = read_json(run / "audit/label_agreement.json", "audit_skin_tone")
        cross = pd.read_csv(run / "audit/label_agreement.csv", index_col=0)
        blocks.append(Table(cross, "People's labels against the type by ITA"))
        blocks.append(Text(f"{describe_agreement(found)} The labels are used."))
    return blocks
