"""Job: the report of a run."""

from keras_derm.runs import RunDirectory


def report(run: str):
    """Write report.html of a run: one file, no network, no script.

    Args:
        run: Run directory that has been evaluated.
    """
    # Here, as it loads what draws: a command line's help is quick without.
    from keras_derm.report.run_report import write_report

    run = RunDirectory(run)
    with run.locked():
        print(f"report: {write_report(run)}")
