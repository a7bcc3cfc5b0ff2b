"""The apps, their scripts, the command and README name the same things."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from keras_derm.jobs import APPS, app
from keras_derm.jobs.command_line import main
from keras_derm.jobs.table import readme_rows

ROOT = Path(__file__).parents[2]
NAMES = [one.name for one in APPS]


def said(monkeypatch, capsys, *arguments):
    """Exit status of the command, and what it prints."""
    monkeypatch.setattr(sys, "argv", ["keras-derm", *arguments])
    with pytest.raises(SystemExit) as status:
        main()
    printed = capsys.readouterr()
    return status.value.code, printed.out + printed.err


def options_in(text):
    """Options of a help, but for `-h`."""
    return re.findall(r"^  --(\S+)", text, re.M)


def test_every_app_has_its_script_and_every_script_its_app():
    scripts = {path.stem: path for path in (ROOT / "apps").glob("*.py")}
    assert set(scripts) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    for name, path in scripts.items():
        assert f'command_line("{name}")' in path.read_text(encoding="utf-8")


def test_readme_lists_the_apps_in_their_order():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- apps:begin -->")
    table, found, _ = rest.partition("<!-- apps:end -->")
    assert found
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == NAMES
    assert readme_rows() in table


@pytest.mark.parametrize("name", NAMES)
def test_work_of_every_app_is_where_the_table_says(name):
    one = app(name)
    assert one.work.__name__.lower() in (
        one.name.replace("_", ""),
        (one.function or "").partition(":")[2],
    )
    if one.settings:
        assert one.work.Settings is one.settings
    assert one.summary.endswith((".", "?"))


def test_command_lists_the_apps(monkeypatch, capsys):
    for arguments in ([], ["--help"], ["-h"]):
        status, printed = said(monkeypatch, capsys, *arguments)
        assert status == 0
        assert re.findall(r"^  (\w+)  ", printed, re.M) == NAMES


def test_help_of_a_function_says_how_it_is_called(monkeypatch, capsys):
    status, text = said(monkeypatch, capsys, "predict", "--help")
    assert status == 0
    assert "predict.py MODEL IMAGES [--output FILE]: prints, row by row" in text


@pytest.mark.parametrize(
    "begins, name",
    [("audit", "audit_skin_tone"), ("export", "export_tflite"), ("tune", "tune")],
)
def test_name_of_an_app_may_be_cut_short(monkeypatch, capsys, begins, name):
    status, text = said(monkeypatch, capsys, begins, "--help")
    assert status == 0
    assert text.startswith(f"usage: keras-derm {name}")
    assert "--run" in text


@pytest.mark.parametrize(
    "begins, names",
    [
        ("train", [name for name in NAMES if name.startswith("train_")]),
        ("surprise", NAMES),
    ],
)
def test_name_that_tells_no_app_is_refused_with_those_there_are(
    monkeypatch, capsys, begins, names
):
    status, text = said(monkeypatch, capsys, begins, "--help")
    assert status == 1
    assert text.startswith("error: ")
    assert f"must be one of {', '.join(names)}. Received: {begins!r}" in text


def test_help_of_a_training_of_generators_is_short(monkeypatch, capsys):
    status, text = said(monkeypatch, capsys, "train_generator", "--help")
    assert status == 0
    options = options_in(text)
    assert len(options) <= 21
    assert {"config", "run", "generator", "image_size", "n_steps"} <= set(options)
    assert not [option for option in options if "." in option]
    assert "alone" not in text


@pytest.mark.parametrize("generator", ["sngan", "conditional_wgan_gp", "cyclegan"])
def test_options_of_a_generator_are_shown_where_it_is_named(
    monkeypatch, capsys, generator
):
    arguments = ("train_generator", "--generator", generator, "--help")
    status, text = said(monkeypatch, capsys, *arguments)
    assert status == 0
    own = [one for one in options_in(text) if one.startswith("generator.")]
    assert all(one.split(".")[1] == generator for one in own)
    assert f"generator.{generator}.learning_rate" in own
    identity = f"generator.{generator}.identity_weight"
    assert (identity in own) == (generator == "cyclegan")


@pytest.mark.parametrize("name", [one.name for one in APPS if one.settings])
def test_help_of_a_stage_says_types_in_plain_words(monkeypatch, capsys, name):
    status, text = said(monkeypatch, capsys, name, "--help")
    assert status == 0
    assert set(app(name).settings.names()) <= {
        option.split(".")[0] for option in options_in(text)
    }
    for internal in ("Annotated", "FieldInfo", "metadata"):
        assert internal not in text


def test_help_of_every_app_is_given_without_tensorflow():
    code = """
import contextlib, io, sys
from keras_derm.jobs.command_line import command_line
from keras_derm.jobs.table import APPS
for app in APPS:
    sys.argv = [app.name, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        with contextlib.suppress(SystemExit):
            command_line(app.name)
    assert "--config" in said.getvalue(), app.name
    assert not {"tensorflow", "keras"} & set(sys.modules), app.name
print("all")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == "all\n", found.stderr
