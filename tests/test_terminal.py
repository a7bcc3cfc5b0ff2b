"""What libraries print stays off the terminal; what went wrong does not."""

import subprocess
import sys

import pytest

from keras_derm.jobs.command_line import command_line
from keras_derm.terminal import silenced

NESTED = """
import os
from keras_derm.terminal import silenced
with silenced():
    with silenced(1, 2):
        os.write(2, b"chatter")
    os.write(2, b"chatter")
    print("result")
os.write(2, b"shown again")
"""


def test_a_block_is_silent_down_to_what_c_prints():
    found = subprocess.run([sys.executable, "-c", NESTED], capture_output=True)
    assert (found.stdout, found.stderr) == (b"result\n", b"shown again")


def test_a_block_that_fails_shows_what_it_printed(capfd):
    with pytest.raises(ValueError), silenced():
        print("the reason", file=sys.stderr)
        raise ValueError
    assert capfd.readouterr().err == "the reason\n"


def test_a_command_that_loads_tensorflow_says_nothing_of_it(tmp_path):
    command = (
        f"from {command_line.__module__} import command_line; command_line({{!r}})"
    )
    found = subprocess.run(
        [sys.executable, "-c", command.format("find_duplicates"), "--run", tmp_path],
        capture_output=True,
        text=True,
    )
    assert len(found.stderr.splitlines()) == 1, found.stderr
    assert found.stderr.startswith("error: "), found.stderr
