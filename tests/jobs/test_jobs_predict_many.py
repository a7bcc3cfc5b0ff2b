"""predict.py on very many photographs: small, and it goes on where it was stopped."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_derm.jobs import predict as job
from keras_derm.jobs.kept_rows import kept_rows
from keras_derm.jobs.predict import predict
from keras_derm.jobs.predictor import Predictor

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "saved_models/ham10000_mobilenetv2.tflite"
CLASSES = ["MEL", "NV", "BCC"]


@pytest.fixture(scope="module")
def model(small_tflite):
    return small_tflite


@pytest.fixture
def folder(tmp_path):
    """Nine photographs in two folders, one of which cannot be read."""
    folder = tmp_path / "photographs"
    for i in range(8):
        write_photograph(folder / "ab"[i % 2] / f"{i}.png", i)
    (folder / "b/bad.jpg").write_bytes(b"no image")
    return folder


def write_photograph(path, seed, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    image = draw.normal((205, 160, 140), 6, (*size[::-1], 3))
    height, width = size[1] // 4, size[0] // 4
    image[height : 3 * height, width : 3 * width] = draw.uniform(60, 120, 3)
    Image.fromarray(image.clip(0, 255).astype("uint8")).save(path)


def stop_after(monkeypatch, n_batches):
    """Have the next prediction stop before its batch of that number."""
    rows, calls = Predictor.rows, []

    def stopped(self, paths):
        calls.append(paths)
        if len(calls) > n_batches:
            raise KeyboardInterrupt
        return rows(self, paths)

    monkeypatch.setattr(Predictor, "rows", stopped)
    return calls


def classified(monkeypatch):
    """List of the images that are classified from now on."""
    rows, found = Predictor.rows, []

    def noted(self, paths):
        found.extend(Path(path).name for path in paths)
        return rows(self, paths)

    monkeypatch.setattr(Predictor, "rows", noted)
    return found


def stopped(monkeypatch, model, folder, output, n_batches=2, **options):
    """A prediction in batches of two images that is stopped; its partial file."""
    with monkeypatch.context() as patch:
        stop_after(patch, n_batches)
        with pytest.raises(KeyboardInterrupt):
            predict(model, str(folder), str(output), batch_size=2, **options)
    assert not output.exists()
    return output.with_name(output.name + ".partial")


KILLED = """
import os, signal, sys
from keras_derm.jobs.predict import predict
from keras_derm.jobs.predictor import Predictor
rows, calls = Predictor.rows, []
def killed(self, paths):
    calls.append(paths)
    if len(calls) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows(self, paths)
Predictor.rows = killed
predict(sys.argv[1], sys.argv[2], sys.argv[3], batch_size=2)
"""


def test_killed_run_goes_on_and_ends_as_one_that_was_not(
    model, folder, tmp_path, monkeypatch
):
    whole, output = tmp_path / "whole.csv", tmp_path / "found.csv"
    assert predict(model, str(folder), str(whole)) == 1
    command = [sys.executable, "-c", KILLED, model, folder, output]
    assert subprocess.run(command, cwd=ROOT).returncode == -9
    assert not output.exists()
    done_anew = classified(monkeypatch)
    assert predict(model, str(folder), str(output), batch_size=3) == 1
    assert done_anew == ["1.png", "3.png", "5.png", "7.png", "bad.jpg"]
    assert output.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("photographs", "whole.csv", "found.csv"),
    }


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_every_form_is_the_same_after_a_stop(
    model, folder, tmp_path, monkeypatch, suffix, capsys
):
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"found{suffix}"
    predict(model, str(folder), str(whole))
    stopped(monkeypatch, model, folder, output)
    capsys.readouterr()
    assert predict(model, str(folder), str(output)) == 1
    assert output.read_bytes() == whole.read_bytes()
    told = capsys.readouterr().out
    assert "Done already: 4 of 9 images.\n" in told
    assert "8 of 9 images classified" in told
    assert "0.png" in told  # rows that were taken up are printed too


def test_parquet_has_the_rows_of_json(model, folder, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("keras_derm.jobs.prediction_rows.ROWS_OF_A_GROUP", 4)
    for suffix in ("json", "parquet"):
        predict(model, str(folder), str(tmp_path / f"found.{suffix}"))
    found = parquet.ParquetFile(tmp_path / "found.parquet")
    assert found.metadata.num_row_groups == 3
    rows = json.loads((tmp_path / "found.json").read_text())
    assert found.read().to_pylist() == rows
    types = {field.name: str(field.type) for field in found.schema_arrow}
    assert types["MEL"] == types["ita"] == "double"
    assert "list" in types["warnings"] and types["image"] == "string"


def test_parquet_without_pyarrow_is_refused_before_any_work(model, folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="keras_derm.parquet.*Received: 'a.parquet'"):
        predict(model, str(folder), "a.parquet")


@pytest.mark.parametrize("rest", [b'[[1, 2], {"image": "x', b"\0\0\0\n", b"{}\n"])
def test_row_that_was_cut_off_does_not_count(
    model, folder, tmp_path, monkeypatch, rest, capsys
):
    whole, output = tmp_path / "whole.csv", tmp_path / "found.csv"
    predict(model, str(folder), str(whole))
    with open(stopped(monkeypatch, model, folder, output), "ab") as file:
        file.write(rest)
    capsys.readouterr()
    predict(model, str(folder), str(output))
    assert "done again" not in capsys.readouterr().out
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("change", ["another photograph", "one more", "one less"])
def test_images_that_changed_are_classified_anew(
    model, folder, tmp_path, monkeypatch, change, capsys
):
    whole, output = tmp_path / "whole.csv", tmp_path / "found.csv"
    stopped(monkeypatch, model, folder, output)
    if change == "another photograph":
        write_photograph(folder / "a/2.png", 20)
        os.utime(folder / "a/2.png", ns=(0, 1))
    elif change == "one more":
        write_photograph(folder / "a/1.png", 20)
    else:
        (folder / "a/2.png").unlink()
    done_anew = classified(monkeypatch)
    predict(model, str(folder), str(output))
    told = capsys.readouterr().out
    assert "Done already: 1 of " in told and ": 3 rows are done again" in told
    assert done_anew[0] == {"one more": "1.png", "one less": "4.png"}.get(
        change, "2.png"
    )
    predict(model, str(folder), str(whole))
    assert output.read_bytes() == whole.read_bytes()


def test_rows_of_another_model_are_refused(model, folder, tmp_path, monkeypatch):
    output = tmp_path / "found.csv"
    partial = stopped(monkeypatch, model, folder, output)
    kept = partial.read_bytes()
    other = tmp_path / "other.tflite"
    other.write_bytes(Path(model).read_bytes())
    facts = json.loads(Path(model).with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps(facts | {"preset": "melanet"}))
    with pytest.raises(ValueError, match="another model.*begin anew.*Received: model"):
        predict(str(other), str(folder), str(output))
    with pytest.raises(ValueError, match="Received: outline None, now '.*outlines'"):
        predict(model, str(folder), str(output), outline=str(tmp_path / "outlines"))
    assert partial.read_bytes() == kept
    partial.write_text("my own notes\n")
    with pytest.raises(ValueError, match="holds something else.*Received:"):
        predict(model, str(folder), str(output))


def test_two_processes_never_write_one_output(model, folder, tmp_path):
    output = tmp_path / "found.csv"
    with (
        kept_rows(output, CLASSES, Predictor(model).record()),
        pytest.raises(RuntimeError, match="another process.*Received:"),
    ):
        predict(model, str(folder), str(output))


def test_pictures_keep_their_names_where_a_run_goes_on(
    model, folder, tmp_path, monkeypatch
):
    """Two photographs of one name, the second of them after the stop."""
    images = [str(folder / "a/0.png"), str(folder / "b"), str(folder / "a")]
    names = []
    for stops in (False, True):
        outlines, output = tmp_path / f"{stops}", tmp_path / f"{stops}.csv"
        if stops:
            with monkeypatch.context() as patch:
                stop_after(patch, 2)
                with pytest.raises(KeyboardInterrupt):
                    predict(
                        *(model, images, str(output)),
                        outline=str(outlines),
                        batch_size=2,
                    )
        predict(model, images, str(output), outline=str(outlines))
        names.append({path.name: path.read_bytes() for path in outlines.iterdir()})
    assert names[0] == names[1]
    assert {"0.png.png", "0.png_2.png"} < set(names[0])


def test_of_many_rows_in_a_file_counts_are_printed(
    model, folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(job, "MOST_SHOWN", 8)
    output = tmp_path / "found.csv"
    predict(model, str(folder), str(output))
    told = capsys.readouterr().out
    with open(output, newline="") as file:
        diagnoses = [row["diagnosis"] for row in csv.DictReader(file)]
    assert "8 of 9 images classified" in told and "0.png" not in told
    assert "bad.jpg  not read: not an image" in told
    for name in set(diagnoses) - {""}:
        assert f"{name} {diagnoses.count(name)}" in told
    predict(model, str(folder))
    assert "0.png" in capsys.readouterr().out


MEASURED = """
import sys
from keras_derm.export.memory import peak_bytes
from keras_derm.jobs.predict import predict
for folder in sys.argv[2:]:
    predict(sys.argv[1], folder, folder + ".csv")
    print("peak", peak_bytes())
print("tensorflow" in sys.modules)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="no /proc to read memory from"
)
@pytest.mark.parametrize(
    "numbers", [(40, 340), pytest.param((500, 5000), marks=pytest.mark.slow)]
)
def test_memory_is_small_and_does_not_grow_with_the_images(model, tmp_path, numbers):
    """What is held of each of 300 photographs, 90 kB each, would be 27 MB."""
    source = tmp_path / "photograph.png"
    write_photograph(source, 0, (200, 150))
    folders = [tmp_path / str(number) for number in numbers]
    for folder, number in zip(folders, numbers, strict=True):
        folder.mkdir()
        for i in range(number):
            (folder / f"{i:05d}.png").symlink_to(source)
    command = [sys.executable, "-c", MEASURED, model, *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.splitlines()
    few, many = (
        int(line.split()[1])
        for line in done.stdout.splitlines()
        if line.startswith("peak ")
    )
    assert many - few < 15e6, done.stdout
    assert many < 0.5e9
    assert last == "False"  # TensorFlow is not loaded


def test_the_shipped_model_needs_no_tensorflow(folder):
    code = (
        "import sys\n"
        "from keras_derm.export.memory import peak_bytes\n"
        "from keras_derm.jobs.predict import predict\n"
        "predict(sys.argv[1], sys.argv[2])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "assert peak_bytes() < 0.5e9, peak_bytes()\n"
    )
    if not SHIPPED.is_file():
        pytest.skip("saved_models absent")
    command = [sys.executable, "-c", code, SHIPPED, folder]
    subprocess.run(command, cwd=ROOT, check=True)
