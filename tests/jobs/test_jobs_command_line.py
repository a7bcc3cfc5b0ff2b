"""What a command says when it ends early: in the terminal, as a user sees it."""

import ast
import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from keras_derm import files
from keras_derm.jobs.command_line import main

APPS = Path(__file__).parents[2] / "apps"
LIGHT = """
import sys
before = set(sys.modules)
import keras_derm.jobs.command_line
print(sorted(set(sys.modules) - before))
"""
OURS = [
    *("keras_derm", "keras_derm.caches", "keras_derm.jobs"),
    "keras_derm.jobs.command_line",
]
STOP = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException as error:
    raise ImportError("the import of this module failed") from error
"""
COMMAND = "from keras_derm.jobs.command_line import main; main()"


@pytest.fixture(autouse=True)
def heard():
    """Interrupts are heard, also where tests run in the background, deaf to them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ended(monkeypatch, capsys, *arguments):
    """Exit status of the command, and what it says of its end."""
    monkeypatch.setattr(sys, "argv", ["keras-derm", *map(str, arguments)])
    with pytest.raises(SystemExit) as status:
        main()
    return status.value.code, capsys.readouterr().err


def test_nothing_is_imported_before_a_command_may_be_stopped():
    found = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True
    )
    imported = ast.literal_eval(found.stdout)
    assert set(imported) - {"errno", "warnings"} == set(OURS), found.stderr


@pytest.mark.parametrize("module", ["dataclasses", "pydantic", "tensorflow"])
@pytest.mark.parametrize(
    "start", [[APPS / "audit_skin_tone.py"], ["-c", COMMAND, "audit_skin_tone"]]
)
def test_interrupt_during_an_import_leaves_no_traceback(tmp_path, start, module):
    """A module is interrupted by Ctrl-C, and makes an error of its own of that."""
    (tmp_path / f"{module}.py").write_text(STOP)
    path = os.pathsep.join(map(str, [tmp_path, *sys.path]))
    found = subprocess.run(
        [
            sys.executable,
            *start,
            "--run",
            tmp_path / "run",
            "--data",
            "phantom:n=2,seed=1",
        ],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 130
    assert found.stderr == "\nstopped; the same command goes on from here\n"
    assert not (tmp_path / "run").exists()


def test_interrupt_of_the_work_ends_in_order(tmp_path, monkeypatch, capsys):
    def interrupted(self):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            print("left in order", file=sys.stderr)

    monkeypatch.setattr("keras_derm.jobs.audit_skin_tone.AuditSkinTone.do", interrupted)
    options = ["--run", tmp_path / "run", "--data", "phantom:n=2,seed=1"]
    status, said = ended(monkeypatch, capsys, "audit_skin_tone", *options)
    assert status == 130
    assert said == "left in order\n\nstopped; the same command goes on from here\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.6, 1, 2, 4])
def test_interrupt_leaves_no_traceback(tmp_path, seconds):
    """Of the command; before its first module is read, Python itself ends it."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True)
    seconds += time.monotonic() - start
    options = ["--run", tmp_path / "run", "--data", "phantom:n=500,seed=1,size=64"]
    process = subprocess.Popen(
        [sys.executable, APPS / "audit_skin_tone.py", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"KERAS_DERM_CACHE": str(tmp_path)},
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "stopped; the same command" in said and "Traceback" not in said


@pytest.mark.parametrize(
    "number, said",
    [
        (errno.ENOSPC, "there is no space left: make some, and the same command goes"),
        (errno.EROFS, "nothing can be written there: name another place"),
        (errno.EACCES, "may not read or write there: name another place"),
    ],
)
def test_error_of_the_system_says_which_file_and_what_to_do(
    tmp_path, monkeypatch, capsys, number, said
):
    def refuse(temporary, path):
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(files.os, "replace", refuse)
    out = tmp_path / "phantom"
    status, message = ended(
        monkeypatch, capsys, "make_phantom", out, "--n", "1", "--workers", "1"
    )
    assert status == 1 and message.startswith(f"error: {out}/")
    assert said in message and "Received: as the system says it" in message


def test_file_in_place_of_a_folder_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "run").write_text("no folder")
    options = ("--data", "phantom:n=9,seed=1")
    for run in (tmp_path / "run", tmp_path / "run/inner"):
        status, message = ended(
            monkeypatch, capsys, "audit_skin_tone", "--run", run, *options
        )
        assert status == 1
        assert "there is a file where a folder is to be: name another" in message


def test_warnings_and_errors_are_fit_for_a_terminal(monkeypatch, capsys):
    def work(name):
        warnings.warn("an \x1b[31mescape\x07", UserWarning, stacklevel=2)
        raise ValueError("first\n" * 300 + "x" * 1_000_000)

    monkeypatch.setattr("keras_derm.jobs.table.app", work)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        status, said = ended(monkeypatch, capsys, "audit")
    assert status == 1 and len(said) < 5_000
    assert said.startswith("warning: an \\x1b[31mescape\\x07\nerror: first\n")
    assert "... and 241 lines more" in said
    assert all(c.isprintable() or c == "\n" for c in said)
