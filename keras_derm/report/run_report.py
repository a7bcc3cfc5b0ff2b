"""The report of a run: its sections in order, and what stands around them."""

from keras_derm.report.html import render_report
from keras_derm.report.run_files import damage_is_told
from keras_derm.report.sections import SECTIONS, limits, provenance, summary
from keras_derm.settings import AuditSkinToneSettings


def write_report(run):
    """Write report.html of a run: one file, no network, no script.

    Args:
        run: `RunDirectory` that has been evaluated.

    Returns:
        `Path` of the report.

    Raises:
        FileNotFoundError: A file of the run is missing; the message names the app
            that writes it.
        DamagedFileError: A file of the run is damaged; it says which, and how it is
            written anew.

    Example:
        >>> write_report(RunDirectory("runs/ham10000"))
    """
    archives = run.settings(AuditSkinToneSettings).archives
    found = []
    for section in SECTIONS:
        with damage_is_told(f"the section {section.__module__.rpartition('.')[2]}"):
            found.append(section(run))
    with damage_is_told("the summary of the report"):
        blocks, facts = summary.blocks(run), provenance.facts(run)
    return render_report(
        [section for section in found if section is not None],
        run / "report.html",
        _title(run),
        blocks,
        limits.TEXT,
        facts,
        subtitle=f"Archive: {archives}",
    )


def _title(run):
    """The question that the run answers."""
    if run.is_of_lesions:
        return "Does a second photograph help, and what else is known?"
    if len(run.arms) == 1:
        return "How well is dermoscopy classified?"
    return "Does synthetic dermoscopy help?"
