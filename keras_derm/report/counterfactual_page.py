"""The page of what tone alone changes, for a model with or without a report."""

from keras_derm.report.html import Callout, render_report
from keras_derm.report.sections.counterfactual_tone import section_of_files


def write_counterfactual_page(run):
    """Write counterfactual_tone.html of a run, of what the stage has left there.

    Args:
        run: `RunDirectory`.

    Returns:
        `Path` of the page.
    """
    section = section_of_files(run)
    found = [block for block in section.blocks if isinstance(block, Callout)]
    section.blocks = [
        block for block in section.blocks if not isinstance(block, Callout)
    ]
    title, section.title = section.title, "What was asked, and the answers"
    return render_report(
        [section],
        run / "counterfactual_tone.html",
        title,
        found,
        "Research use only. Not a medical device.",
    )
