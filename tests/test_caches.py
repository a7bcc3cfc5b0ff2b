"""Users without a writable home; permissions do not bind root, so it is a device."""

import json
import os
import stat
import subprocess
import sys

import pytest

from keras_derm.caches import image_cache
from keras_derm.phantom import read

NO_HOME = "/dev/null/home"
VARIABLES = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "KERAS_HOME")
SHOW = f"""
import json, os, sys
import keras_derm
shown = {{name: os.environ.get(name) for name in {VARIABLES}}}
heavy = sorted({{"numpy", "tensorflow", "keras", "pandas"}} & set(sys.modules))
print(json.dumps([shown, heavy]))
"""
CACHED_FUNCTION = """
import keras_derm
import numba
from numba.core.caching import InTreeCacheLocator

InTreeCacheLocator.from_function = classmethod(lambda *arguments: None)  # read-only
import cached

print(cached.double.stats.cache_path)
"""


def run(code, temporary, **changed):
    """What a Python process prints whose temporary folder is this one."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES and not name.startswith("XDG_")
    }
    environment |= {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | changed,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_caches_lie_in_a_private_folder_where_there_is_no_home(tmp_path):
    (shown, heavy), (again, _) = (
        json.loads(run(SHOW, tmp_path, HOME=NO_HOME)) for _ in range(2)
    )
    (folder,) = tmp_path.iterdir()
    assert {os.path.dirname(path) for path in shown.values()} == {str(folder)}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert again == shown
    assert not heavy


def test_folder_that_others_may_write_is_not_taken(tmp_path):
    squatted = tmp_path / f"keras_derm-{os.getuid()}"
    squatted.mkdir()
    squatted.chmod(0o777)
    shown, _ = json.loads(run(SHOW, tmp_path, HOME=NO_HOME))
    assert str(squatted) not in {os.path.dirname(path) for path in shown.values()}
    assert not list(squatted.iterdir())


def test_usual_places_and_variables_that_are_set_stay(tmp_path):
    shown, _ = json.loads(run(SHOW, tmp_path, HOME=str(tmp_path)))
    assert shown == dict.fromkeys(VARIABLES)
    own = {name: f"/own/{name}" for name in VARIABLES}
    shown, _ = json.loads(run(SHOW, tmp_path, HOME=NO_HOME, **own))
    assert shown == own
    assert not list(tmp_path.iterdir())


def test_no_folder_at_all_is_no_fault_of_the_import(tmp_path):
    code = "import tempfile\n\ndef none(): raise FileNotFoundError\n"
    code += f"tempfile.gettempdir = tempfile.mkdtemp = none\n{SHOW}"
    shown, _ = json.loads(run(code, tmp_path, HOME=NO_HOME))
    assert shown == dict.fromkeys(VARIABLES)


@pytest.mark.parametrize("home", [NO_HOME, "~"])
def test_images_are_not_kept_where_they_would_be_lost(tmp_path, monkeypatch, home):
    """`~` is what Python gives for a user without home and name, as in a container."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("KERAS_DERM_CACHE", "")
    with pytest.raises(PermissionError, match="set KERAS_DERM_CACHE.*Received"):
        read("n=1,seed=1,size=64")
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    assert image_cache() == str(tmp_path / "new/.cache/keras_derm")
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path))
    assert image_cache() == str(tmp_path)


@pytest.mark.parametrize("home", [NO_HOME, "~"])
def test_numba_compiles_what_it_caches_without_a_home(tmp_path, monkeypatch, home):
    """As umap-learn has it: where numba finds no place, the import fails."""
    (tmp_path / "cached.py").write_text(
        "import numba\n\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = run(CACHED_FUNCTION, tmp_path, HOME=home)
    assert path.startswith(f"{tmp_path}{os.sep}keras_derm-")
