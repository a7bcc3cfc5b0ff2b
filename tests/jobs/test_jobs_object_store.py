"""Apps on photographs and results in an object store."""

import csv
import io
import json
import shutil

import pandas as pd
import pytest
from test_jobs_predict_many import classified, stop_after, write_photograph

from keras_derm import jobs
from keras_derm.jobs.predict import predict
from keras_derm.object_store import ObjectStoreError
from keras_derm.runs import RunDirectory

BAD = "b/bad.jpg"


@pytest.fixture(scope="module")
def model(small_tflite):
    return small_tflite


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs in a folder and two folders of it; one cannot be read."""
    folder = tmp_path_factory.mktemp("photographs") / "clinic"
    for i, place in enumerate(["a/0.png", "a/2 é.png", "b/1.png", "top.png"]):
        write_photograph(folder / place, i)
    write_photograph(folder / ".hidden/4.png", 4)
    (folder / BAD).write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def stored(bucket, folder):
    return bucket.put(folder)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Folder where rows are kept."""
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/predictions"


def below(rows, place):
    """Rows with the paths of their images below a folder or URL."""
    return [row | {"image": row["image"].removeprefix(f"{place}/")} for row in rows]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_rows_of_a_store_are_those_of_a_folder(
    model, folder, stored, bucket, tmp_path, cache, suffix
):
    """In the same order, to the last digit."""
    here, there = tmp_path / f"here{suffix}", f"{bucket.url}/results/there{suffix}"
    assert predict(model, str(folder), str(here), batch_size=2) == 1
    assert predict(model, stored, there, batch_size=2) == 1
    read = {
        ".csv": lambda file: list(csv.DictReader(io.TextIOWrapper(file, "utf-8"))),
        ".json": json.load,
        ".parquet": lambda file: pd.read_parquet(file).to_dict("records"),
    }[suffix]
    with open(here, "rb") as one, bucket.files.open(there) as other:
        one, other = below(read(one), folder), below(read(other), stored)
    names = ["top.png", "a/0.png", "a/2 é.png", "b/1.png", BAD]
    assert [row["image"] for row in other] == names
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))
    assert list(cache.iterdir()) == []


def test_run_that_was_stopped_goes_on_from_the_rows_of_this_machine(
    model, folder, bucket, tmp_path, cache, monkeypatch, capsys
):
    url = bucket.put(shutil.copytree(folder, tmp_path / "stopped"))
    output = f"{bucket.url}/results/stopped.csv"
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            predict(model, url, output, batch_size=2)
    assert not bucket.files.exists(output)
    (partial,) = (path for path in cache.iterdir() if path.suffix == ".partial")
    assert f"rows are kept in {partial}." in capsys.readouterr().out
    write_photograph(tmp_path / "other.png", 20)
    bucket.files.put_file(str(tmp_path / "other.png"), f"{url}/a/2 é.png")
    done_anew = classified(monkeypatch)
    predict(model, url, output, batch_size=2)
    assert done_anew == ["2 é.png", "1.png", "bad.jpg"]
    assert "Done already: 2 of 5 images." in capsys.readouterr().out
    predict(model, url, f"{bucket.url}/results/whole.csv")
    whole, gone_on = (
        bucket.files.cat_file(f"{bucket.url}/results/{name}.csv")
        for name in ("whole", "stopped")
    )
    assert whole == gone_on and list(cache.iterdir()) == []


def test_photographs_are_named_one_by_one_or_by_a_pattern(model, stored, tmp_path):
    output = tmp_path / "found.csv"
    predict(model, [f"{stored}/*/*.png", f"{stored}/top.png"], str(output))
    rows = below(pd.read_csv(output).to_dict("records"), stored)
    names = ["a/0.png", "a/2 é.png", "b/1.png", "top.png"]
    assert [row["image"] for row in rows] == names
    outlines = tmp_path / "outlines"
    predict(model, [stored, f"{stored}/top.png"], outline=str(outlines))
    drawn = {path.relative_to(outlines).as_posix() for path in outlines.rglob("*.png")}
    assert drawn == {*(f"{name}.png" for name in names), "top.png_2.png"}


def test_what_cannot_be_is_refused_before_any_work(model, stored):
    for name in (f"{stored}/nothing", f"{stored}/*.tif", "s3://no-bucket/a"):
        with pytest.raises(FileNotFoundError, match="names no file.*s3://"):
            predict(model, name)
    with pytest.raises(ObjectStoreError, match=r"no bucket 'no-bucket'.*bucket/a\.csv"):
        predict(model, stored, "s3://no-bucket/a.csv")
    with pytest.raises(ValueError, match="`outline` must lie on a disk.*s3://clinic/o"):
        predict(model, stored, outline="s3://clinic/o")
    with pytest.raises(ValueError, match="`model` must lie on a disk.*s3://clinic/m"):
        predict("s3://clinic/m.tflite", stored)


def test_store_that_begins_to_refuse_ends_the_command_and_leaves_the_rows(
    model, stored, tmp_path, monkeypatch
):
    """Rows that said so would be taken for done when the store answers again."""
    import s3fs

    output, get = f"{tmp_path}/found.csv", s3fs.S3FileSystem._cat_file

    async def refused(self, path, **options):
        if path.endswith("1.png"):
            raise PermissionError("The provided token has expired.")
        return await get(self, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_cat_file", refused)
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(ObjectStoreError, match=r"b/1\.png.*token has expired"):
            predict(model, stored, output, batch_size=1)
    s3fs.S3FileSystem.clear_instance_cache()
    done_anew = classified(monkeypatch)
    predict(model, stored, output)
    assert done_anew == ["1.png", "bad.jpg"]


@pytest.mark.slow
def test_cluster_asks_the_store_itself(model, stored, tmp_path):
    pytest.importorskip("ray", reason="no Ray here")
    outputs = [tmp_path / f"{place}.csv" for place in ("none", "local")]
    for output in outputs:
        predict(model, stored, str(output), batch_size=2, cluster=output.stem)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_finished_run_goes_to_a_store_and_comes_back(bucket, stored, tmp_path):
    """As the guide says it; its photographs stay where they were."""
    url = f"{bucket.url}/archive/mel"
    for name in ("0.png", "2 é.png"):
        bucket.files.copy(f"{stored}/a/{name}", f"{url}/{name}")
    run, back = tmp_path / "first", tmp_path / "back"
    jobs.run_stage("audit_skin_tone", run, data=f"folder:{bucket.url}/archive")
    bucket.files.put(f"{run}/", f"{bucket.url}/runs/first/", recursive=True)
    bucket.files.get(f"{bucket.url}/runs/first/", f"{back}/", recursive=True)
    here, there = (
        {p.relative_to(one) for p in one.rglob("*.*")} for one in (run, back)
    )
    assert here == there
    catalog = RunDirectory(back).catalog
    assert catalog.paths == [f"{url}/0.png", f"{url}/2 é.png"]
    pd.testing.assert_frame_equal(catalog.table, RunDirectory(run).catalog.table)
    assert RunDirectory(back).done("audit_skin_tone")
