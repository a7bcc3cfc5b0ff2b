"""The apps: what each does in a run, as a stage or as a function."""

TYPE_CHECKING = False  # that of `typing`, which takes time to import
if TYPE_CHECKING:
    from keras_derm.jobs.table import APPS, App, app, run_stage

__all__ = ["APPS", "App", "app", "run_stage"]


def __getattr__(name: str) -> object:
    """Read the table of apps when it is asked for: a command is to begin at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_derm.jobs import table

    return getattr(table, name)
