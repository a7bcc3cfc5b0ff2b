"""Duplicates from an archive to its split. Sizes are for the test."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm import jobs
from keras_derm.catalog import find_leaks
from keras_derm.runs import RunDirectory

CLASSES = ("nevus", "melanoma", "bcc")


def photograph(seed, side=96):
    """A picture of smooth noise."""
    coarse = np.random.default_rng(seed).integers(40, 230, (12, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run whose archive has 30 photographs, equal files, near copies, a cut JPEG."""
    folder = tmp_path_factory.mktemp("duplicates")
    data = folder / "data"
    for name in CLASSES:
        (data / name).mkdir(parents=True)
    for i in range(30):
        photograph(i).save(data / CLASSES[i % 3] / f"photo{i:02d}.jpg", quality=95)
    for i in range(0, 9, 3):  # of another class, so that labels contradict
        shutil.copy(data / f"nevus/photo{i:02d}.jpg", data / f"bcc/equal{i}.jpg")
    for i in range(1, 10, 3):
        mirrored = photograph(i).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        mirrored.resize((80, 80)).save(data / f"melanoma/near{i}.jpg", quality=75)
    whole = (data / "bcc/photo29.jpg").read_bytes()
    (data / "bcc/cut.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    run = folder / "run"
    source = f"folder:{data}"
    jobs.run_stage("audit_skin_tone", run, data=source, tone_by="label", skip_bad=True)
    jobs.run_stage("find_duplicates", run)
    jobs.run_stage("prepare_dataset", run, image_size=32, fractions=(0.4, 0.3, 0.3))
    return run


def splits(run):
    table = RunDirectory(run).catalog.table
    return table.set_index("isic_id")["split"]


def test_audit_warns_of_equal_files_and_counts_what_it_left_out(runs):
    files = pd.read_csv(runs / "audit/identical_files.csv")
    assert files["n_images"].tolist() == [2, 2, 2]
    assert set(files["diagnoses"]) == {"BCC NV"}
    page = (runs / "audit.html").read_text()
    assert "3 photograph(s) are copies, byte for byte, of 3 others" in page
    assert "3 of these files have several diagnoses" in page
    assert "1 fault(s): their images were left out" in page
    assert "truncated or damaged" in page
    bad = pd.read_csv(runs / "bad_images.csv")
    assert bad["isic_id"].tolist() == ["cut"]


def test_copies_stay_together_and_are_shown(runs):
    pairs = pd.read_csv(runs / "duplicates/pairs.csv")
    kinds = pairs.groupby("kind").size().to_dict()
    assert kinds == {"same file": 3, "near": 3}
    assert set(pairs["turn"][pairs["kind"] == "near"]) == {"mirrored"}
    of = splits(runs)
    for pair in pairs.itertuples():
        assert of[pair.first] == of[pair.second]
    assert find_leaks(RunDirectory(runs).catalog).empty
    page = (runs / "duplicates.html").read_text()
    assert "6 pair(s) of 36 photographs count as one photograph" in page
    assert "3 of them have two diagnoses" in page
    assert (runs / "figures/duplicates_apart.png").is_file()


def test_decision_of_a_person_makes_the_split_anew(runs, tmp_path, capsys):
    run = shutil.copytree(runs, tmp_path / "run")
    pairs = pd.read_csv(run / "duplicates/pairs.csv", dtype=str)
    pairs.loc[pairs["kind"] == "near", "decision"] = "no"
    added = {"first": "photo27", "second": "photo28", "decision": "yes"}
    pairs = pd.concat([pairs, pd.DataFrame([added])])
    pairs.to_csv(tmp_path / "decided.csv", index=False)
    decided = str(tmp_path / "decided.csv")
    jobs.run_stage("find_duplicates", run, decisions=decided)
    options = {"image_size": 32, "fractions": (0.4, 0.3, 0.3)}
    capsys.readouterr()
    jobs.run_stage("prepare_dataset", run, **options)
    assert "what it builds on was made anew" in capsys.readouterr().out
    groups = pd.read_csv(run / "duplicates/groups.csv")
    assert len(groups) == 2 * (3 + 1)
    table = RunDirectory(run).catalog.table.set_index("isic_id")
    assert table["duplicate_group"]["photo27"] == table["duplicate_group"]["photo28"]
    assert pd.isna(table["duplicate_group"]["near1"])
    jobs.run_stage("prepare_dataset", run, **options)
    assert "already done" in capsys.readouterr().out


def test_wrong_decisions_leave_what_was_found(runs, tmp_path):
    (tmp_path / "decided.csv").write_text("first,second,decision\nnobody,photo01,yes\n")
    before = (runs / "duplicates/groups.csv").read_bytes()
    decided = str(tmp_path / "decided.csv")
    with pytest.raises(ValueError, match=r"decided.csv, row 2, column 'first'.*nobody"):
        jobs.run_stage("find_duplicates", runs, decisions=decided)
    with pytest.raises(FileNotFoundError, match="no such file"):
        jobs.run_stage("find_duplicates", runs, decisions="absent.csv")
    assert (runs / "duplicates/groups.csv").read_bytes() == before
    assert RunDirectory(runs).is_current("find_duplicates")
