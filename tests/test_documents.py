"""README, guides and the files for those who carry on say what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDES]


def anchors(document):
    """What GitHub calls the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text)
    for target, anchor in links:
        path = (document.parent / target).resolve() if target else document
        assert path.exists() or target == "api/index.md", f"no {target}"
        assert not anchor or anchor in anchors(path), f"no #{anchor} in {path.name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_there(document):
    text = document.read_text(encoding="utf-8")
    scripts = set(re.findall(r"\b(?:apps|benchmarks)/\w+\.py\b", text))
    missing = {script for script in scripts if not (ROOT / script).is_file()}
    assert missing <= {"apps/APP.py"}
    made = re.findall(r"^([a-z-]+):", read("Makefile"), re.M)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(made)


def test_readme_is_the_front_door_only():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_benchmark_is_listed():
    listed = set(
        re.findall(r"^\| `benchmarks/(\w+\.py)", read("docs/benchmarks.md"), re.M)
    )
    assert listed == {path.name for path in (ROOT / "benchmarks").glob("*.py")}


def test_the_example_of_readme_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path))
    (example,) = re.findall(r"^```python\n(.*?)^```", read("README.md"), re.M | re.S)
    names = {}
    exec(example, names)
    assert names["without_hair"].shape == (1, 128, 128, 3)
    assert "undetermined" in capsys.readouterr().out


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")
