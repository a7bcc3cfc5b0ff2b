"""Job: the report of a run."""

from keras_derm.report.run_report import write_report
from keras_derm.runs import RunDirectory


def report(run: str):
    """Write report.html of a run: one file, no network, no script.

    Args:
        run: Run directory that has been evaluated.
    """
    print(f"report: {write_report(RunDirectory(run))}")
