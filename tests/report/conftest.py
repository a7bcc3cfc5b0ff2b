"""Runs that sections of the report are made from."""

import matplotlib.figure
import pytest
from fake_run import write_run

from keras_derm.report import save_figure


@pytest.fixture
def make_run(tmp_path):
    """Make a run of these arms, or of predictions made elsewhere."""

    def make(arms=("baseline", "augmented"), predictions=None):
        return write_run(tmp_path, arms, predictions)

    return make


@pytest.fixture
def run(make_run):
    """A run with a baseline and an augmented arm."""
    return make_run()


@pytest.fixture
def four_arms(make_run):
    """A run with the further arms beside the usual two."""
    return make_run(("baseline", "augmented", "balanced", "copies_5x"))


@pytest.fixture
def draw(run):
    """Save an empty figure of this name in the run."""

    def saved(name):
        save_figure(run, name, matplotlib.figure.Figure((1, 1)))

    return saved
