"""The page of what tone alone changes, for a model with or without a report."""

from keras_derm.report.html import render_report
from keras_derm.report.sections.counterfactual_tone import MEANING, section_of_files


def write_counterfactual_page(run):
    """Write counterfactual_tone.html of a run, of what the stage has left there.

    Args:
        run: `RunDirectory`.

    Returns:
        `Path` of the page.
    """
    return render_report(
        [section_of_files(run)],
        run / "counterfactual_tone.html",
        "What tone alone changes",
        MEANING,
        "Research use only. Not a medical device.",
    )
