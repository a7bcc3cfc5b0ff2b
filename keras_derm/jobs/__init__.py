"""The apps: what each does in a run, as a stage or as a function."""

from keras_derm.jobs.table import APPS, App, app, run_stage

__all__ = ["APPS", "App", "app", "run_stage"]
