import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_derm.files import atomic_path, new_array, write_json


def test_failed_write_leaves_old_file_and_no_rest(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"old": 1})
    with pytest.raises(OSError, match="full"), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError("disk full")
    assert json.loads(path.read_text()) == {"old": 1}
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_directory_is_replaced_whole(tmp_path):
    for content in ("first", "second"):
        with atomic_path(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert os.listdir(tmp_path / "folder") == ["second"]


KILLED = """
import os, signal, sys
from keras_derm.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.mkdir()
    (temporary / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path):
    folder, neighbour = tmp_path / "prepared", tmp_path / "prepared.csv"
    for path in (folder, neighbour):
        subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    left = set(os.listdir(tmp_path))
    assert len(left) == 2
    with atomic_path(folder) as first:
        first.mkdir()
        with atomic_path(folder) as second:  # as another process that writes the same
            second.mkdir()
            assert first.is_dir()
    (of_neighbour,) = (name for name in left if name.endswith(".csv"))
    assert set(os.listdir(tmp_path)) == {"prepared", of_neighbour}


def test_nan_becomes_null(tmp_path):
    write_json(tmp_path / "a.json", {"auc": [float("nan"), 0.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"auc": [None, 0.5]}


def test_import_does_not_load_tensorflow():
    code = "import keras_derm, sys; print('tensorflow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False"


def test_apps_load_without_tensorflow():
    code = "import keras_derm.jobs, sys; print('tensorflow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False"


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no posix_fallocate")
def test_new_array_has_its_room_on_the_disk_from_the_start(tmp_path):
    """A page that is written where there is none ends the process without a word."""
    array = new_array(tmp_path / "images.npy", np.uint8, (100, 64, 64, 3))
    assert os.stat(tmp_path / "images.npy").st_blocks * 512 >= array.nbytes
    array[3] = 7
    array.flush()
    read = np.load(tmp_path / "images.npy")
    assert read[3].min() == 7 and read.sum() == 7 * 64 * 64 * 3
