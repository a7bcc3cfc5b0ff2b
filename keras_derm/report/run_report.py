"""The report of a run: its sections in order, and what stands around them."""

from keras_derm.report.html import render_report
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

    Example:
        >>> write_report(RunDirectory("runs/ham10000"))
    """
    archives = run.settings(AuditSkinToneSettings).archives
    found = [section(run) for section in SECTIONS]
    return render_report(
        [section for section in found if section is not None],
        run / "report.html",
        "Does synthetic dermoscopy help?",
        summary.blocks(run),
        limits.TEXT,
        provenance.facts(run),
        subtitle=f"Archive: {archives}",
    )
