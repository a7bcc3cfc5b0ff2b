"""The page of an audit: whose skin is in an archive, before anything is trained."""

from keras_derm.report.html import Callout, Section, Text, render_report
from keras_derm.report.sections import audit

LIMITS = """
- A person's label says what its rater saw, on the scale that is named. Labels of
  different scales are compared by tone group alone.
- An estimate is worth what is printed with it, on the archive that it was measured on.
  Other devices and clinics can be otherwise.
- Unknown is an answer. A group that is not in the archive cannot be judged with it.
"""


def write_audit_page(run, archives):
    """Write audit.html of a run.

    Args:
        run: `RunDirectory` whose archive was audited.
        archives: What it is called, a text.

    Returns:
        `Path` of the page.
    """
    summary = [Text(audit.how_many_unknown(run)), *audit.left_out(run)]
    sections = [Section("People", "By tone group.", audit.people(run))]
    if run.audited_catalog.is_file():
        summary.append(
            Callout(
                "caution",
                "ITA of a dermoscopic photograph is the colour of the photograph, "
                "counted apart below. It is no table of people.",
            )
        )
        sections.append(Section("Photographs", "By colour (ITA).", audit.colours(run)))
    else:
        summary.append(
            Callout("note", "The tables alone were read: no photograph was looked at.")
        )
    unfit = audit.left_out(run)
    if unfit:
        lead = "What was left out, and what stands there twice."
        sections.append(Section("Files", lead, unfit))
    return render_report(
        sections,
        run / "audit.html",
        "Whose skin is in the archive?",
        summary,
        LIMITS,
        subtitle=f"Archive: {archives}",
    )
